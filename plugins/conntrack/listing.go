package main

import (
	"context"
	"errors"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// listing holds the options of "conntrack list".
type listing struct {
	plugin.Common
	plugin.Output
	flowSelection
	Names bool `long:"names" description:"show service names instead of port numbers"`
}

// List streams the selected flows.
func (l *listing) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	filter, err := l.filter()
	if err != nil {
		return nil, err
	}
	h, err := openHost(call)
	if err != nil {
		return nil, err
	}
	client, err := h.client()
	if err != nil {
		h.close()
		return nil, err
	}
	rows := newFlowRows(l.Format, false, l.Names, call.Env.Now)
	table := &report.Table{
		Noun: "flows", Time: call.Env.Now(), Columns: rows.columns(), Source: func() string { return fromNetlink },
	}
	table.Rows = func(yield func([]report.Cell, error) bool) {
		defer h.close()
		listed := 0
		err := client.Dump(ctx, filter, func(f *conntrack.Flow) error {
			listed++
			if !yield(rows.cells(f, nil), nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, explained(err))
			return
		}
		table.Notes = notes(call, h, filter, listed == 0)
	}
	return table, nil
}

// notes say why nothing is listed, and how flows were asked for.
func notes(call *plugin.Call, h *host, filter *conntrack.Filter, nothing bool) []string {
	var notes []string
	if sentence, idle := h.idle(); nothing && idle {
		notes = append(notes, sentence)
	}
	if call.Verbose() > 0 {
		notes = append(notes, "source: netlink", "plan: "+planOf(filter))
	}
	return notes
}

// planOf says what the kernel is asked for.
func planOf(filter *conntrack.Filter) string {
	if filter.IsZero() {
		return "one dump of everything"
	}
	return "the kernel selects " + filter.Plan()
}
