package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// measurement holds the options of the check, the Munin plugin and the metrics
// command.
type measurement struct {
	plugin.Common
	plugin.Limits
	place
	selection
	Period string `long:"period" unquote:"false" value-name:"DURATION" description:"the time to count in, up to now (default: 5m)"`
	Top    string `long:"top" unquote:"false" value-name:"N" description:"name the N busiest peers (default: 10)"`
	kernel *kernel
}

// defaultMetric is what a threshold without a name is for.
const defaultMetric = "opens"

// A question is what a measurement's options ask.
type question struct {
	query  query
	period time.Duration
	top    int
}

func (m *measurement) question() (q question, err error) {
	if q.query, err = m.query(false); err != nil {
		return q, err
	}
	if q.top, err = plugin.ParseTop(m.Top, 10); err != nil {
		return q, err
	}
	q.period, err = m.period()
	return q, err
}

func (m *measurement) period() (time.Duration, error) {
	if m.Period == "" {
		return 5 * time.Minute, nil
	}
	d, err := plugin.ParseDuration("--period", m.Period)
	if err == nil && d < time.Second {
		err = plugin.Usagef("--period %s is too short to count in: use 1s or more, such as 5m", quote.Text(m.Period))
	}
	return d, err
}

// identity tells questions apart in what is remembered.
func (m *measurement) identity(q *question) string {
	return fmt.Sprint(m.NetNS, m.BPFFS, q.query.ports, q.query.direction, q.period)
}

// Check counts the connections of the last period.
func (m *measurement) Check(ctx context.Context, call *plugin.Call) (*report.Report, error) {
	q, err := m.question()
	if err != nil {
		return nil, err
	}
	h, err := openHost(call, m.kernel, &m.place)
	if err != nil {
		return nil, err
	}
	defer h.close()
	began := time.Now()
	s, err := h.sample(q.query.wants)
	if err != nil {
		return nil, err
	}
	if err := q.query.counts(s.Method); err != nil {
		return nil, err
	}
	memory := recall(call, m.identity(&q))
	f := &search{host: h, query: q.query, want: q.period, now: s}
	f.find(ctx, memory)
	memory.keep(ctx, s, q.period)
	r := m.report(call, &q, f, memory)
	r.Trace = append(r.Trace, fmt.Sprintf("measured in %.1f ms", time.Since(began).Seconds()*1000))
	return r, nil
}

func (m *measurement) report(call *plugin.Call, q *question, f *search, memory *memory) *report.Report {
	r := &report.Report{Plugin: "opens", Default: defaultMetric, Source: source(&f.now.Summary)}
	r.Graphs = []report.Graph{{Title: "Connections opened" + m.subject(), VerticalLabel: "connections", Category: "network"}}
	g := &r.Graphs[0]
	g.Metrics = periodMetrics(spell(q.period))
	r.Details = slices.Concat(memory.notes, f.notes)
	r.Trace = append(r.Trace, "source: "+r.Source, fmt.Sprintf("counted for %s", spell(f.now.Length())))
	switch {
	case f.best != nil:
		r.Headline = m.headline(f.best, q.period, f.now.Method)
		if !f.best.isAbout(q.period) {
			real := f.best.real(q.period)
			g.Metrics = periodMetrics(real)
			if call.Person { // who reads no headline
				r.Notes = append(r.Notes, "counted in "+real+": no earlier reading is nearer to the period that was asked for")
			}
		}
		r.Trace = append(r.Trace, "the period reaches back to "+f.best.origin)
		fill(g, f.best)
		g.Metrics = append(g.Metrics, m.peerMetrics(call, f.best, q.top)...)
		if note := unknownPeers(f.best.unknown, &q.query); note != "" {
			r.Details = append(r.Details, note)
		}
	case memory.err != nil:
		r.Headline = "nothing to compare with"
		m.unremembered(call, r, memory.err)
	default:
		r.Headline = m.noun() + "s" + m.subject() + methodWords(f.now.Method) + " show in the next run"
		for i := range g.Metrics {
			g.Metrics[i].Value = report.Collecting()
		}
		g.Metrics = append(g.Metrics, m.limitedPeers(call, report.Collecting())...)
	}
	if f.now.Snapshot {
		r.Details = append(r.Details, fmt.Sprintf("as the timer published it %s ago, because the counters cannot be read without a right", spell(f.uptime()-f.now.Taken)))
	}
	if f.best != nil && memory.err != nil {
		r.Trace = append(r.Trace, "nothing is remembered: "+memory.err.Error())
	}
	return r
}

