package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// suffixForms says what a suffix may look like.
const suffixForms = "use conntrack_table, conntrack_stats, conntrack_protocols, conntrack_states or conntrack_new"

// Graph makes the graph of a Munin suffix. The shape comes first: whatever
// goes wrong while measuring, its fields are known.
func (m *measurement) Graph(ctx context.Context, call *plugin.Call, suffix string) (*report.Report, error) {
	r := &report.Report{Plugin: "conntrack"}
	var measure func(context.Context, *plugin.Call, *host, *report.Report) error
	switch suffix {
	case "table":
		r.Graphs, measure = []report.Graph{tableShape()}, m.graphTable
	case "stats":
		r.Graphs, measure = []report.Graph{statsShape()}, m.graphStats
	case "protocols":
		r.Graphs, measure = []report.Graph{protocolsShape()}, m.graphProtocols
	case "states":
		r.Graphs, measure = []report.Graph{statesShape()}, m.graphStates
	case "new":
		r.Graphs, measure = []report.Graph{newShape()}, m.graphNew
	default:
		return nil, plugin.Usagef("suffix %s is none of the graphs: %s", quote.Text(suffix), suffixForms)
	}
	r.Default, m.graphed = r.Graphs[0].Metrics[0].Name, true
	if err := m.unfixed(call, suffix); err != nil {
		return r, err
	}
	if !call.NeedValues && suffix != "table" { // whose limits depend on its size
		return r, nil
	}
	h, err := openHost(call)
	if err != nil {
		return r, err
	}
	defer h.close()
	return r, explained(measure(ctx, call, h, r))
}

// unfixed refuses the options that a graph sets itself, and a selection where
// there is nothing to select.
func (m *measurement) unfixed(call *plugin.Call, suffix string) error {
	for _, option := range []struct {
		name   string
		values []string
	}{{"port", []string{call.Env.Getenv("port")}}, {"protocol", m.Protocol}, {"state", m.State}, {"by", m.By}} {
		if len(plugin.Words(option.values)) > 0 {
			return plugin.Usagef("env.%s cannot change this graph: the name of the link says what it counts", option.name)
		}
	}
	f, err := m.filter()
	if whole := suffix == "table" || suffix == "stats"; whole && err == nil && !f.IsZero() {
		err = plugin.Usagef("conntrack_%s is about the whole table: a selection cannot narrow it", suffix)
	}
	return err
}

func tableShape() report.Graph {
	return report.Graph{
		Title: "Connection tracking table", VerticalLabel: "entries", Category: "fw",
		Info:    "Entries in the connection-tracking table, and how many fit. The kernel drops new connections when it is full.",
		Metrics: tableMetrics(conntrack.Table{}),
	}
}

func (m *measurement) graphTable(ctx context.Context, call *plugin.Call, h *host, r *report.Report) error {
	t, source, err := h.table(ctx)
	if err != nil {
		return err
	}
	r.Source, r.Graphs[0].Metrics = source, tableMetrics(t)
	if t.Max > 0 {
		used := &r.Graphs[0].Metrics[0]
		used.Threshold, err = shareLimits(t.Max)
	}
	if !call.NeedValues {
		forgetValues(r)
	}
	return err
}

// shareLimits are the usual limits as numbers of entries.
func shareLimits(most uint64) (t threshold.Threshold, err error) {
	if t.Warning, err = threshold.Parse(strconv.FormatUint(most/100*80+most%100*80/100, 10)); err != nil {
		return t, err
	}
	t.Critical, err = threshold.Parse(strconv.FormatUint(most/100*90+most%100*90/100, 10))
	return t, err
}

func forgetValues(r *report.Report) {
	for metric := range r.Metrics() {
		metric.Value = report.Unknown()
	}
}

func statsShape() report.Graph {
	g := report.Graph{
		Title: "Connection tracking trouble", VerticalLabel: "events", Category: "fw",
		Info: "What the connection tracker dropped, refused and repeated. On a healthy host only invalid rises.",
	}
	for _, c := range counters() {
		g.Metrics = append(g.Metrics, counterMetric(c))
	}
	return g
}

func (m *measurement) graphStats(ctx context.Context, _ *plugin.Call, h *host, r *report.Report) error {
	cpus, source, err := h.statistics(ctx)
	if err != nil {
		return err
	}
	r.Source = source
	sum := conntrack.Sum(cpus)
	for i, c := range counters() {
		if n, ok := sum.Get(c); ok {
			r.Graphs[0].Metrics[i].Value = report.Count(n)
		} else {
			r.Problems = append(r.Problems, "this kernel does not count "+c.String())
		}
	}
	return nil
}

