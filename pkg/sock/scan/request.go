package scan

import (
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/sockdiag"
)

// request plans one walk by netlink: a port that every socket has to have goes
// into the request itself, which is cheaper than bytecode.
func (s *Scanner) request(t Table) sockdiag.Request {
	r := sockdiag.Request{
		Protocol: t.Protocol, Families: s.query.Families, States: t.States,
		Filter: s.query.Filter, Want: s.query.Want | s.query.Need,
	}
	if t.Protocol.HasPorts() {
		r.LocalPort, r.PeerPort, r.Filter = splitPorts(r.Filter)
	}
	return r
}

// splitPorts takes one local and one remote port out of a conjunction, and
// returns what is left of it. Zero means that there is none.
func splitPorts(e filter.Expr) (local, peer uint16, rest filter.Expr) {
	switch e := e.(type) {
	case filter.And:
		leftLocal, leftPeer, left := splitPorts(e.Left)
		rightLocal, rightPeer, right := splitPorts(e.Right)
		local, back1 := one(filter.Local, leftLocal, rightLocal)
		peer, back2 := one(filter.Peer, leftPeer, rightPeer)
		return local, peer, filter.All(left, right, back1, back2)
	case filter.Port:
		if e.Op != filter.Equal || e.Port == 0 {
			return 0, 0, e
		}
		if e.Side == filter.Local {
			return e.Port, 0, nil
		}
		return 0, e.Port, nil
	default:
		return 0, 0, e
	}
}

// one chooses between two ports that both sides of a conjunction ask for. A
// second one stays a condition, even if it is the same.
func one(side filter.Side, a, b uint16) (uint16, filter.Expr) {
	switch {
	case a == 0:
		return b, nil
	case b == 0:
		return a, nil
	default:
		return a, filter.Port{Side: side, Op: filter.Equal, Port: b}
	}
}

// A netlinkWalk is a step of a plan: one walk by netlink.
type netlinkWalk struct {
	request sockdiag.Request
	stats   sockdiag.Stats
}

// String says what the walk asked of the kernel and how much it sent.
func (w netlinkWalk) String() string {
	r, stats := w.request, w.stats
	parts := []string{fmt.Sprintf("%s: %s", r.Protocol, walks(stats))}
	if r.States != sock.AllStates {
		parts = append(parts, "states "+r.States.String())
	}
	if r.LocalPort != 0 {
		parts = append(parts, fmt.Sprintf("local port %d in the request", r.LocalPort))
	}
	if r.PeerPort != 0 {
		parts = append(parts, fmt.Sprintf("peer port %d in the request", r.PeerPort))
	}
	if stats.Bytecode {
		parts = append(parts, "filter decided by the kernel")
	}
	if stats.Rest != nil {
		parts = append(parts, "matched here: "+stats.Rest.String())
	}
	return fmt.Sprintf("%s: %d of %d sockets received", strings.Join(parts, ", "), stats.Rows, stats.Received)
}

func walks(stats sockdiag.Stats) string {
	switch {
	case stats.OneWalk:
		return "one walk for IPv4 and IPv6"
	case stats.Walks == 1:
		return "one walk"
	default:
		return fmt.Sprintf("%d walks", stats.Walks)
	}
}
