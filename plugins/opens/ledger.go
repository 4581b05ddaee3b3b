package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// A ledger is what the graph of a port's peers remembers: the last reading, what
// each field has counted since it is there, and how busy each peer was of late.
type ledger struct {
	last   *opens.Sample // nil: nothing was read yet
	counts map[string]uint64
	// scores fade: what was opened counts less the longer ago it was.
	scores map[netip.Addr]float64

	// fresh is what came since the last reading, by field, and all of it.
	fresh map[string]uint64
	total uint64
}

const (
	// fading is the time in which a score falls to a third.
	fading = 5 * time.Minute
	// faded scores are forgotten.
	faded = 0.1
)

// advance goes on to a new reading.
func (l *ledger) advance(s *opens.Sample, q *query) {
	l.fresh, l.total = map[string]uint64{}, 0
	if l.scores == nil {
		l.scores = map[netip.Addr]float64{}
	}
	if l.last == nil {
		l.begin(s, q)
		return
	}
	if l.last.Epoch == s.Epoch && s.Taken < l.last.Taken {
		return // an overlapping run has been further already
	}
	d := s.After(l.last)
	l.fade(d.Length)
	for _, p := range d.Peers {
		if q.wantsPeer(p.Addr) {
			l.scores[p.Addr] += float64(p.Opens)
			l.fresh[report.AddressLabel(p.Addr)] += p.Opens
			l.total += p.Opens
		}
	}
	for _, total := range d.Totals {
		if len(q.peers) == 0 {
			l.total += total.Overflow
		}
	}
	l.last = s
}

// begin scores peers by what they opened on average. What was counted up to now
// is in no field: a rate begins with the second reading.
func (l *ledger) begin(s *opens.Sample, q *query) {
	share := min(1, fading.Seconds()/max(1, s.Length().Seconds()))
	for _, p := range s.Peers {
		if q.wantsPeer(p.Addr) {
			l.scores[p.Addr] += float64(p.Opens) * share
		}
	}
	l.last = s
}

func (l *ledger) fade(d time.Duration) {
	factor := math.Exp(-d.Seconds() / fading.Seconds())
	maps.DeleteFunc(l.scores, func(peer netip.Addr, score float64) bool {
		l.scores[peer] = score * factor
		return score*factor < faded
	})
}

// credit adds what came to the fields that there are now, and the rest to the
// field of all others. Fields that are gone are forgotten.
func (l *ledger) credit(fields []string) {
	counts := map[string]uint64{}
	rest := l.total
	for _, name := range fields {
		counts[name] = l.counts[name] + l.fresh[name]
		rest -= min(rest, l.fresh[name])
	}
	counts[other] = l.counts[other] + rest
	l.counts = counts
}

// A ledger is remembered as lines, "count FIELD N" and "score ADDRESS N", then an
// empty one, and behind it the last reading.
func (l *ledger) encode() []byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(l.counts)) {
		b = fmt.Appendf(b, "count %s %d\n", name, l.counts[name])
	}
	for _, peer := range slices.SortedFunc(maps.Keys(l.scores), netip.Addr.Compare) {
		b = append(peer.AppendTo(append(b, "score "...)), ' ')
		b = append(strconv.AppendFloat(b, l.scores[peer], 'g', 6, 64), '\n')
	}
	return append(append(b, '\n'), encodeSample(l.last)...)
}

// readLedger reads what is remembered; note says why there is nothing of use
// where something should be.
func readLedger(data []byte, err error) (l *ledger, note error) {
	if errors.Is(err, state.ErrNone) {
		return new(ledger), nil
	}
	if err == nil {
		if l, err = decodeLedger(data); err == nil {
			return l, nil
		}
	}
	return new(ledger), err
}

var errLedger = errors.New("what was remembered of peers is damaged")

func decodeLedger(data []byte) (*ledger, error) {
	lines, rest, ok := strings.Cut("\n"+string(data), "\n\n")
	if !ok {
		return nil, errLedger
	}
	l := &ledger{counts: map[string]uint64{}, scores: map[netip.Addr]float64{}}
	for line := range strings.SplitSeq(strings.TrimPrefix(lines, "\n"), "\n") {
		if line != "" && !l.line(line) {
			return nil, errLedger
		}
	}
	samples, err := decodeSamples([]byte(rest))
	if err != nil {
		return nil, err
	}
	if len(samples) != 1 {
		return nil, errLedger
	}
	l.last = samples[0]
	return l, nil
}

func (l *ledger) line(line string) bool {
	word, line, _ := strings.Cut(line, " ")
	name, number, _ := strings.Cut(line, " ")
	switch word {
	case "count":
		n, err := strconv.ParseUint(number, 10, 64)
		l.counts[name] = n
		return err == nil
	case "score":
		peer, err := netip.ParseAddr(name)
		score, scoreErr := strconv.ParseFloat(number, 64)
		l.scores[peer] = score
		return err == nil && scoreErr == nil && score >= 0 && !math.IsInf(score, 0)
	default:
		return false
	}
}
