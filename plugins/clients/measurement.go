package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// A measurement holds the options of the check, the Munin plugin and the
// metrics command.
type measurement struct {
	plugin.Common
	plugin.Limits
	selection.Options
	question
}

// Check counts the clients of what the options select.
func (m *measurement) Check(ctx context.Context, call *plugin.Call) (*report.Report, error) {
	top, err := plugin.ParseTop(m.Top, 10)
	if err != nil {
		return nil, err
	}
	if err := call.Foresee(defaultMetric, shape(grouping{}, 0)); err != nil {
		return nil, err
	}
	c, err := m.take(ctx, call, &m.Options)
	if err != nil {
		return nil, err
	}
	metrics, open := c.metrics(func(name string) threshold.Threshold { return limitOf(call, name) })
	r := &report.Report{
		Plugin:   "clients",
		Headline: c.headline(&m.Options),
		Default:  defaultMetric,
		Graphs: []report.Graph{{
			Title: "Clients" + subject(&m.Options), VerticalLabel: "clients", Category: "network", Metrics: metrics,
		}},
		Details: slices.Concat(c.details(top), c.memory.notes, c.notes, c.plan.Notes),
		Source:  c.plan.Source,
		Trace:   c.trace(call),
	}
	if len(open) > 0 {
		r.Problems = append(r.Problems, c.problem(open))
	}
	return r, nil
}

// limitOf is the threshold that the frame is going to attach to a metric.
func limitOf(call *plugin.Call, name string) threshold.Threshold {
	t := call.Limits[name]
	if name != defaultMetric {
		return t
	}
	if given := call.Limits[""]; given.Warning.IsSet() {
		t.Warning = given.Warning
	}
	if given := call.Limits[""]; given.Critical.IsSet() {
		t.Critical = given.Critical
	}
	return t
}

// problem says why there is no verdict, and what to do about it.
func (c *census) problem(metrics []string) string {
	if len(metrics) == 1 && metrics[0] == oldest && c.undecidedConnections() == 0 {
		return fmt.Sprintf("the oldest connection is proven to last %s and may be older: %s", shortDuration(c.tally.oldest), c.remedy("later runs know"))
	}
	proven, undecided := c.proven()
	what := plural(undecided, "undecided peer")
	if undecided == 0 {
		what = plural(c.undecidedConnections(), "undecided connection")
	}
	return fmt.Sprintf("%d %s proven, the verdict hangs on %s: %s", proven, c.grouping.noun(proven), what,
		c.remedy("let it wait (no --no-wait, a longer --timeout)"))
}

// remedy is what to do so that less is undecided.
func (c *census) remedy(otherwise string) string {
	if c.memory.hopeless() {
		return "set --state-dir to a directory that can be written to, or let it wait"
	}
	return otherwise
}

// Autoconf asks whether connections can be told apart on this host.
func (m *measurement) Autoconf(ctx context.Context, call *plugin.Call) error {
	s, err := (&selection.Options{}).Query(ctx, call, selection.Defaults{Stateful: sock.StatesOf(sock.Listen)})
	if err != nil {
		return err
	}
	s.Need |= sock.FieldCookie
	t, err := m.host.open(s.Query)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.Count(ctx, func() {}, func(*sock.Socket) error { return nil })
}

// Suggest offers the ports that this host serves.
func (m *measurement) Suggest(ctx context.Context, call *plugin.Call) ([]string, error) {
	ports, err := m.ServedPorts(ctx, call)
	var suffixes []string
	for _, port := range ports {
		suffixes = append(suffixes, fmt.Sprint(port))
	}
	return suffixes, err
}
