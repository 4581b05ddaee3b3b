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

// A measurement holds the options of the check, the Munin plugin and the metrics
// command.
type measurement struct {
	plugin.Common
	plugin.Limits
	choice
	expecting
	// more are names that a threshold may use beyond the metrics of a report, as
	// the end of the sentence that lists them.
	more string
}

const rateForm = ", drops_rate"

// Check tells what listens and how it differs from what is expected.
func (m *measurement) Check(ctx context.Context, call *plugin.Call) (*report.Report, error) {
	m.more = rateForm
	if call.Wants("drops") {
		return nil, plugin.Usagef("drops only ever rises: put the threshold on drops_rate, which is per second")
	}
	selected, err := m.query(ctx, call)
	if err != nil {
		return nil, err
	}
	x, err := m.expected(selected.Host.Service)
	if err != nil {
		return nil, err
	}
	s, err := m.take(ctx, selected, x != nil)
	if err != nil {
		return nil, err
	}
	r := &report.Report{Plugin: "listeners", Graphs: []report.Graph{{
		Title: "Listeners", VerticalLabel: "listeners", Category: "network",
	}}}
	if x != nil {
		err = m.checkExpected(ctx, call, r, s, x)
	} else {
		err = m.checkQueue(ctx, call, r, s)
	}
	if err != nil {
		return nil, err
	}
	if call.Wants("drops_rate") {
		addRate(ctx, call, r, s)
	}
	r.Source = s.plan.Source
	r.Details = append(r.Details, s.details()...)
	r.Trace = selection.Trace(call, s.plan)
	return r, nil
}

// MoreNames tells which names a threshold may use beyond the metrics of a report.
func (m *measurement) MoreNames() string {
	return m.more
}

// A count is what the metrics of every check tell.
type count struct {
	listening, public, tcp, udp uint64
	unproven                    uint64 // of those that are public
	drops                       uint64
	dropsKnown, queueKnown      bool
	fullest                     *listener // nil without TCP listeners
	fill                        float64
}

// countListeners sums up the listeners that count.
func countListeners(listed []*listener) count {
	c := count{dropsKnown: true, queueKnown: true}
	for _, l := range listed {
		if !l.Uncounted {
			c.add(l)
		}
	}
	return c
}

func (c *count) add(l *listener) {
	c.listening++
	if !l.Loopback {
		c.public++
	}
	if l.unproven() {
		c.unproven++
	}
	drops, known := l.drops()
	c.drops += drops
	c.dropsKnown = c.dropsKnown && known
	if l.Protocol == sock.UDP {
		c.udp++
		return
	}
	c.tcp++
	fill, known := l.fullest().fill()
	c.queueKnown = c.queueKnown && known
	if c.fullest == nil || fill > c.fill {
		c.fullest, c.fill = l, fill
	}
}

func (c *count) queue() report.Value {
	if !c.queueKnown {
		return report.Unknown()
	}
	return report.Number(c.fill)
}

func (c *count) dropped() report.Value {
	if !c.dropsKnown {
		return report.Unknown()
	}
	return report.Count(c.drops)
}

// metrics are those of every check.
func (c *count) metrics(call *plugin.Call) []report.Metric {
	reachable := "Listeners that can be reached from beyond this host."
	if c.unproven > 0 {
		reachable = "Listeners that can be reached from beyond this host, by their address: source proc does not tell which are bound to lo."
	}
	return []report.Metric{
		{Name: "listening", Label: "listening", Help: "Listeners: TCP sockets in LISTEN and UDP sockets that are not connected.", Value: report.Count(c.listening), Min: report.Count(0)},
		{Name: "public", Label: "public", Help: reachable, Value: c.reachable(call), Min: report.Count(0)},
		{Name: "queue", Label: "queue", Help: "Fill of the fullest accept queue.", Unit: report.Percent, Value: c.queue(), Min: report.Count(0), Max: report.Count(100)},
		{Name: "drops", Label: "drops", Help: "Connections and packets that the listening sockets dropped.", Kind: report.Counter, Value: c.dropped(), Min: report.Count(0)},
	}
}

// checkQueue makes the report where nothing is expected: the fullest accept queue
// counts, and its program is looked for when it raises an alarm.
func (m *measurement) checkQueue(ctx context.Context, call *plugin.Call, r *report.Report, s *survey) error {
	c := countListeners(s.listeners())
	r.Default, r.Graphs[0].Metrics = "queue", c.metrics(call)
	r.Headline = fmt.Sprintf("%d listening, %d public, fullest queue %s", c.listening, c.public, percent(&c))
	if !c.queueKnown {
		r.Headline = fmt.Sprintf("%d listening, %d public, queue unknown", c.listening, c.public)
	}
	c.problems(call, r, s, "queue", "")
	if c.fullest == nil || !c.queueKnown || c.fill == 0 {
		return nil
	}
	culprit := c.fullest
	if alarming(call, c.fill, "queue", "") {
		var err error
		if culprit, err = s.identify(ctx, culprit); err != nil {
			return err
		}
		r.Headline = fmt.Sprintf("%d listening, queue of %s %s", c.listening, culprit.name(), percent(&c))
	}
	r.Details = append(r.Details, queueDetail(s, culprit))
	return nil
}

// problems adds what thresholds ask for and the source does not tell. queue are
// the names that the fill of a queue goes by.
func (c *count) problems(call *plugin.Call, r *report.Report, s *survey, queue ...string) {
	if !c.queueKnown && slices.ContainsFunc(queue, call.Wants) {
		r.Problems = append(r.Problems, "queue is unknown: "+s.undecided(howFull))
	}
	if c.unproven > 0 {
		r.Notes = append(r.Notes, publicByAddress)
	}
}

// identify looks for the program of a listener.
func (s *survey) identify(ctx context.Context, l *listener) (*listener, error) {
	if err := s.hold(ctx, l.sockets, false); err != nil {
		return nil, err
	}
	one := l.fullest()
	for _, named := range group(l.sockets) {
		if named.fullest() == one {
			return named, nil
		}
	}
	return l, nil
}

// alarming reports whether a threshold of one of these names alerts on a value.
func alarming(call *plugin.Call, value float64, names ...string) bool {
	for _, name := range names {
		if call.Limits[name].Evaluate(value) != threshold.OK {
			return true
		}
	}
	return false
}

func percent(c *count) string { return fmt.Sprintf("%.3g%%", c.fill) }

func queueDetail(s *survey, l *listener) string {
	one := l.fullest()
	drops, _ := l.drops()
	return fmt.Sprintf("fullest queue: %s, %d of %d waiting, %d dropped so far, user %s",
		l.name(), one.queue, uint64(one.limit)+1, drops, s.user(l))
}
