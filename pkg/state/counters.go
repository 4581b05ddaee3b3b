package state

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// minInterval is the shortest time a rate is computed over: a second run right
// after the first must not divide by next to nothing.
const minInterval = time.Second

// Bounds of what Counters remember.
const (
	maxCounters = 1 << 16
	maxName     = 255
)

// A Sample is what counters stood at, all at one moment.
type Sample struct {
	// Epoch names what was counted since when: the boot id, and what else
	// begins a new count, such as a network namespace. No blanks.
	Epoch string
	// At is the moment on the clock that nobody can set, see [BootClock].
	At time.Duration
	// Values by name; names have no blanks.
	Values map[string]uint64
}

// A Rate is how fast a counter rose. It is never negative.
type Rate struct {
	PerSecond float64
	// Interval is what the rate is an average over; 0 while it is not known.
	Interval time.Duration
}

// Known reports whether there is a rate. There is none ("collecting") on a first
// run, and on the first one after a restart or after the counter fell.
func (r Rate) Known() bool { return r.Interval > 0 }

// A point is a counter's value at one moment.
type point struct {
	at    time.Duration
	value uint64
}

// A track is what is remembered of one counter: where it stood when a rate was
// last computed, and before that.
type track struct {
	last, before point
	two          bool // before is there
}

// Counters remember where counters stood. The zero value remembers nothing.
type Counters struct {
	epoch  string
	tracks map[string]track
}

// Advance computes each counter's rate since the last sample and remembers this
// one. A sample less than a second after the last one is held against the one
// before that, and is not remembered. Counters that are not in the sample are
// forgotten.
func (c *Counters) Advance(now Sample) map[string]Rate {
	tracks := make(map[string]track, len(now.Values))
	rates := make(map[string]Rate, len(now.Values))
	for name, value := range now.Values {
		old, seen := c.tracks[name]
		seen = seen && c.epoch == now.Epoch
		tracks[name], rates[name] = old.advance(seen, point{now.At, value})
	}
	c.epoch, c.tracks = now.Epoch, tracks
	return rates
}

func (t track) advance(seen bool, now point) (track, Rate) {
	if !seen || now.value < t.last.value || now.at < t.last.at {
		return track{last: now}, Rate{}
	}
	if now.at-t.last.at >= minInterval {
		return track{last: now, before: t.last, two: true}, since(t.last, now)
	}
	if t.two {
		return t, since(t.before, now)
	}
	return t, Rate{}
}

func since(then, now point) Rate {
	interval := now.at - then.at
	return Rate{float64(now.value-then.value) / interval.Seconds(), interval}
}

// Append writes what is remembered, to be read by [DecodeCounters]: a line with
// the epoch, then one for each counter with its name and one or two points.
func (c Counters) Append(b []byte) []byte {
	b = append(b, c.epoch...)
	b = append(b, '\n')
	for _, name := range slices.Sorted(maps.Keys(c.tracks)) {
		t := c.tracks[name]
		b = append(b, name...)
		b = appendPoint(b, t.last)
		if t.two {
			b = appendPoint(b, t.before)
		}
		b = append(b, '\n')
	}
	return b
}

func appendPoint(b []byte, p point) []byte {
	b = strconv.AppendInt(append(b, ' '), int64(p.at), 10)
	return strconv.AppendUint(append(b, ' '), p.value, 10)
}

var errCounters = errors.New("what it says of counters is damaged")

// DecodeCounters reads what [Counters.Append] wrote.
func DecodeCounters(data []byte) (Counters, error) {
	epoch, rest, found := bytes.Cut(data, []byte("\n"))
	if !found || !validName(string(epoch)) {
		return Counters{}, errCounters
	}
	c := Counters{epoch: string(epoch), tracks: map[string]track{}}
	for len(rest) > 0 {
		var line []byte
		if line, rest, found = bytes.Cut(rest, []byte("\n")); !found {
			return Counters{}, errCounters
		}
		name, t, ok := decodeTrack(string(line))
		if _, twice := c.tracks[name]; !ok || twice || len(c.tracks) == maxCounters {
			return Counters{}, errCounters
		}
		c.tracks[name] = t
	}
	return c, nil
}

func decodeTrack(line string) (name string, t track, ok bool) {
	words := strings.SplitN(line, " ", 6)
	if len(words) != 3 && len(words) != 5 || !validName(words[0]) {
		return "", track{}, false
	}
	if t.last, ok = decodePoint(words[1], words[2]); !ok || len(words) == 3 {
		return words[0], t, ok
	}
	t.two = true
	t.before, ok = decodePoint(words[3], words[4])
	ok = ok && t.last.at-t.before.at >= minInterval && t.last.value >= t.before.value
	return words[0], t, ok
}

func decodePoint(at, value string) (p point, ok bool) {
	nanos, err := strconv.ParseInt(at, 10, 64)
	if err != nil || nanos < 0 {
		return point{}, false
	}
	p = point{at: time.Duration(nanos)}
	p.value, err = strconv.ParseUint(value, 10, 64)
	return p, err == nil
}

func validName(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsAny(name, " \n")
}

func (s Sample) check() error {
	if !validName(s.Epoch) || s.At < 0 || len(s.Values) > maxCounters {
		return errors.New("bad sample of counters")
	}
	for name := range s.Values {
		if !validName(name) {
			return errors.New("bad name of a counter: " + quote.Text(name))
		}
	}
	return nil
}

// Rates is Advance on what the store remembers. note is a word to people where a
// file was there and could not be used, else nil: all rates are collecting then.
// On an error rates is nil.
func (s Store) Rates(ctx context.Context, now Sample) (rates map[string]Rate, note, err error) {
	if err := now.check(); err != nil {
		return nil, nil, err
	}
	err = s.Update(ctx, func(old []byte, oldErr error) ([]byte, error) {
		var c Counters
		if oldErr == nil {
			if c, oldErr = DecodeCounters(old); oldErr != nil {
				oldErr = &BrokenError{Path: s.Path(), Reason: oldErr.Error()}
			}
		}
		if oldErr != nil && !errors.Is(oldErr, ErrNone) && !errors.Is(oldErr, ErrRestarted) {
			note = oldErr
		}
		rates = c.Advance(now)
		return c.Append(nil), nil
	})
	if err != nil {
		return nil, note, err
	}
	return rates, note, nil
}
