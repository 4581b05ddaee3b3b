package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// suffixForms says what a suffix may look like.
const suffixForms = "use clients_PORT or clients_PORT_PORT..., such as clients_443 or clients_443_8443"

// parseSuffix reads the ports off the part of a link's name behind "clients_".
func parseSuffix(suffix string) ([]string, error) {
	parts := strings.Split(suffix, "_")
	for i, part := range parts {
		if _, ok := plugin.ParsePort(part); !ok {
			return nil, plugin.Usagef("suffix %s is none of the graphs: %s", quote.Text(suffix), suffixForms)
		}
		if slices.Contains(parts[:i], part) {
			return nil, plugin.Usagef("suffix %s names port %s twice: %s", quote.Text(suffix), part, suffixForms)
		}
	}
	return parts, nil
}

// Graph makes the graph of a Munin suffix. The shape comes first: whatever
// goes wrong while measuring, its fields are known.
func (m *measurement) Graph(ctx context.Context, call *plugin.Call, suffix string) (*report.Report, error) {
	ports, err := parseSuffix(suffix)
	if err != nil {
		return nil, err
	}
	r, err := m.graphShape(ports)
	if err != nil {
		return r, err
	}
	options := m.Options
	options.Port, options.Fixed = ports, true
	if !call.NeedValues {
		return r, options.Validate(call, established)
	}
	c, err := m.take(ctx, call, &options)
	if err != nil {
		return r, err
	}
	r.Source = c.plan.Source
	spans := c.spans()
	for i := range r.Graphs[0].Metrics {
		metric := &r.Graphs[0].Metrics[i]
		metric.Value = c.plain(spans[metric.Name], metric.Name)
	}
	r.Problems = slices.Concat(r.Problems, c.reasons(), c.memory.notes, c.notes)
	return r, nil
}

// reasons say why there may be no number.
func (c *census) reasons() []string {
	switch {
	case c.undecidedConnections() == 0 || !c.blind():
		return nil
	case c.memory.hopeless():
		return []string{"who stays is unknown: there is nothing from an earlier run, and no wait for a second look: " + c.remedy("")}
	default:
		return []string{"collecting: this is the first run, and who stays shows in the next"}
	}
}

func (m *measurement) graphShape(ports []string) (*report.Report, error) {
	minAge, err := m.minAge()
	g := report.Graph{
		Title: "Clients of port " + strings.Join(ports, ", "), VerticalLabel: "clients", Category: "network",
		Info: fmt.Sprintf("Distinct addresses, IPv4 and IPv6, with a connection to the port that is at least %s old, and their connections of that age.", shortDuration(minAge)),
	}
	for _, metric := range shape(grouping{}, minAge) {
		switch metric.Name {
		case defaultMetric, "connections", "undecided":
			g.Metrics = append(g.Metrics, metric)
		}
	}
	r := &report.Report{Plugin: "clients", Default: defaultMetric, Graphs: []report.Graph{g}}
	if err != nil {
		return r, err
	}
	return r, m.unfixed()
}

// unfixed refuses the options that a graph sets itself.
func (m *measurement) unfixed() error {
	for _, option := range []struct {
		name   string
		values []string
	}{
		{"port", slices.Concat(m.Port, m.LocalPort)}, {"protocol", m.Protocol},
		{"state", slices.Concat(m.State, m.Exclude)}, {"by", []string{m.By}},
	} {
		if len(plugin.Words(option.values)) > 0 {
			return plugin.Usagef("env.%s cannot change this graph: the name of the link says what it counts", option.name)
		}
	}
	return nil
}
