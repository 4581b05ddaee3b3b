package main

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A sortColumn is what --sort can name: a key of JSON, or a heading that has no
// key of its own.
type sortColumn struct {
	key string
	// order compares two sockets.
	order func(o *owners, a, b *sock.Socket) int
	// needs is the option without which the column is not there.
	needs string
}

// The options that bring columns.
const (
	needsProcesses = "--processes"
	needsScript    = "--format json or csv"
)

// sortColumns are made when --sort is given, and not whenever a check starts.
func sortColumns() []sortColumn {
	return []sortColumn{
		{key: "netid", order: func(_ *owners, a, b *sock.Socket) int { return strings.Compare(a.NetID(), b.NetID()) }},
		{key: "state", order: func(_ *owners, a, b *sock.Socket) int { return strings.Compare(a.State.String(), b.State.String()) }},
		{key: "recv_q", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(b.RecvQ, a.RecvQ) }},
		{key: "send_q", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(b.SendQ, a.SendQ) }},
		{key: "local", order: compareLocal},
		{key: "local_address", order: compareLocal},
		{key: "local_port", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(a.Local.Port(), b.Local.Port()) }},
		{key: "peer", order: comparePeer},
		{key: "peer_address", order: comparePeer},
		{key: "peer_port", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(a.Peer.Port(), b.Peer.Port()) }},
		{key: "interface", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(a.Interface, b.Interface) }},
		{key: "timer", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(a.Timer.Expires, b.Timer.Expires) }},
		{key: "uid", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(a.UID, b.UID) }},
		{key: "user", order: known(ownerKnown, func(o *owners, s *sock.Socket) string { return o.user(s.UID) })},
		{key: "inode", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(a.Inode, b.Inode) }},
		{key: "cookie", order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(a.Cookie, b.Cookie) }},
		{key: "process", needs: needsProcesses, order: known(holderKnown, holderName)},
		{key: "mark", needs: needsScript, order: func(_ *owners, a, b *sock.Socket) int { return cmp.Compare(a.Mark, b.Mark) }},
		{key: "cgroup", needs: needsScript, order: known(cgroupKnown, func(o *owners, s *sock.Socket) string { return o.cgroup(s.Cgroup) })},
	}
}

func compareLocal(_ *owners, a, b *sock.Socket) int { return compareEndpoints(a.Local, b.Local) }

func comparePeer(_ *owners, a, b *sock.Socket) int { return compareEndpoints(a.Peer, b.Peer) }

func compareEndpoints(a, b sock.Endpoint) int {
	return cmp.Or(a.AddrPort.Compare(b.AddrPort), strings.Compare(a.Name, b.Name))
}

// known orders sockets by a name, and those that have none last.
func known(has func(*owners, *sock.Socket) bool, name func(*owners, *sock.Socket) string) func(*owners, *sock.Socket, *sock.Socket) int {
	return func(o *owners, a, b *sock.Socket) int {
		switch hasA, hasB := has(o, a), has(o, b); {
		case hasA && hasB:
			return strings.Compare(name(o, a), name(o, b))
		case hasA:
			return -1
		case hasB:
			return 1
		default:
			return 0
		}
	}
}

func ownerKnown(_ *owners, s *sock.Socket) bool { return s.HasOwner() && s.Known.Has(sock.FieldUID) }

func cgroupKnown(_ *owners, s *sock.Socket) bool {
	return s.Known.Has(sock.FieldCgroup) && s.Cgroup != 0
}

func holderKnown(o *owners, s *sock.Socket) bool {
	_, ownership := o.process(s.Inode)
	return ownership == owned
}

func holderName(o *owners, s *sock.Socket) string {
	name, _ := o.process(s.Inode)
	return name
}

// sortColumn returns the column that --sort names, in the spelling of a heading
// or of a key; nil for none. Queues sort with the fullest first.
func (l *listing) sortColumn() (*sortColumn, error) {
	if l.Sort == "" {
		return nil, nil
	}
	key := strings.ReplaceAll(strings.ToLower(l.Sort), "-", "_")
	columns := sortColumns()
	at := slices.IndexFunc(columns, func(c sortColumn) bool { return c.key == key })
	if at < 0 {
		return nil, plugin.Usagef("--sort %s: use one of %s", quote.Text(l.Sort), listed(columns))
	}
	column := &columns[at]
	if column.needs == needsProcesses && !l.Processes || column.needs == needsScript && !l.detailed() {
		return nil, plugin.Usagef("--sort %s needs %s, which shows that column", key, column.needs)
	}
	return column, nil
}

// listed names the columns, each that takes an option with it.
func listed(columns []sortColumn) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.key
		if c.needs != "" {
			names[i] += " (with " + c.needs + ")"
		}
	}
	return strings.Join(names, ", ")
}

// sorted keeps every socket of a sequence to yield them in the order of a column;
// without one it passes them on as they come.
func (o *owners) sorted(rows iter.Seq2[*sock.Socket, error], column *sortColumn) iter.Seq2[*sock.Socket, error] {
	if column == nil {
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
		slices.SortStableFunc(kept, func(a, b sock.Socket) int { return column.order(o, &a, &b) })
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
