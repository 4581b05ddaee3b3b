package main

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/opens"
)

// counts are what a reading or the difference of two has: connections of known
// peers, and by service those of unknown ones.
type counts struct {
	peers   []opens.Peer
	unknown map[opens.Service]uint64
}

// countsOf are all that a reading has: what the total of a service is more than
// the sum of its peers is of peers that have no counter, or had one once.
func countsOf(s *opens.Sample) counts {
	c := counts{s.Peers, rests(s.In, s.Out)}
	for _, total := range s.Totals {
		c.unknown[total.Service] += total.Opens
	}
	for _, p := range s.Peers {
		c.unknown[p.Service] -= min(c.unknown[p.Service], p.Opens)
	}
	return c
}

// changesOf are what came between two readings. As in the history, peers and
// overflow are summed up and totals are not asked: those are read a moment before,
// and a connection of that moment would be in two differences, or in none.
func changesOf(d *opens.Difference) counts {
	c := counts{d.Peers, rests(d.In, d.Out)}
	for _, total := range d.Totals {
		c.unknown[total.Service] += total.Overflow
	}
	return c
}

// rests are those of ports that found no room, as port 0.
func rests(in, out opens.Flow) map[opens.Service]uint64 {
	return map[opens.Service]uint64{{Direction: opens.In}: in.Rest, {Direction: opens.Out}: out.Rest}
}

// A tally sums connections up by group. Groups are rows of a report whose
// number is zero.
type tally struct {
	query query
	breakdown
	groups map[history.Row]uint64
	// unknown are connections of which the peer is not known, because it found
	// no room in the kernel's table or has given up its place there.
	unknown uint64
}

func newTally(q query, b breakdown) *tally {
	return &tally{query: q, breakdown: b, groups: map[history.Row]uint64{}}
}

// needsPeers reports whether totals of services are not enough.
func (t *tally) needsPeers() bool {
	return t.has(history.ByPeer|history.ByNetwork) || len(t.query.peers) > 0
}

// sample reads from a host what the tally needs.
func (t *tally) sample(h *host) (*opens.Sample, error) {
	if t.needsPeers() {
		return h.sample(t.query.wants)
	}
	return h.totals(t.query.wants)
}

// add counts what the query picks; at is when it was.
func (t *tally) add(c counts, at time.Time) {
	for _, p := range c.peers {
		if t.query.wants(p.Service) && t.query.wantsPeer(p.Addr) {
			t.groups[t.row(at, p.Service, p.Addr)] += p.Opens
		}
	}
	for s, n := range c.unknown {
		if n == 0 || !t.query.wantsUnknown(s) {
			continue
		}
		t.unknown += n
		if len(t.query.peers) == 0 {
			t.groups[t.row(at, s, netip.Addr{})] += n
		}
	}
}

// row is the group that a connection belongs to.
func (b *breakdown) row(at time.Time, s opens.Service, peer netip.Addr) (row history.Row) {
	if b.has(history.ByHour) {
		row.Hour = at.UTC().Truncate(time.Hour)
	}
	if b.has(history.ByPort) {
		row.Service.Port = s.Port
	}
	if b.has(history.ByDirection) {
		row.Service.Direction = s.Direction
	}
	switch {
	case !b.has(history.ByPeer | history.ByNetwork):
		return row
	case !peer.IsValid():
		row.Other = true
		return row
	}
	if b.has(history.ByPeer) {
		row.Peer = peer
	}
	if b.has(history.ByNetwork) {
		length := b.prefix6
		if peer.Is4() {
			length = b.prefix4
		}
		row.Network, _ = peer.Prefix(length)
	}
	return row
}

// merge adds rows of the history.
func (t *tally) merge(rows []history.Row) {
	for _, row := range rows {
		n := row.Opens
		row.Opens = 0
		t.groups[row] += n
	}
}

func (t *tally) total() (n uint64) {
	for _, opens := range t.groups {
		n += opens
	}
	return n
}

// ranked returns the groups, the largest first, by hour the earliest first.
// What is in no group is a row of 0 where nothing is grouped by.
func (t *tally) ranked() []history.Row {
	if len(t.dimensions) == 0 {
		return []history.Row{{Opens: t.total()}}
	}
	rows := make([]history.Row, 0, len(t.groups))
	for row, n := range t.groups {
		row.Opens = n
		rows = append(rows, row)
	}
	slices.SortFunc(rows, compareRows)
	return rows
}

func compareRows(a, b history.Row) int {
	return cmp.Or(
		a.Hour.Compare(b.Hour), cmp.Compare(b.Opens, a.Opens),
		cmp.Compare(a.Service.Direction, b.Service.Direction), cmp.Compare(a.Service.Port, b.Service.Port),
		a.Network.Addr().Compare(b.Network.Addr()), a.Peer.Compare(b.Peer))
}

// rankedPeers are the groups of a tally by peer, without those that are of no
// known peer.
func rankedPeers(t *tally) []history.Row {
	rows := make([]history.Row, 0, len(t.groups))
	for row, n := range t.groups {
		if row.Opens = n; !row.Other && n > 0 {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, compareRows)
	return rows
}