func protocolsShape() report.Graph {
	g := report.Graph{
		Title: "Tracked flows by protocol", VerticalLabel: "flows", Category: "fw",
		Info: "Entries of the connection-tracking table by protocol, IPv4 and IPv6.",
	}
	for _, field := range []struct{ name, label, help string }{
		{"tcp", "tcp", "TCP flows."}, {"udp", "udp", "UDP flows."},
		{"icmp", "icmp", "Flows of ICMP and ICMPv6."}, {"other", "other", "Flows of all other protocols."},
	} {
		g.Metrics = append(g.Metrics, report.Metric{
			Name: field.name, Label: field.label, Help: field.help, Draw: report.Stack, Min: report.Count(0),
		})
	}
	return g
}

func (m *measurement) graphProtocols(ctx context.Context, _ *plugin.Call, h *host, r *report.Report) error {
	t, err := m.count(ctx, h, r, byProtocol)
	if err != nil {
		return err
	}
	tcp, udp := t.of(byte(conntrack.TCP)), t.of(byte(conntrack.UDP))
	icmp := t.of(byte(conntrack.ICMP)) + t.of(byte(conntrack.ICMPv6))
	for i, n := range []uint64{tcp, udp, icmp, t.total - tcp - udp - icmp} {
		r.Graphs[0].Metrics[i].Value = report.Count(n)
	}
	return nil
}

func statesShape() report.Graph {
	g := report.Graph{
		Title: "Tracked TCP flows by state", VerticalLabel: "flows", Category: "fw",
		Info: "TCP entries of the connection-tracking table by the tracker's state, IPv4 and IPv6.",
	}
	for _, s := range statesShown() {
		g.Metrics = append(g.Metrics, report.Metric{
			Name: s.String(), Label: s.String(), Help: fmt.Sprintf("TCP flows in state %s.", s), Draw: report.Stack, Min: report.Count(0),
		})
	}
	return g
}

func (m *measurement) graphStates(ctx context.Context, _ *plugin.Call, h *host, r *report.Report) error {
	t, err := m.count(ctx, h, r, byState, conntrack.TCP)
	if err != nil {
		return err
	}
	for i, s := range statesShown() {
		r.Graphs[0].Metrics[i].Value = report.Count(t.of(byte(s)))
	}
	return nil
}

// count counts the flows that the environment selects, of some protocols.
func (m *measurement) count(ctx context.Context, h *host, r *report.Report, d dimension, protocols ...conntrack.Protocol) (*tally, error) {
	f, err := m.filter()
	if err != nil {
		return nil, err
	}
	f.Protocols = protocols
	client, err := h.client()
	if err != nil {
		return nil, err
	}
	t := newTally([]dimension{d})
	r.Source = fromNetlink
	return t, t.fill(ctx, client, f)
}

func newShape() report.Graph {
	m := newMetric()
	m.Label = "new flows"
	return report.Graph{
		Title: "New tracked flows", VerticalLabel: "flows per second", Category: "fw",
		Info:    "Flows that began, per second, counted for a short time in each round.",
		Metrics: []report.Metric{m},
	}
}

func (m *measurement) graphNew(ctx context.Context, call *plugin.Call, h *host, r *report.Report) error {
	period, err := m.sample(call, time.Second)
	if err != nil {
		return err
	}
	f, err := m.filter()
	if err != nil {
		return err
	}
	client, err := h.client()
	if err != nil {
		return err
	}
	s, err := sampleNew(ctx, client, f, period)
	if err != nil {
		return err
	}
	r.Source = fromNetlink
	if s.Loss.Overruns > 0 {
		return &conntrack.LossError{Loss: s.Loss}
	}
	r.Graphs[0].Metrics[0].Value = perSecond(s)
	return nil
}

// Autoconf is yes where something is tracked, or was.
func (m *measurement) Autoconf(ctx context.Context, call *plugin.Call) error {
	h, err := openHost(call)
	if err != nil {
		return err
	}
	defer h.close()
	if _, _, err := h.table(ctx); err != nil {
		return explained(err)
	}
	if sentence, idle := h.idle(); idle {
		return errors.New(sentence)
	}
	return nil
}

// Suggest offers the graphs that work with the rights of this call.
func (m *measurement) Suggest(ctx context.Context, call *plugin.Call) ([]string, error) {
	h, err := openHost(call)
	if err != nil {
		return nil, err
	}
	defer h.close()
	if _, _, err := h.table(ctx); err != nil {
		return nil, err
	}
	suffixes := []string{"table"}
	if _, _, err := h.statistics(ctx); err == nil {
		suffixes = append(suffixes, "stats")
	}
	if _, err := h.tableByNetlink(ctx); err == nil {
		suffixes = append(suffixes, "protocols", "states", "new")
	}
	return suffixes, nil
}
