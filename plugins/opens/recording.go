package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// recording holds the options of "opens record".
type recording struct {
	plugin.Common
	plugin.Output
	place
	kernel *kernel
}

// quiet is how long a peer has to be away before its place in a table that
// fills up goes to another one.
const quiet = 24 * time.Hour

// errRecordsSnapshot is a step without the right to read the kernel's tables.
var errRecordsSnapshot = errors.New("the kernel's counters cannot be read without a right, so there is nothing to record but what was published before: run sockcensus-opens record as root, as the systemd timer does")

// List records one step.
func (o *recording) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	h, err := openHost(call, o.kernel, &o.place)
	if err != nil {
		return nil, err
	}
	defer h.close()
	s, err := h.sample(nil)
	if err != nil {
		return nil, err
	}
	if s.Snapshot {
		return nil, errRecordsSnapshot
	}
	// Those who read the snapshot get it even when the disk of the history is full.
	publishErr := h.inside(func() error { return h.publish(h.config, s) })
	outcome, err := h.record(ctx, s)
	if err := errors.Join(err, publishErr); err != nil {
		return nil, err
	}
	return o.table(call, s, &outcome), nil
}

// record writes the sample into the history, and then makes room in the
// kernel's tables: what goes from there is in the history first.
func (h *host) record(ctx context.Context, s *opens.Sample) (outcome history.Outcome, err error) {
	db, err := history.Create(h.database, history.Options{})
	if err != nil {
		return outcome, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	outcome, err = db.Record(ctx, s)
	if err != nil || !outcome.Recorded || s.Method == opens.NFT { // whose tables do not tell who is quiet
		return outcome, err
	}
	var gone []opens.Peer
	err = h.inside(func() (err error) {
		gone, err = h.evict(h.config, quiet)
		return err
	})
	if err != nil || len(gone) == 0 {
		return outcome, err
	}
	late, err := db.Record(ctx, s.Late(gone))
	outcome.Opens += late.Opens
	outcome.Rows += late.Rows
	return outcome, err
}

func (o *recording) table(call *plugin.Call, s *opens.Sample, outcome *history.Outcome) *report.Table {
	row := []report.Cell{
		report.Bool(outcome.Recorded), report.Uint(outcome.Opens), report.Uint(outcome.Rows),
		report.Float(float64(outcome.Length.Milliseconds()) / 1000),
	}
	table := &report.Table{
		Noun: "opens", Time: s.Wall, Source: func() string { return source(&s.Summary) },
		Columns: []report.Column{
			{Key: "recorded", Title: "RECORDED"}, {Key: "opens", Title: "OPENS", Right: true},
			{Key: "counters", Title: "COUNTERS", Right: true}, {Key: "duration_s", Title: "SECONDS", Right: true},
		},
		Rows: func(yield func([]report.Cell, error) bool) { yield(row, nil) },
	}
	if !outcome.Recorded {
		table.Notes = append(table.Notes, "this moment or a later one is recorded already, so there was nothing to add")
	}
	if outcome.Reset && outcome.Recorded {
		table.Notes = append(table.Notes, fmt.Sprintf("this step reaches back to the beginning of the counters, %s ago", spell(outcome.Length)))
	}
	return table
}
