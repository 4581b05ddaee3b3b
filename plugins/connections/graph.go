package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// Graph makes the graph of a Munin suffix. The shape comes first: whatever
// goes wrong while measuring, the fields of a fixed graph are known.
func (m *measurement) Graph(ctx context.Context, call *plugin.Call, suffix string) (*report.Report, error) {
	name, err := parseSuffix(suffix)
	if err != nil {
		return nil, err
	}
	if name.kind != selectionGraph {
		if err := m.unfixed(name.kind); err != nil {
			return name.shape(), err
		}
	}
	switch name.kind {
	case summaryGraph:
		return m.summaryReport(ctx, call)
	case selectionGraph:
		return m.selectionReport(ctx, call, suffix)
	default:
		return m.fixedReport(ctx, call, name)
	}
}

// unfixed refuses the options that a fixed graph sets itself, and any selection
// where the graph shows the kernel's own counters.
func (m *measurement) unfixed(kind graphKind) error {
	for _, option := range []struct {
		name   string
		values []string
	}{{"port", m.Port}, {"local_port", m.LocalPort}, {"protocol", m.Protocol}, {"state", m.State}, {"by", m.By}} {
		if len(plugin.Words(option.values)) > 0 {
			return plugin.Usagef("env.%s cannot change this graph: the name of the link says what it counts; use connections_WORD for a selection of your own", option.name)
		}
	}
	if kind == summaryGraph && m.Any() {
		return plugin.Usagef("no selection narrows this graph: it shows the kernel's own counters, which are for every connection")
	}
	return nil
}

// shape is the graph with no values.
func (n graphName) shape() *report.Report {
	r := &report.Report{Plugin: "connections"}
	switch n.kind {
	case portGraph:
		r.Graphs = []report.Graph{n.portShape()}
		if len(n.ports) == 1 {
			r.Default = r.Graphs[0].Metrics[0].Name
		}
	case statesGraph:
		r.Default = "total"
		r.Graphs = []report.Graph{n.statesShape()}
	case summaryGraph:
		r.Graphs = summaryGraphs()
	}
	return r
}

func (n graphName) portShape() report.Graph {
	what, state := "TCP connections", "Established"
	if n.protocol == sock.UDP {
		what, state = "UDP sockets", "All"
	}
	g := report.Graph{
		Title: fmt.Sprintf("%s on port %s", what, portList(n.ports)), VerticalLabel: "sockets", Category: "network",
		Info: fmt.Sprintf("%s %s by local port, IPv4 and IPv6.", state, what),
	}
	for _, port := range n.ports {
		g.Metrics = append(g.Metrics, report.Metric{
			Name: fmt.Sprintf("p%d", port), Label: fmt.Sprintf("port %d", port),
			Help: fmt.Sprintf("%s %s on local port %d.", state, what, port), Min: report.Count(0),
		})
	}
	return g
}

func portList(ports []uint16) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = fmt.Sprint(p)
	}
	return strings.Join(words, ", ")
}

func (n graphName) statesShape() report.Graph {
	g := report.Graph{
		Title: "TCP sockets by state", VerticalLabel: "sockets", Category: "network",
		Info: "Every TCP socket by its state, IPv4 and IPv6. States that pile up tell who does not close: CLOSE_WAIT this host's programs, FIN_WAIT the peers.",
	}
	if len(n.ports) > 0 {
		g.Title += " on port " + portList(n.ports)
	}
	for _, state := range sock.States() {
		draw := report.Stack
		if state == sock.Listen {
			draw = report.Line
		}
		g.Metrics = append(g.Metrics, report.Metric{
			Name: stateLabel(state), Label: state.String(), Draw: draw, Min: report.Count(0),
			Help: fmt.Sprintf("TCP sockets in %s.", state),
		})
	}
	g.Metrics = append(g.Metrics, report.Metric{Name: "total", Label: "total", Help: "Every TCP socket.", Min: report.Count(0)})
	return g
}

