package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/selection"
)

// headline says in a few words who was found.
func (c *census) headline(o *selection.Options) string {
	proven, undecided := c.proven()
	of := subject(o)
	since := ""
	if c.minAge > 0 {
		since = " for " + shortDuration(c.minAge) + " or more"
	}
	switch {
	case undecided == 0:
		return fmt.Sprintf("%d %s%s%s", proven, c.grouping.noun(proven), of, since)
	case proven == 0:
		return plural(undecided, "peer") + of + " undecided"
	default:
		return fmt.Sprintf("%d %s%s proven and %d undecided", proven, c.grouping.noun(proven), of, undecided)
	}
}

// plural counts something.
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// subject says whose clients are counted.
func subject(o *selection.Options) string {
	var words []string
	for _, part := range []struct {
		preposition string
		values      []string
	}{
		{"of port", plugin.Words(slices.Concat(o.Port, o.LocalPort))},
		{"with port", plugin.Words(o.PeerPort)},
		{"on", plugin.Words(o.Local)},
		{"from", plugin.Words(o.Peer)},
		{"of process", o.ProcessNames()},
	} {
		if len(part.values) > 0 {
			words = append(words, part.preposition+" "+shortened(part.values))
		}
	}
	if len(words) == 0 {
		return " as selected"
	}
	return " " + strings.Join(words, " ")
}

// shortened lists values, of a long list only the first.
func shortened(values []string) string {
	const most = 5
	if len(values) <= most {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:most], ", "), len(values)-most)
}

// shortDuration writes a duration in its two largest units: 5s, 1m30s, 2d4h.
func shortDuration(d time.Duration) string {
	units := []struct {
		name   string
		length time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d < u.length {
			continue
		}
		if u.length == time.Second {
			return strconv.FormatFloat(float64(d/(100*time.Millisecond))/10, 'f', -1, 64) + "s"
		}
		text := fmt.Sprintf("%d%s", d/u.length, u.name)
		if next := units[i+1]; d%u.length >= next.length {
			text += fmt.Sprintf("%d%s", d%u.length/next.length, next.name)
		}
		return text
	}
	if d == 0 {
		return "0s"
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}

// shortBytes writes a number of bytes with three digits or so.
func shortBytes(n uint64) string {
	value, unit := float64(n), "B"
	for _, larger := range []string{"kB", "MB", "GB", "TB", "PB", "EB"} {
		if value < 999.5 {
			break
		}
		value, unit = value/1000, larger
	}
	digits := 0
	if unit != "B" && value < 99.5 {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + unit
}

// milliseconds is a time to the microsecond, which is what the kernel counts in.
func milliseconds(d time.Duration) float64 { return float64(d/time.Microsecond) / 1000 }

// shortRTT writes a round-trip time.
func shortRTT(d time.Duration) string {
	return strconv.FormatFloat(milliseconds(d), 'f', 2, 64) + " ms"
}

// details name the clients with the most connections.
func (c *census) details(top int) []string {
	var lines []string
	all := c.ranked()
	for _, r := range all[:min(top, len(all))] {
		lines = append(lines, c.detail(r))
	}
	if more := len(all) - top; more > 0 {
		lines = append(lines, fmt.Sprintf("... and %d more", more))
	}
	return lines
}

func (c *census) detail(r ranked) string {
	var parts []string
	if r.old > 0 {
		parts = append(parts, plural(r.old, "connection"))
	}
	if r.undecided > 0 {
		parts = append(parts, fmt.Sprintf("%d undecided", r.undecided))
	}
	if r.old > 0 {
		parts = append(parts, "oldest "+shortDuration(r.oldest))
	}
	if r.measured > 0 {
		parts = append(parts, shortBytes(r.received)+" in", shortBytes(r.acked)+" out", "rtt "+shortRTT(r.meanRTT()))
	}
	return c.grouping.text(r.name) + ": " + strings.Join(parts, ", ")
}

// trace tells how the answer was found, where --verbose asks for it.
func (c *census) trace(call *plugin.Call) []string {
	lines := selection.Trace(call, c.plan)
	if lines == nil {
		return nil
	}
	looks := "looks: 1"
	if c.looks > 1 {
		looks = fmt.Sprintf("looks: %d, %s apart", c.looks, shortDuration(c.waited))
	}
	lines = append(lines, looks)
	if c.memory.err == nil {
		lines = append(lines, "state: "+c.memory.store.Path())
	} else {
		lines = append(lines, "state: none: "+c.memory.err.Error())
	}
	return lines
}
