package prometheus

import (
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// A family is the samples of one name, which have to stand together.
type family struct {
	name, help string
	kind       report.Kind
	samples    []sample
	seen       map[string]bool // by label value
}

type sample struct{ label, key, value string }

// families sorts the known metrics of a report into families, in the order in
// which they first appear, and behind them the family that tells whether all
// are there.
func families(r *report.Report) []*family {
	var all []*family
	last := success(r)
	byName := map[string]*family{last.name: last}
	for g := range r.Graphs {
		graph := &r.Graphs[g]
		for i := range graph.Metrics {
			m := &graph.Metrics[i]
			if !m.Value.IsKnown() {
				continue
			}
			name := metricName(r.Plugin, m)
			f := byName[name]
			if f == nil {
				f = &family{name: name, help: help(graph, m), kind: m.Kind, seen: map[string]bool{}}
				byName[name], all = f, append(all, f)
			}
			f.add(m)
		}
	}
	return append(all, last)
}

// add takes a sample, unless there is one with the same label.
func (f *family) add(m *report.Metric) {
	if f.seen[m.Key] || f.kind != m.Kind {
		return
	}
	f.seen[m.Key] = true
	s := sample{value: baseUnits(m)}
	if m.Dimension != "" {
		s.label, s.key = fit(m.Dimension), m.Key
	}
	f.samples = append(f.samples, s)
}

// metricName returns the name of the family that a metric belongs to.
func metricName(plugin string, m *report.Metric) string {
	name := "sockcensus_" + fit(plugin)
	if m.Dimension != "" {
		name += "_by_" + fit(m.Dimension)
	} else {
		name += "_" + withoutUnit(fit(m.Name), m)
	}
	name = strings.TrimSuffix(name+unitSuffix(m), "_")
	if m.Kind == report.Counter {
		return name + "_total"
	}
	return name
}

// withoutUnit drops the words of a metric's own name that the format reserves
// or that its base unit replaces.
func withoutUnit(name string, m *report.Metric) string {
	if m.Unit == report.Percent {
		name = strings.TrimSuffix(name, "_percent")
	}
	if name == "total" || name == "count" || name == "sum" || name == "bucket" {
		return ""
	}
	for _, reserved := range []string{"_total", "_count", "_sum", "_bucket"} {
		name = strings.TrimSuffix(name, reserved)
	}
	return name
}

func unitSuffix(m *report.Metric) string {
	switch m.Unit {
	case report.Seconds:
		return "_seconds"
	case report.Bytes:
		return "_bytes"
	case report.Percent:
		return "_ratio"
	default:
		return ""
	}
}

// baseUnits prints the value; percent become parts of one.
func baseUnits(m *report.Metric) string {
	if f, _ := m.Value.Float(); m.Unit == report.Percent {
		return strconv.FormatFloat(f/100, 'f', -1, 64)
	}
	return m.Value.String()
}

// help explains a family. What one group counts says too little about all.
func help(g *report.Graph, m *report.Metric) string {
	text := m.Help
	if m.Dimension != "" {
		unit := g.VerticalLabel
		if unit == "" {
			unit = g.Title
		}
		text = unit + " by " + strings.ReplaceAll(m.Dimension, "_", " ") + "."
	}
	if text == "" {
		text = m.Label
	}
	if text == "" {
		text = m.Name
	}
	return text
}

// fit makes a name one of the format: [a-z_][a-z0-9_]*.
func fit(name string) string {
	b := []byte(strings.ToLower(name))
	for i, c := range b {
		if (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			b[i] = '_'
		}
	}
	return string(b)
}
