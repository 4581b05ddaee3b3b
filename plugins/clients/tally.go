package main

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/age"
)

// A client is what is known of one address or network.
type client struct {
	// old are the connections that are proven to be old enough, undecided
	// those that may be. Younger ones are not looked at.
	old, undecided uint64
	// oldest is the greatest age that is proven.
	oldest time.Duration
	// received and acked are the bytes that came in and that went out; measured
	// is how many connections they and rtt, the sum of round-trip times, are of.
	received, acked uint64
	rtt             time.Duration
	measured        uint64
}

// A tally holds the clients that one look has found.
type tally struct {
	grouping  grouping
	limit     time.Duration
	tolerance time.Duration
	clients   map[netip.Prefix]*client

	connections uint64 // old enough
	// oldest is the greatest age that is proven, and oldestPossible the
	// greatest that a connection can have.
	oldest, oldestPossible time.Duration
	// lacks is what each of the undecided connections lacks to be old enough.
	lacks []time.Duration
}

func newTally(g grouping, limit, tolerance time.Duration) *tally {
	return &tally{grouping: g, limit: limit, tolerance: tolerance, clients: map[netip.Prefix]*client{}}
}

// add counts one connection of which an age is proven.
func (t *tally) add(s *sock.Socket, a age.Age) {
	verdict := a.AtLeastAbout(t.limit, t.tolerance)
	if verdict == age.Younger {
		return
	}
	key := t.grouping.of(s.Peer.Addr())
	c := t.clients[key]
	if c == nil {
		c = new(client)
		t.clients[key] = c
	}
	if verdict == age.Older {
		c.old++
		t.connections++
		t.oldest = max(t.oldest, a.Min)
	} else {
		c.undecided++
		t.lacks = append(t.lacks, t.limit-a.Min)
	}
	t.oldestPossible = max(t.oldestPossible, a.Max)
	c.oldest = max(c.oldest, a.Min)
	c.measure(s)
}

func (c *client) measure(s *sock.Socket) {
	if !s.Known.Has(sock.FieldTCPInfo) {
		return
	}
	c.measured++
	c.received += s.TCPInfo.BytesReceived
	c.acked += s.TCPInfo.BytesAcked
	c.rtt += s.TCPInfo.RTT
}

// meanRTT is the mean of the round-trip times of a client's connections.
func (c *client) meanRTT() time.Duration {
	if c.measured == 0 {
		return 0
	}
	return c.rtt / time.Duration(c.measured)
}

// undecidedConnections is the number of connections that may be old enough.
func (t *tally) undecidedConnections() uint64 { return uint64(len(t.lacks)) }

// proven is the number of clients that have a connection which is old enough,
// and undecided the number of those that may have one.
func (t *tally) proven() (proven, undecided uint64) {
	for _, c := range t.clients {
		if c.old > 0 {
			proven++
		} else {
			undecided++
		}
	}
	return proven, undecided
}

// largest is the number of connections of the busiest client, and the number
// that it can be if the undecided ones are old enough.
func (t *tally) largest() (proven, possible uint64) {
	for _, c := range t.clients {
		proven = max(proven, c.old)
		possible = max(possible, c.old+c.undecided)
	}
	return proven, possible
}

// A ranked client is a client with its name.
type ranked struct {
	name netip.Prefix
	*client
}

// ranked returns the clients, those with the most connections first.
func (t *tally) ranked() []ranked {
	all := make([]ranked, 0, len(t.clients))
	for name, c := range t.clients {
		all = append(all, ranked{name, c})
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(
			cmp.Compare(b.old, a.old), cmp.Compare(b.undecided, a.undecided),
			a.name.Addr().Compare(b.name.Addr()), cmp.Compare(a.name.Bits(), b.name.Bits()))
	})
	return all
}