// unremembered says why there is no number, and that it matters where a
// threshold waits for it.
func (m *measurement) unremembered(call *plugin.Call, r *report.Report, why error) {
	g := &r.Graphs[0]
	g.Metrics = append(g.Metrics, m.limitedPeers(call, report.Unknown())...)
	if len(call.Limits) > 0 || !plugin.NoStateDir(why) {
		r.Problems = append(r.Problems, "no period to count in: "+why.Error())
		return
	}
	r.Details = append(r.Details, why.Error())
}

func (m *measurement) headline(p *period, want time.Duration, method opens.Method) string {
	n, _ := p.peerCount()
	text := plural(p.total(), m.noun()) + m.subject() + methodWords(method) + " in " + p.real(want)
	if p.unknown > 0 {
		return text + fmt.Sprintf(" of %s and more", plural(n, "peer"))
	}
	return text + " of " + plural(n, "peer")
}

// periodMetrics are the metrics of a period without their values; in says how long
// it is.
func periodMetrics(in string) []report.Metric {
	zero := report.Count(0)
	return []report.Metric{
		{Name: defaultMetric, Label: "connections", Min: zero, Help: "Connections opened in the last " + in + "."},
		{Name: "rate", Label: "rate", Min: zero, Help: "Connections opened per second in the last " + in + "."},
		{Name: "peers", Label: "peers", Min: zero, Help: "Distinct peers of these connections."},
		{Name: "largest", Label: "largest", Min: zero, Help: "Connections of the busiest peer."},
		{Name: "lost", Label: "lost", Min: zero, Help: "Connections of any namespace that are in no counter, because the tables were full."},
	}
}

func fill(g *report.Graph, p *period) {
	peers, largest := p.peerCount()
	total := p.total()
	for i, value := range []report.Value{
		report.Count(total), report.Number(float64(total) / p.length.Seconds()),
		report.Count(peers), report.Count(largest), report.Count(p.lost),
	} {
		g.Metrics[i].Value = value
	}
}

// peerMetrics are the peers that thresholds name, and the busiest of the others.
func (m *measurement) peerMetrics(call *plugin.Call, p *period, top int) []report.Metric {
	metrics := m.limitedPeers(call, report.Count(0))
	shown := 0
	for _, row := range rankedPeers(p.tally) {
		name := report.AddressLabel(row.Peer)
		if i := slices.IndexFunc(metrics, func(m report.Metric) bool { return m.Name == name }); i >= 0 {
			if metric := peerMetric(row.Peer, row.Opens); !metrics[i].Open {
				metric.Open = false
				metrics[i] = metric
			}
			continue
		}
		if shown < top {
			metrics = append(metrics, peerMetric(row.Peer, row.Opens))
			shown++
		}
	}
	return metrics
}

func peerMetric(peer netip.Addr, n uint64) report.Metric {
	return report.Metric{
		Name: report.AddressLabel(peer), Label: peer.String(), Help: "Connections of one peer.", Value: report.Count(n), Min: report.Count(0),
		Dimension: "peer", Key: peer.String(), Open: true,
	}
}

// limitedPeers are the peers that thresholds name.
func (m *measurement) limitedPeers(call *plugin.Call, value report.Value) []report.Metric {
	var metrics []report.Metric
	for name := range call.Limits {
		if isAddressLabel(name) {
			metrics = append(metrics, report.Metric{
				Name: name, Label: name, Help: "Connections of one peer.", Value: value, Min: report.Count(0), Dimension: "peer", Key: name,
			})
		}
	}
	slices.SortFunc(metrics, func(a, b report.Metric) int { return strings.Compare(a.Name, b.Name) })
	return metrics
}

// isAddressLabel reads a label back into the address that it stands for.
func isAddressLabel(label string) bool {
	parts, ok := strings.CutPrefix(label, "ip_")
	if !ok {
		return false
	}
	for _, separator := range []string{".", ":"} {
		if a, err := netip.ParseAddr(strings.ReplaceAll(parts, "_", separator)); err == nil && report.AddressLabel(a) == label {
			return true
		}
	}
	return false
}

// MoreNames tells which names a threshold may use beyond the metrics of a report.
func (m *measurement) MoreNames() string {
	return ", and peers such as ip_10_0_0_1"
}
