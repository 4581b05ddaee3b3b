package main

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
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
	Sort      string `long:"sort" unquote:"false" value-name:"COLUMN" description:"sort by a column (keeps every socket in memory)"`
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

// List streams the selected sockets.
func (l *listing) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	states, err := l.states()
	if err != nil {
		return nil, err
	}
	less, err := sortOrder(l.Sort)
	if err != nil {
		return nil, err
	}
	selected, err := l.Query(ctx, call, states)
	if err != nil {
		return nil, err
	}
	detailed := l.Format == "json" || l.Format == "csv"
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
			if err := rows.owners.find(ctx, selected, true); err != nil {
				yield(nil, err)
				return
			}
		}
		for row, err := range rows.cells(sorted(sockets(ctx, scanner), less)) {
			if !yield(row, err) {
				return
			}
		}
		table.Notes = notes(call, scanner.Plan(), rows.owners)
	}
	return table, nil
}

func notes(call *plugin.Call, plan scan.Plan, owners *owners) []string {
	notes := slices.Concat(plan.Notes, owners.notes())
	notes = append(notes, selection.Trace(call, plan)...)
	return notes
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

// A socketOrder compares two sockets for --sort.
type socketOrder func(a, b *sock.Socket) int

// sortColumns are the columns that sockets can be sorted by.
var sortColumns = []struct {
	key   string
	order socketOrder
}{
	{"netid", func(a, b *sock.Socket) int { return strings.Compare(a.NetID(), b.NetID()) }},
	{"state", func(a, b *sock.Socket) int { return strings.Compare(a.State.String(), b.State.String()) }},
	{"recv_q", func(a, b *sock.Socket) int { return cmp.Compare(b.RecvQ, a.RecvQ) }},
	{"send_q", func(a, b *sock.Socket) int { return cmp.Compare(b.SendQ, a.SendQ) }},
	{"local_address", func(a, b *sock.Socket) int { return compareEndpoints(a.Local, b.Local) }},
	{"local_port", func(a, b *sock.Socket) int { return cmp.Compare(a.Local.Port(), b.Local.Port()) }},
	{"peer_address", func(a, b *sock.Socket) int { return compareEndpoints(a.Peer, b.Peer) }},
	{"peer_port", func(a, b *sock.Socket) int { return cmp.Compare(a.Peer.Port(), b.Peer.Port()) }},
	{"interface", func(a, b *sock.Socket) int { return cmp.Compare(a.Interface, b.Interface) }},
	{"timer", func(a, b *sock.Socket) int { return cmp.Compare(a.Timer.Expires, b.Timer.Expires) }},
	{"uid", func(a, b *sock.Socket) int { return cmp.Compare(a.UID, b.UID) }},
	{"inode", func(a, b *sock.Socket) int { return cmp.Compare(a.Inode, b.Inode) }},
}

func compareEndpoints(a, b sock.Endpoint) int {
	return cmp.Or(a.AddrPort.Compare(b.AddrPort), strings.Compare(a.Name, b.Name))
}

// sortOrder returns the order of a column, nil for none. Queues sort with the
// fullest first.
func sortOrder(column string) (socketOrder, error) {
	if column == "" {
		return nil, nil
	}
	var keys []string
	for _, c := range sortColumns {
		if column == c.key || column == strings.ReplaceAll(c.key, "_", "-") {
			return c.order, nil
		}
		keys = append(keys, c.key)
	}
	return nil, plugin.Usagef("--sort %s: use one of %s", quote.Text(column), strings.Join(keys, ", "))
}

// sorted keeps every socket of a sequence to yield them in order; without an
// order it passes them on as they come.
func sorted(rows iter.Seq2[*sock.Socket, error], order socketOrder) iter.Seq2[*sock.Socket, error] {
	if order == nil {
		return rows
	}
	return func(yield func(*sock.Socket, error) bool) {
		var kept []sock.Socket
		var failed error
		for s, err := range rows {
			if err != nil {
				failed = err
				break
			}
			kept = append(kept, *s)
		}
		slices.SortStableFunc(kept, func(a, b sock.Socket) int { return order(&a, &b) })
		for i := range kept {
			if !yield(&kept[i], nil) {
				return
			}
		}
		if failed != nil {
			yield(nil, failed)
		}
	}
}
