package main

import (
	"context"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// statistics holds the options of "conntrack stats".
type statistics struct {
	plugin.Common
	plugin.Output
	flowSelection
	CPUs bool `long:"cpus" description:"show the counters of each CPU beside their sum"`
}

// List shows the tracker's counters, summed over the CPUs.
func (s *statistics) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	filter, err := s.filter()
	if err != nil {
		return nil, err
	}
	if !filter.IsZero() {
		return nil, plugin.Usagef("the tracker counts for the whole table: a selection of flows cannot narrow stats")
	}
	h, err := openHost(call)
	if err != nil {
		return nil, err
	}
	defer h.close()
	cpus, source, err := h.statistics(ctx)
	if err != nil {
		return nil, explained(err)
	}
	table := &report.Table{
		Noun: "counters", Time: call.Env.Now(), Source: func() string { return source },
		Columns: []report.Column{
			{Key: "counter", Title: "COUNTER"}, {Key: "total", Title: "TOTAL", Right: true},
			{Key: "cpus", Title: "CPUS", Hidden: !s.CPUs}, {Key: "meaning", Title: "MEANING", Hidden: s.CPUs},
		},
		Rows: func(yield func([]report.Cell, error) bool) {
			for _, c := range conntrack.Counters() {
				if !yield(counterRow(c, cpus), nil) {
					return
				}
			}
		},
	}
	if sentence, idle := h.idle(); idle {
		table.Notes = append(table.Notes, sentence)
	}
	if call.Verbose() > 0 {
		table.Notes = append(table.Notes, "source: "+source)
	}
	return table, nil
}

// counterRow is one counter; null where this kernel does not have it.
func counterRow(c conntrack.Counter, cpus []conntrack.Stats) []report.Cell {
	sum := conntrack.Sum(cpus)
	total, known := sum.Get(c)
	each := make([]report.Cell, 0, len(cpus))
	for i := range cpus {
		n, ok := cpus[i].Get(c)
		each = append(each, orNull(ok, report.Uint(n)))
	}
	return []report.Cell{
		report.Text(c.String()), orNull(known, report.Uint(total)), orNull(known, report.List(each...)), report.Text(meaning(c)),
	}
}
