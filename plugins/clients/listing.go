package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
)

// listing holds the options of "clients list".
type listing struct {
	plugin.Common
	plugin.Output
	selection.Options
	question
}

// List shows a row for each client, and for each peer that may be one.
func (l *listing) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	top, err := plugin.ParseTop(l.Top, 0) // all
	if err != nil {
		return nil, err
	}
	c, err := l.take(ctx, call, &l.Options)
	if err != nil {
		return nil, err
	}
	all := c.ranked()
	table := &report.Table{
		Noun: "clients", Time: call.Env.Now(), Source: func() string { return c.plan.Source },
		Notes: slices.Concat(c.memory.notes, c.notes, c.plan.Notes),
	}
	table.Notes = append(table.Notes, c.trace(call)...)
	if c.undecidedConnections() > 0 {
		table.Notes = append(table.Notes, fmt.Sprintf("%s undecided: without --no-wait and with time enough a second look decides", plural(c.undecidedConnections(), "connection")))
	}
	if top > 0 && len(all) > top {
		table.Notes = append(table.Notes, plural(uint64(len(all)-top), "more client")+" not shown")
		all = all[:top]
	}
	if l.Format == "json" || l.Format == "csv" {
		table.Columns, table.Rows = exactColumns(), c.rows(all, c.exactRow)
	} else {
		table.Columns, table.Rows = readableColumns(c.undecidedConnections() > 0), c.rows(all, c.readableRow)
	}
	return table, nil
}

func exactColumns() []report.Column {
	return []report.Column{
		{Key: "peer"}, {Key: "connections"}, {Key: "oldest_s"}, {Key: "undecided"},
		{Key: "bytes_in"}, {Key: "bytes_out"}, {Key: "rtt_ms"},
	}
}

// readableColumns leave out what is undecided where nothing is.
func readableColumns(undecided bool) []report.Column {
	return []report.Column{
		{Key: "peer", Title: "CLIENT"},
		{Key: "connections", Title: "CONNECTIONS", Right: true},
		{Key: "undecided", Title: "UNDECIDED", Right: true, Hidden: !undecided},
		{Key: "oldest", Title: "OLDEST", Right: true},
		{Key: "in", Title: "IN", Right: true},
		{Key: "out", Title: "OUT", Right: true},
		{Key: "rtt", Title: "RTT", Right: true},
	}
}

func (c *census) rows(all []ranked, cells func(ranked, []report.Cell) []report.Cell) iter.Seq2[[]report.Cell, error] {
	return func(yield func([]report.Cell, error) bool) {
		var row []report.Cell
		for _, r := range all {
			row = cells(r, row[:0])
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (c *census) exactRow(r ranked, row []report.Cell) []report.Cell {
	age := report.Null() // of the undecided ones nothing is proven
	if r.old > 0 {
		age = report.Float(seconds(r.oldest))
	}
	row = append(row, report.Text(c.grouping.text(r.name)), report.Uint(r.old), age, report.Uint(r.undecided))
	if r.measured == 0 {
		return append(row, report.Null(), report.Null(), report.Null())
	}
	return append(row, report.Uint(r.received), report.Uint(r.acked), report.Float(milliseconds(r.meanRTT())))
}

func (c *census) readableRow(r ranked, row []report.Cell) []report.Cell {
	age := report.Null()
	if r.old > 0 {
		age = report.Text(shortDuration(r.oldest.Truncate(time.Second)))
	}
	row = append(row, report.Text(c.grouping.text(r.name)), report.Uint(r.old), report.Uint(r.undecided), age)
	if r.measured == 0 {
		return append(row, report.Null(), report.Null(), report.Null())
	}
	return append(row, report.Text(shortBytes(r.received)), report.Text(shortBytes(r.acked)), report.Text(shortRTT(r.meanRTT())))
}
