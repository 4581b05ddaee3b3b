package main

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/baseline"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// A listener is one line of what listens: a socket, or several of one program
// that share an address, a port and a device (SO_REUSEPORT).
type listener struct {
	baseline.Listener
	sockets []*socket
}

// A groupKey is what the sockets of one listener have in common. A program that
// joins the sockets of another one is a listener of its own.
type groupKey struct {
	protocol                           sock.Protocol
	local                              netip.AddrPort
	device                             uint32
	v6only, loopback, uncounted, empty bool
	unseen                             bool
	program                            string
}

// group makes listeners out of sockets, in order of protocol, port and address.
func group(sockets []*socket) []*listener {
	at := map[groupKey]int{}
	var listeners []*listener
	for _, s := range sockets {
		key := groupKey{
			s.protocol, s.local, s.device, s.v6only, s.loopback, s.uncounted, len(s.holders) == 0,
			s.visibility == owner.Unseen, s.program(),
		}
		i, ok := at[key]
		if !ok {
			i = len(listeners)
			at[key] = i
			listeners = append(listeners, &listener{Listener: baseline.Listener{
				Protocol: s.protocol, Local: s.local, V6Only: s.v6only, Loopback: s.loopback,
				Uncounted: s.uncounted, Unseen: !s.looked || s.visibility == owner.Unseen,
			}})
		}
		l := listeners[i]
		l.sockets = append(l.sockets, s)
		for _, p := range s.holders {
			if !slices.Contains(l.Programs, p.Name) {
				l.Programs = append(l.Programs, p.Name)
			}
		}
	}
	slices.SortFunc(listeners, compareListeners)
	return listeners
}

func compareListeners(a, b *listener) int {
	return cmp.Or(
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.Local.Port(), b.Local.Port()),
		a.Local.Addr().Compare(b.Local.Addr()),
		slices.Compare(a.Programs, b.Programs),
		cmp.Compare(a.sockets[0].cookie, b.sockets[0].cookie),
	)
}

// bare are the listeners as the baseline package knows them.
func bare(listeners []*listener) []baseline.Listener {
	views := make([]baseline.Listener, len(listeners))
	for i := range listeners {
		views[i] = listeners[i].Listener
	}
	return views
}

// fullest returns the socket with the fullest accept queue.
func (l *listener) fullest() *socket {
	return slices.MaxFunc(l.sockets, func(a, b *socket) int {
		x, _ := a.fill()
		y, _ := b.fill()
		return cmp.Compare(x, y)
	})
}

// drops is what all its sockets dropped since they were made.
func (l *listener) drops() (n uint64, known bool) {
	known = true
	for _, s := range l.sockets {
		n += uint64(s.drops)
		known = known && s.known.Has(sock.FieldMemory)
	}
	return n, known
}

// holders are the processes that hold one of its sockets, by rising id.
func (l *listener) holders() []owner.Process {
	var all []owner.Process
	for _, s := range l.sockets {
		at := 0
		for _, p := range s.holders { // by rising id, too
			for at < len(all) && all[at].PID < p.PID {
				at++
			}
			if at == len(all) || all[at].PID != p.PID {
				all = slices.Insert(all, at, p)
			}
		}
	}
	return all
}

// reach says from where it can be reached.
func (l *listener) reach() report.Cell {
	switch {
	case l.Loopback:
		return report.Text("loopback")
	case l.unproven():
		return report.Null()
	default:
		return report.Text("public")
	}
}
