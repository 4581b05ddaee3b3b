package main

import (
	"context"
	"iter"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// listing holds the options of "connections list".
type listing struct {
	plugin.Common
	plugin.Output
	selection.Options
	All       bool   `short:"a" long:"all" description:"sockets in every state"`
	Listening bool   `short:"l" long:"listening" description:"listening sockets, and udp sockets that are not connected"`
	Processes bool   `long:"processes" description:"show which processes hold a socket"`
	Timers    bool   `long:"timers" description:"show the timer that runs"`
	Names     bool   `long:"names" description:"show service names instead of port numbers"`
	Sort      string `long:"sort" unquote:"false" value-name:"COLUMN" description:"sort by a column: its heading, or a key of JSON (keeps every socket in memory)"`
}

// states are what is listed when no state is named: what is connected, as in
// ss.
func (l *listing) states() (selection.Defaults, error) {
	switch {
	case l.All && l.Listening:
		return selection.Defaults{}, plugin.Usagef("--all and --listening contradict each other")
	case (l.All || l.Listening) && len(plugin.Words(l.State))+len(plugin.Words(l.Exclude)) > 0:
		return selection.Defaults{}, plugin.Usagef("--all and --listening contradict --state and --exclude: use one or the other")
	case l.All:
		return selection.Defaults{Stateful: sock.AllStates, Stateless: sock.AllStates}, nil
	case l.Listening:
		return selection.Defaults{
			Stateful:  sock.StatesOf(sock.Listen),
			Stateless: sock.StatesOf(sock.Listen, sock.Close),
		}, nil
	default:
		return selection.Defaults{Stateful: sock.Connected, Stateless: sock.Connected}, nil
	}
}

// detailed reports whether the answer is for a script, which gets every key.
func (l *listing) detailed() bool { return l.Format == "json" || l.Format == "csv" }

// List streams the selected sockets.
func (l *listing) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	states, err := l.states()
	if err != nil {
		return nil, err
	}
	column, err := l.sortColumn()
	if err != nil {
		return nil, err
	}
	selected, err := l.Query(ctx, call, states)
	if err != nil {
		return nil, err
	}
	detailed := l.detailed()
	if detailed {
		selected.Want |= sock.FieldMark | sock.FieldCgroup
	}
	scanner, err := scan.Open(selected.Query)
	if err != nil {
		return nil, err
	}
	rows := &socketRows{owners: &owners{host: selected.Host}, detailed: detailed, timers: l.Timers, services: l.Names}
	table := &report.Table{
		Noun: "sockets", Time: call.Env.Now(), Columns: l.columns(detailed),
		Source: func() string { return scanner.Plan().Source },
	}
	table.Rows = func(yield func([]report.Cell, error) bool) {
		defer scanner.Close()
		if l.Processes {
			if err := rows.owners.find(ctx, selected); err != nil {
				yield(nil, err)
				return
			}
		}
		for row, err := range rows.cells(rows.owners.sorted(sockets(ctx, scanner), column)) {
			if !yield(row, err) {
				return
			}
		}
		table.Notes = notes(call, scanner.Plan(), rows.owners)
	}
	return table, nil
}

func notes(call *plugin.Call, plan scan.Plan, owners *owners) []string {
	return slices.Concat(planNotes(call, plan), gaps(plan.Untold), owners.notes())
}

// planNotes says what a reader ought to know of how the sockets were found, and
// under --verbose everything.
func planNotes(call *plugin.Call, plan scan.Plan) []string {
	if call.Verbose() > 0 {
		return selection.Trace(call, plan)
	}
	return plan.Notes
}

// sockets turns the scanner's callback into a sequence.
func sockets(ctx context.Context, scanner *scan.Scanner) iter.Seq2[*sock.Socket, error] {
	return func(yield func(*sock.Socket, error) bool) {
		stopped := false
		err := scanner.Each(ctx, func(s *sock.Socket) error {
			if !yield(s, nil) {
				stopped = true
				return errStopped
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}
