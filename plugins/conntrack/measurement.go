package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// A measurement holds the options of the check, the Munin plugin and the
// metrics command.
type measurement struct {
	plugin.Common
	plugin.Limits
	flowSelection
	grouping
	graphed bool   // for Munin, which asks for no rates
	Sample  string `long:"sample" unquote:"false" value-name:"DURATION" description:"count new flows for this time, as new per second"`
}

// A question is what a measurement's options ask.
type question struct {
	filter     *conntrack.Filter
	dimensions []dimension
	top        int
	sample     time.Duration
}

// ofFlows reports whether the question is about flows, not the fill.
func (q *question) ofFlows() bool { return !q.filter.IsZero() || len(q.dimensions) > 0 }

// question reads the options.
func (m *measurement) question(call *plugin.Call) (q question, err error) {
	if q.filter, err = m.filter(); err != nil {
		return q, err
	}
	if q.dimensions, err = parseDimensions(m.By); err != nil {
		return q, err
	}
	if len(q.dimensions) > 1 {
		return q, plugin.Usagef("--by takes one group in a check and in metrics: graph or check several with several calls")
	}
	if q.top, err = plugin.ParseTop(m.Top, 10); err != nil {
		return q, err
	}
	q.sample, err = m.sample(call, 0)
	return q, err
}

// sample reads --sample, which has to end before the call does.
func (m *measurement) sample(call *plugin.Call, fallback time.Duration) (time.Duration, error) {
	if m.Sample == "" {
		return fallback, nil
	}
	d, err := plugin.ParseDuration("--sample", m.Sample)
	if err != nil {
		return 0, err
	}
	if d < 10*time.Millisecond {
		return 0, plugin.Usagef("--sample %s is too short to count in: use 1s", quote.Text(m.Sample))
	}
	if !call.Deadline.IsZero() && d >= call.Deadline.Sub(call.Env.Now()) {
		return 0, plugin.Usagef("--sample %s leaves no time for an answer: use less than --timeout", quote.Text(m.Sample))
	}
	return d, nil
}

// Check measures the fill of the table, or with a selection its flows.
func (m *measurement) Check(ctx context.Context, call *plugin.Call) (*report.Report, error) {
	q, err := m.question(call)
	if err != nil {
		return nil, err
	}
	h, err := openHost(call)
	if err != nil {
		return nil, err
	}
	defer h.close()
	r := &report.Report{Plugin: "conntrack"}
	if q.ofFlows() {
		err = m.flowReport(ctx, call, h, q, r)
	} else {
		err = m.fillReport(ctx, call, h, r)
	}
	if err == nil && q.sample > 0 {
		err = addNew(ctx, h, q, r)
	}
	return r, err
}

// flowReport counts the flows that are selected.
func (m *measurement) flowReport(ctx context.Context, call *plugin.Call, h *host, q question, r *report.Report) error {
	v, err := newView(call, q)
	if err != nil {
		return err
	}
	foreseen := v.metrics(newTally(q.dimensions))
	if q.sample > 0 {
		foreseen = append(foreseen, newMetric())
	}
	if err := call.Foresee("flows", foreseen); err != nil {
		return err
	}
	client, err := h.client()
	if err != nil {
		return err
	}
	t := newTally(q.dimensions)
	if err := t.fill(ctx, client, q.filter); err != nil {
		return err
	}
	r.Headline, r.Default, r.Source = m.describe(t.total), "flows", fromNetlink
	r.Graphs = []report.Graph{{
		Title: "Tracked flows", VerticalLabel: "flows", Category: "fw", Metrics: v.metrics(t),
	}}
	r.Trace = append(r.Trace, "source: netlink", "plan: "+planOf(q.filter))
	if sentence, idle := h.idle(); idle && t.total == 0 {
		r.Details = append(r.Details, sentence)
	}
	return nil
}

// addNew adds the metric of --sample: flows that began, per second. State and
// status are left out of the selection, because a new flow has not yet come
// to what they ask for. A sample that lost events is no number.
func addNew(ctx context.Context, h *host, q question, r *report.Report) error {
	client, err := h.client()
	if err != nil {
		return err
	}
	s, err := sampleNew(ctx, client, q.filter, q.sample)
	if err != nil {
		return err
	}
	m := newMetric()
	if s.Loss.Overruns == 0 {
		m.Value = perSecond(s)
	} else {
		r.Problems = append(r.Problems, (&conntrack.LossError{Loss: s.Loss}).Error())
	}
	g := &r.Graphs[0]
	g.Metrics = slices.Insert(g.Metrics, 1, m)
	r.Trace = append(r.Trace, fmt.Sprintf("sample: %d new in %s", s.Created, s.Duration.Round(time.Millisecond)))
	return nil
}

func newMetric() report.Metric {
	return report.Metric{
		Name: "new", Label: "new per second", Help: "Flows that began, per second.", Min: report.Count(0),
	}
}

func sampleNew(ctx context.Context, client *conntrack.Client, filter *conntrack.Filter, period time.Duration) (conntrack.Summary, error) {
	narrowed := *filter
	narrowed.States, narrowed.Status = 0, conntrack.StatusTerm{}
	if filter.States != 0 {
		narrowed.Protocols = []conntrack.Protocol{conntrack.TCP}
	}
	s, err := client.Summarize(ctx, period, conntrack.SubscribeConfig{Types: conntrack.EventNew, Filter: &narrowed})
	return s, explained(err)
}

func perSecond(s conntrack.Summary) report.Value {
	return report.Number(float64(s.Created) / s.Duration.Seconds())
}

// MoreNames tells which names a threshold may use beyond the metrics of a report.
func (m *measurement) MoreNames() string {
	dimensions, err := parseDimensions(m.By)
	filter, filterErr := m.filter()
	switch {
	case m.graphed || err != nil || filterErr != nil:
		return ""
	case len(dimensions) == 1 && !dimensions[0].closed():
		return ", and groups such as " + dimensions[0].example()
	case len(dimensions) == 0 && filter.IsZero():
		return ", and per second " + rateNames()
	default:
		return ""
	}
}
