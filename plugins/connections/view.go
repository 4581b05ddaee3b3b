package main

import (
	"fmt"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A view decides which groups of a tally become which metrics. Groups of a set
// that is known beforehand, and those that options name, are always there;
// of all others the largest are shown and the rest is summed up.
type view struct {
	grouper *grouper
	top     int
	// named are the groups that are always shown, in order.
	named []group
	// limited are labels that a threshold names.
	limited []string
	// asked reports whether a check holds a metric against a threshold.
	asked func(metric string) bool
}

// mostNamed bounds the groups that a range of ports may name.
const mostNamed = 4096

func newView(call *plugin.Call, selected *selection.Selected, g *grouper, top int) (*view, error) {
	v := &view{grouper: g, top: top, named: namedGroups(g, selected)}
	v.asked = func(metric string) bool {
		return !call.Munin && (call.Wants(metric) || metric == "total" && call.Wants(""))
	}
	if len(g.dimensions) != 1 {
		return v, nil
	}
	if len(v.named) >= mostNamed {
		return nil, plugin.Usagef("--port names %d ports or more to count one by one: split the check", mostNamed)
	}
	r := reach{selected: selected, prefixes: g.prefixes}
	for name := range call.Limits {
		if r.couldBe(g.dimensions[0], name) {
			v.limited = append(v.limited, name)
		}
	}
	slices.Sort(v.limited)
	return v, nil
}

// closed reports whether the groups of a dimension are known beforehand.
func closed(d dimension) bool { return d == byState || d == byFamily || d == byProtocol }

// namedGroups are the groups that are known beforehand or named by options.
func namedGroups(g *grouper, selected *selection.Selected) []group {
	var groups []group
	if len(g.dimensions) != 1 {
		return nil
	}
	switch g.dimensions[0] {
	case byState:
		for _, s := range sock.States() {
			groups = append(groups, group{state: s})
		}
	case byFamily:
		groups = append(groups, group{family: sock.IPv4}, group{family: sock.IPv6})
		for _, t := range selected.Tables {
			if !t.Protocol.Internet() {
				return append(groups, group{family: sock.NoFamily})
			}
		}
	case byProtocol:
		for _, p := range selected.Protocols {
			groups = append(groups, group{protocol: p})
		}
	case byPort:
		eachPort(selected.Ports, func(p uint16) { groups = append(groups, group{port: p}) })
	case byPeerPort:
		eachPort(selected.PeerPorts, func(p uint16) { groups = append(groups, group{peerPort: p}) })
	case byPeer:
		for _, prefix := range selected.Peers {
			if prefix.IsSingleIP() {
				groups = append(groups, group{peer: reached(prefix.Addr())})
			}
		}
	case byNetwork:
		for _, prefix := range selected.Peers {
			if prefix.Bits() >= g.prefixes.of(prefix.Addr()) {
				groups = append(groups, group{network: g.network(prefix.Addr())})
			}
		}
	}
	return distinct(groups)
}

// distinct drops groups that are named twice.
func distinct(groups []group) []group {
	seen := map[group]bool{}
	return slices.DeleteFunc(groups, func(key group) bool {
		again := seen[key]
		seen[key] = true
		return again
	})
}

func eachPort(ranges []selection.PortRange, yield func(uint16)) {
	seen := map[uint16]bool{}
	for _, r := range ranges {
		for p := uint32(r.Low); p <= uint32(r.High) && len(seen) < mostNamed; p++ {
			if !seen[uint16(p)] {
				seen[uint16(p)] = true
				yield(uint16(p))
			}
		}
	}
}

// metrics turns the tally into metrics.
func (v *view) metrics(t *tally) []report.Metric {
	metrics := []report.Metric{{
		Name: "total", Label: "total", Help: "Every socket that the selection picks.", Value: v.value(t, "total", t.total), Min: report.Count(0),
	}}
	if len(v.grouper.dimensions) != 1 {
		return metrics
	}
	ranking := report.Rank(t.ranked(), v.metric)
	for _, key := range v.named {
		metric := ranking.Named(key, t.size(key))
		if metric.Value = v.value(t, metric.Name, t.size(key)); v.grouper.dimensions[0] == byState && t.untold.Has(key.state) {
			metric.Value = report.Unknown()
		}
		metrics = append(metrics, metric)
	}
	metrics = append(metrics, v.limitedMetrics(t, ranking)...)
	if !closed(v.grouper.dimensions[0]) {
		metrics = append(metrics, ranking.Top(v.top)...)
		metrics = append(metrics, report.Metric{
			Name: "other", Label: "other", Help: "Sockets of the groups that are not shown.",
			Value: v.rest(t, ranking.Rest(), metrics), Min: report.Count(0), Draw: report.Stack,
		})
	}
	return append(metrics, report.Metric{
		Name: "largest", Label: "largest", Help: "Sockets of the largest group.",
		Value: v.value(t, "largest", t.largest()), Min: report.Count(0),
	})
}

// fewNamed is how many named groups performance data can hold, whatever they are
// called.
const fewNamed = 64

// foresee refuses thresholds and ports that no tally can satisfy before a walk
// is made for them. Most checks have nothing to refuse.
func (v *view) foresee(call *plugin.Call) error {
	if !call.NamesMetrics() && len(v.named) <= fewNamed {
		return nil
	}
	return call.Foresee("total", v.metrics(newTally(v.grouper)))
}

func (v *view) metric(key group, n uint64, open bool) report.Metric {
	d := v.grouper.dimensions[0]
	text := v.grouper.text(key, d)
	return report.Metric{
		Name: v.grouper.label(key, d), Label: text,
		Help:  fmt.Sprintf("Sockets with %s %s.", d, text),
		Value: report.Count(n), Min: report.Count(0),
		Dimension: d.key(), Key: text, Open: open, Draw: report.Stack,
	}
}

// mistaken tells of groups that a threshold seems to mean and does not name:
// their labels have a hash, because their names had to be changed. Only owners
// have such names.
func (v *view) mistaken(t *tally) []string {
	if len(v.limited) == 0 || !ofOwners(v.grouper.dimensions[0]) {
		return nil
	}
	var notes []string
	ranked := t.ranked()
	for _, label := range v.limited {
		if note := v.mistakenFor(label, ranked); note != "" {
			notes = append(notes, note)
		}
	}
	return notes
}

func (v *view) mistakenFor(label string, ranked []counted) (note string) {
	d := v.grouper.dimensions[0]
	for _, c := range ranked {
		real := v.grouper.label(c.Group, d)
		if real == label {
			return ""
		}
		if plain, changed := report.Unhashed(real); changed && plain == label && note == "" {
			note = fmt.Sprintf("%s is not the metric of %s %s: that is %s", label, d, v.grouper.text(c.Group, d), real)
		}
	}
	return note
}

// limitedMetrics are the groups that thresholds name, zero where there is none
// now.
func (v *view) limitedMetrics(t *tally, ranking *report.Ranking[group]) []report.Metric {
	var metrics []report.Metric
	d := v.grouper.dimensions[0]
	labelOf := func(key group) string { return v.grouper.label(key, d) }
	for _, label := range v.limited {
		if slices.ContainsFunc(v.named, func(key group) bool { return labelOf(key) == label }) {
			continue
		}
		key := keyOf(d, label)
		metric := ranking.Labelled(label, labelOf, report.Metric{
			Name: label, Label: key, Help: fmt.Sprintf("Sockets with %s %s.", d, key),
			Value: report.Count(0), Min: report.Count(0), Dimension: d.key(), Key: key,
		})
		n, _ := metric.Value.Float()
		metric.Value = v.value(t, label, uint64(n))
		metrics = append(metrics, metric)
	}
	return metrics
}
