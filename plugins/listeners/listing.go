package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// listing holds the options of "listeners list".
type listing struct {
	plugin.Common
	plugin.Output
	choice
	Processes bool `long:"processes" description:"show every process that holds a listener, not only the first"`
	Names     bool `long:"names" description:"show service names instead of port numbers"`
}

// List shows what listens, a listener a line.
func (l *listing) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	selected, err := l.query(ctx, call)
	if err != nil {
		return nil, err
	}
	s, torn := l.take(ctx, selected, false)
	if torn != nil && !errors.Is(torn, errTorn) {
		return nil, torn
	}
	if err := s.hold(ctx, s.sockets, l.Processes); err != nil {
		return nil, err
	}
	listed := s.listeners()
	table := &report.Table{
		Noun: "listeners", Time: call.Env.Now(), Source: func() string { return s.plan.Source },
		Columns: l.columns(), Notes: s.details(),
	}
	if slices.ContainsFunc(listed, (*listener).unproven) {
		table.Notes = append(table.Notes, noReach)
	}
	if reason := s.blindness(); reason != "" {
		table.Notes = append(table.Notes, fmt.Sprintf("the programs of %d sockets may not be seen: %s", s.owners.Missing(), reason))
	}
	table.Notes = append(table.Notes, selection.Trace(call, s.plan)...)
	table.Rows = func(yield func([]report.Cell, error) bool) {
		for _, one := range listed {
			if !yield(l.row(s, one), nil) {
				return
			}
		}
		if torn != nil {
			yield(nil, torn)
		}
	}
	return table, nil
}

// detailed reports whether the answer is for a script, which gets address and
// port apart. A person gets them joined.
func (l *listing) detailed() bool { return l.Format == "json" || l.Format == "csv" }

func (l *listing) columns() []report.Column {
	local := []report.Column{{Title: "LOCAL"}}
	if l.detailed() {
		local = []report.Column{{Key: "local_address"}, {Key: "local_port"}}
	}
	return slices.Concat([]report.Column{{Key: "protocol", Title: "PROTOCOL"}}, local, []report.Column{
		{Key: "reach", Title: "REACH"},
		{Key: "queue", Title: "QUEUE", Right: true},
		{Key: "queue_limit", Title: "LIMIT", Right: true},
		{Key: "drops", Title: "DROPS", Right: true},
		{Key: "user", Title: "USER"},
		{Key: "process", Title: "PROCESS"},
		{Key: "instances", Title: "INSTANCES", Right: true},
	})
}

func (l *listing) row(s *survey, one *listener) []report.Cell {
	local := []report.Cell{report.Text(one.Local.Addr().String()), report.Uint(one.Local.Port())}
	if !l.detailed() {
		local = []report.Cell{report.Text(l.joined(s, one))}
	}
	queue, limit := report.Null(), report.Null()
	full := one.fullest()
	if one.Protocol == sock.TCP && full.known.Has(sock.FieldQueues) {
		queue = report.Uint(full.queue)
	}
	if full.known.Has(sock.FieldAcceptQueue) {
		limit = report.Uint(full.limit)
	}
	drops := report.Null()
	if n, known := one.drops(); known {
		drops = report.Uint(n)
	}
	user := report.Null()
	if name := s.user(one); name != "" {
		user = report.Text(name)
	}
	return slices.Concat([]report.Cell{report.Text(one.Protocol.String())}, local, []report.Cell{
		one.reach(), queue, limit, drops, user, l.process(one), report.Uint(len(one.sockets)),
	})
}

// joined is the local end as ss shows it, with the device that it is bound to.
func (l *listing) joined(s *survey, one *listener) string {
	host, port := one.Local.Addr().String(), strconv.Itoa(int(one.Local.Port()))
	if one.Local.Addr().Is6() {
		host = "[" + host + "]"
	}
	if device := one.sockets[0].device; device != 0 {
		host += "%" + s.selected.Host.InterfaceName(device)
	}
	if l.Names {
		port = s.selected.Host.Services.Name(one.Local.Port(), one.Protocol.String())
	}
	return host + ":" + port
}

// process lists the holders: by default the first one.
func (l *listing) process(one *listener) report.Cell {
	holders := one.holders()
	switch {
	case len(holders) == 0 && one.Unseen:
		return report.Text("unseen")
	case len(holders) == 0:
		return report.Text("none")
	case !l.Processes:
		holders = holders[:1]
	}
	return processCell(holders)
}

func processCell(holders []owner.Process) report.Cell {
	cells := make([]report.Cell, len(holders))
	for i, p := range holders {
		cells[i] = report.Record(fmt.Sprintf("%s(%d)", p.Name, p.PID),
			report.Member{Key: "name", Cell: report.Text(p.Name)},
			report.Member{Key: "pid", Cell: report.Uint(p.PID)})
	}
	return report.List(cells...)
}
