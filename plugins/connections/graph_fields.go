package main

import (
	"context"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// fieldsFormat names what is remembered: the fields of one kind of group. A
// graph that is grouped another way begins anew.
func fieldsFormat(d dimension) string { return "connections-" + d.String() + "-1" }

// mostFields bounds env.top: every field is a file on the master, for ever.
const mostFields = 1000

// keepFields replaces the largest groups of the moment by those that the graph
// has had, and sums up what is left.
func (m *measurement) keepFields(ctx context.Context, call *plugin.Call, r *report.Report, t *tally, v *view) {
	g, d := &r.Graphs[0], v.grouper.dimensions[0]
	sizes := map[string]uint64{}
	for _, c := range t.ranked() {
		sizes[v.grouper.label(c.Group, d)] += c.Count
	}
	err := call.KeepFields(ctx, r, fieldsFormat(d), v.top, func(name string) report.Metric {
		if n := sizes[name]; n > 0 {
			return groupField(report.Count(n))
		}
		return groupField(v.value(t, name, 0))
	})
	if err != nil {
		call.Unremembered(r, err)
	}
	rest := t.total
	for i := range g.Metrics {
		switch metric := &g.Metrics[i]; metric.Name {
		case "total", "largest":
		case "other":
			metric.Value = v.rest(t, rest, g.Metrics)
		default:
			rest -= min(rest, sizes[metric.Name])
		}
	}
}

// groupField is the field of a group that is not among the largest now.
func groupField(value report.Value) report.Metric {
	return report.Metric{Value: value, Min: report.Count(0), Draw: report.Stack}
}

// recallFields gives a graph that could not be measured its fields.
func recallFields(call *plugin.Call, r *report.Report, v *view) {
	g := &r.Graphs[0]
	g.Metrics = v.metrics(newTally(v.grouper))
	for i := range g.Metrics {
		g.Metrics[i].Value = report.Unknown()
	}
	if d := v.grouper.dimensions; len(d) == 1 && !closed(d[0]) {
		call.RecallFields(g, fieldsFormat(d[0]), func(string) report.Metric { return groupField(report.Unknown()) })
	}
}