// fixedReport measures connections_PORT and connections_states.
func (m *measurement) fixedReport(ctx context.Context, call *plugin.Call, name graphName) (*report.Report, error) {
	r := name.shape()
	options := m.Options
	options.Fixed = true
	options.Protocol = []string{name.protocol.String()}
	for _, port := range name.ports {
		options.Port = append(options.Port, fmt.Sprint(port))
	}
	g := &grouper{dimensions: []dimension{byState}}
	if name.kind == portGraph {
		g.dimensions = []dimension{byPort}
		if name.protocol.HasStates() { // or env.exclude would begin with all states
			options.State = []string{sock.Established.String()}
		}
	}
	if !call.NeedValues {
		return r, options.Validate(call, defaults(g))
	}
	selected, err := options.Query(ctx, call, defaults(g))
	if err != nil {
		return r, err
	}
	t, plan, err := count(ctx, selected, g)
	if err != nil {
		return r, err
	}
	r.Source, r.Notes = plan.Source, t.notes()
	name.fill(r.Graphs[0].Metrics, t)
	return r, nil
}

// fill sets the values of a fixed graph from a tally.
func (n graphName) fill(metrics []report.Metric, t *tally) {
	if n.kind == portGraph {
		for i, port := range n.ports {
			metrics[i].Value = report.Count(t.groups[group{port: port}])
		}
		return
	}
	for i, state := range sock.States() {
		metrics[i].Value = t.inState(state, t.states[state])
	}
	metrics[len(metrics)-1].Value = report.Count(t.total)
}

// selectionReport measures connections_WORD.
func (m *measurement) selectionReport(ctx context.Context, call *plugin.Call, suffix string) (*report.Report, error) {
	r := &report.Report{Plugin: "connections", Default: "total", Graphs: []report.Graph{{
		Title: "Connections: " + strings.ReplaceAll(suffix, "_", " "), VerticalLabel: "sockets", Category: "network",
		Info: "Sockets that the selection in plugin-conf.d picks.",
	}}}
	if !m.Any() && len(plugin.Words(m.By)) == 0 {
		return nil, plugin.Usagef("connections_%s needs env.filter or another selection in plugin-conf.d, else %s", suffix, suffixForms)
	}
	g, err := m.grouper()
	if err != nil {
		return nil, err
	}
	if len(g.dimensions) > 1 {
		return nil, plugin.Usagef("env.by takes one group")
	}
	top, err := plugin.ParseTop(m.Top, 10)
	if err != nil {
		return nil, err
	}
	if top > mostFields {
		return nil, plugin.Usagef("env.top %d: a graph has at most %d fields of its own", top, mostFields)
	}
	if len(g.dimensions) == 0 {
		r.Graphs[0].Metrics = []report.Metric{{Name: "total", Label: "total", Help: "Every socket that the selection picks.", Min: report.Count(0)}}
		if !call.NeedValues {
			return r, m.Validate(call, defaults(g))
		}
	}
	selected, err := m.Query(ctx, call, defaults(g))
	if err != nil {
		recallFields(call, r, &view{grouper: g, top: top, named: namedGroups(g, new(selection.Selected))})
		return r, err
	}
	v, err := newView(call, selected, g, top)
	if err != nil {
		return r, err
	}
	t, plan, err := count(ctx, selected, g)
	if err != nil {
		recallFields(call, r, v)
		return r, err
	}
	r.Source, r.Notes = plan.Source, t.notes()
	r.Graphs[0].Metrics = v.metrics(t)
	if len(g.dimensions) == 1 && !closed(g.dimensions[0]) {
		m.keepFields(ctx, call, r, t, v)
	}
	return r, nil
}

// Autoconf asks both sources for one protocol; either is enough.
func (m *measurement) Autoconf(ctx context.Context, call *plugin.Call) error {
	selected, err := m.Query(ctx, call, selection.Defaults{Stateful: sock.StatesOf(sock.Listen), Stateless: sock.AllStates})
	if err != nil {
		return err
	}
	scanner, err := scan.Open(selected.Query)
	if err != nil {
		return err
	}
	defer scanner.Close()
	return scanner.Each(ctx, func(*sock.Socket) error { return nil })
}

// Suggest offers the fixed graphs, and the ports that this host serves.
func (m *measurement) Suggest(ctx context.Context, call *plugin.Call) ([]string, error) {
	ports, err := m.ServedPorts(ctx, call)
	suffixes := []string{"states", "summary"}
	for _, port := range ports {
		suffixes = append(suffixes, fmt.Sprint(port))
	}
	return suffixes, err
}
