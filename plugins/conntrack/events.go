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
)

// watch holds the options of "conntrack events".
type watch struct {
	plugin.Common
	plugin.Output
	flowSelection
	New     bool   `long:"new" description:"flows that begin"`
	Update  bool   `long:"update" description:"flows that change"`
	Destroy bool   `long:"destroy" description:"flows that end"`
	Summary string `long:"summary" unquote:"false" value-name:"DURATION" description:"count events for this time instead of showing them"`
	Buffer  string `long:"buffer" unquote:"false" value-name:"BYTES" description:"size of the receive buffer (default: 64 MiB)"`
	Names   bool   `long:"names" description:"show service names instead of port numbers"`
}

// config reads the options.
func (w *watch) config() (c conntrack.SubscribeConfig, err error) {
	for _, kind := range []struct {
		wanted bool
		event  conntrack.EventType
	}{{w.New, conntrack.EventNew}, {w.Update, conntrack.EventUpdate}, {w.Destroy, conntrack.EventDestroy}} {
		if kind.wanted {
			c.Types |= kind.event
		}
	}
	if c.Types == 0 {
		c.Types = conntrack.AllEvents
	}
	if w.Buffer != "" {
		n, err := strconv.ParseUint(w.Buffer, 10, 30)
		if err != nil || n == 0 {
			return c, plugin.Usagef("--buffer %s: use a number of bytes below 1073741824", quote.Text(w.Buffer))
		}
		c.Buffer = int(n)
	}
	c.Filter, err = w.filter()
	return c, err
}

// List shows events as they happen, until it is interrupted, or counts them.
func (w *watch) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	config, err := w.config()
	if err != nil {
		return nil, err
	}
	h, err := openHost(call)
	if err != nil {
		return nil, err
	}
	defer h.close()
	client, err := h.client()
	if err != nil {
		return nil, err
	}
	if w.Summary != "" {
		return w.summary(ctx, call, client, config)
	}
	sub, err := client.Subscribe(config)
	if err != nil {
		return nil, explained(err)
	}
	rows := newFlowRows(w.Format, true, w.Names, call.Env.Now)
	stream := &stream{sub: sub, rows: rows, began: time.Now()}
	stream.table = &report.Table{
		Noun: "flows", Time: call.Env.Now(), Columns: rows.columns(), Live: true, Source: func() string { return fromNetlink },
	}
	stream.table.Rows = func(yield func([]report.Cell, error) bool) { stream.run(ctx, yield) }
	if call.Verbose() > 0 {
		stream.table.Notes = append(stream.table.Notes, fmt.Sprintf("source: netlink, a receive buffer of %d bytes", sub.Buffer()))
	}
	if sentence, idle := h.idle(); idle {
		stream.table.Notes = append(stream.table.Notes, sentence)
	}
	return stream.table, nil
}

// A stream is one run of "conntrack events".
type stream struct {
	sub    *conntrack.Subscription
	rows   *flowRows
	table  *report.Table
	began  time.Time
	counts conntrack.Summary
	said   uint64 // overruns that were spoken of
	last   time.Time
}

// run yields events until the context ends, then those that are queued, then
// says what there was in all. After a loss the command fails: what it printed
// is not all.
func (s *stream) run(ctx context.Context, yield func([]report.Cell, error) bool) {
	defer s.sub.Close()
	show := func(e *conntrack.Event) error {
		s.counts.Add(e.Type)
		s.sayLoss()
		if !yield(s.rows.cells(&e.Flow, e), nil) {
			return errStopped
		}
		return nil
	}
	err := s.sub.Receive(ctx, show)
	if err == nil {
		err = s.sub.Leave()
	}
	took := time.Since(s.began)
	if err == nil {
		err = s.sub.Drain(show)
	}
	if errors.Is(err, errStopped) {
		return
	}
	loss := s.sub.Loss()
	c := &s.counts
	s.table.Notes = append(s.table.Notes, fmt.Sprintf("%d created, %d updated, %d destroyed, %s lost in %s",
		c.Created, c.Updated, c.Destroyed, lostText(loss), took.Round(time.Millisecond)))
	switch {
	case err != nil:
		yield(nil, explained(err))
	case loss.Overruns > 0:
		yield(nil, &conntrack.LossError{Loss: loss})
	}
}

// lossPause is the time between two words about losses: saying each one takes
// the time that reading needs, and more is lost.
const lossPause = time.Second

// sayLoss says at once that events were lost, and at most once a second how many
// there are by then.
func (s *stream) sayLoss() {
	loss := s.sub.Overruns()
	if loss == s.said || time.Since(s.last) < lossPause {
		return
	}
	s.said, s.last = loss, time.Now()
	s.table.Notes = append(s.table.Notes, (&conntrack.LossError{Loss: s.sub.Loss()}).Error())
}

func lostText(l conntrack.Loss) string {
	if l.Overruns > 0 && !l.EventsKnown {
		return "an unknown number"
	}
	return strconv.FormatUint(l.Events, 10)
}

// summary counts the events of a time, as conntrackd -s does. An interrupt ends
// it early.
func (w *watch) summary(ctx context.Context, call *plugin.Call, client *conntrack.Client, config conntrack.SubscribeConfig) (*report.Table, error) {
	period, err := plugin.ParseDuration("--summary", w.Summary)
	if err != nil {
		return nil, err
	}
	if period <= 0 {
		return nil, plugin.Usagef("--summary %s leaves no time to count in: use 10s", quote.Text(w.Summary))
	}
	began := call.Env.Now()
	s, err := client.Summarize(ctx, period, config)
	if err != nil && !(errors.Is(err, context.Canceled) && s.Duration > 0) {
		return nil, explained(err)
	}
	row := []report.Cell{
		orNull(config.Types&conntrack.EventNew != 0, report.Uint(s.Created)),
		orNull(config.Types&conntrack.EventUpdate != 0, report.Uint(s.Updated)),
		orNull(config.Types&conntrack.EventDestroy != 0, report.Uint(s.Destroyed)),
		orNull(s.FailedKnown, report.Uint(s.Failed)),
		orNull(s.Loss.EventsKnown || s.Loss.Overruns == 0, report.Uint(s.Loss.Events)),
		report.Float(float64(s.Duration.Milliseconds()) / 1000),
	}
	table := &report.Table{
		Noun: "events", Time: began, Source: func() string { return fromNetlink },
		Columns: []report.Column{
			{Key: "created", Title: "CREATED", Right: true}, {Key: "updated", Title: "UPDATED", Right: true},
			{Key: "destroyed", Title: "DESTROYED", Right: true}, {Key: "failed", Title: "FAILED", Right: true},
			{Key: "lost", Title: "LOST", Right: true}, {Key: "duration_s", Title: "SECONDS", Right: true},
		},
		Rows: func(yield func([]report.Cell, error) bool) { yield(row, nil) },
	}
	if s.Loss.Overruns > 0 {
		table.Notes = append(table.Notes, (&conntrack.LossError{Loss: s.Loss}).Error())
	}
	return table, nil
}
