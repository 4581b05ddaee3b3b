package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A tally counts sockets, in all and by group.
type tally struct {
	grouper *grouper
	total   uint64
	states  [16]uint64
	groups  map[group]uint64
	// untold are states that were asked for and that the source does not tell.
	untold sock.StateSet
	// unheld tells of sockets of which nobody can say whether a process holds them
	// that was asked for; nil for none.
	unheld *selection.UnseenError
}

// notes say what is not in the numbers: states that the source does not tell,
// and owners that may not be seen.
func (t *tally) notes() []string {
	notes := gaps(t.untold)
	if t.unheld != nil {
		notes = append(notes, fmt.Sprintf("%d unseen: %v", t.unheld.Sockets, t.unheld))
	}
	for _, d := range t.grouper.dimensions {
		if n := t.unseen(d); n > 0 {
			notes = append(notes, t.grouper.owners.whyUnseen(n, d))
		}
	}
	return notes
}

// gaps says which sockets a source does not tell.
func gaps(untold sock.StateSet) []string {
	if untold == sock.NoStates {
		return nil
	}
	return []string{fmt.Sprintf("%s not in /proc: such sockets are missing here, --source netlink shows them", untold)}
}

// unseen returns the number of sockets whose owners could not be seen.
func (t *tally) unseen(d dimension) uint64 {
	var n uint64
	if !ofOwners(d) {
		return 0
	}
	for key, count := range t.groups {
		if key.pseudo(d) == unseenGroup {
			n += count
		}
	}
	return n
}

// inState returns the number of sockets in a state, where it can be known.
func (t *tally) inState(s sock.State, n uint64) report.Value {
	if t.untold.Has(s) {
		return report.Unknown()
	}
	return report.Count(n)
}

func newTally(g *grouper) *tally {
	t := &tally{grouper: g}
	t.reset()
	return t
}

// reset forgets what was counted, for a dump that has to be repeated.
func (t *tally) reset() {
	t.total = 0
	t.states = [16]uint64{}
	t.groups = map[group]uint64{}
}

// add counts one socket. States have an array of their own: they are the most
// frequent question, and a map would cost more than the kernel does.
func (t *tally) add(s *sock.Socket) error {
	t.total++
	switch {
	case t.grouper == nil || len(t.grouper.dimensions) == 0:
	case t.onlyStates():
		t.states[s.State&15]++
	default:
		t.groups[t.grouper.of(s)]++
	}
	return nil
}

func (t *tally) onlyStates() bool {
	return len(t.grouper.dimensions) == 1 && t.grouper.dimensions[0] == byState
}

// A counted group is a group and the number of its sockets.
type counted = report.Counted[group]

// ranked returns the groups, the largest first.
func (t *tally) ranked() []counted {
	ranked := make([]counted, 0, len(t.groups))
	for state, n := range t.states {
		if n > 0 {
			ranked = append(ranked, counted{Group: group{state: sock.State(state)}, Count: n})
		}
	}
	for key, n := range t.groups {
		ranked = append(ranked, counted{Group: key, Count: n})
	}
	slices.SortFunc(ranked, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), compareGroups(a.Group, b.Group))
	})
	return ranked
}

// compareGroups gives groups of equal size a stable order.
func compareGroups(a, b group) int {
	return cmp.Or(
		cmp.Compare(a.protocol, b.protocol),
		cmp.Compare(a.family, b.family),
		cmp.Compare(a.port, b.port),
		cmp.Compare(a.peerPort, b.peerPort),
		a.peer.Compare(b.peer),
		a.network.Addr().Compare(b.network.Addr()),
		cmp.Compare(a.process, b.process),
		cmp.Compare(a.uid, b.uid),
		cmp.Compare(a.cgroup, b.cgroup),
		cmp.Compare(a.state, b.state),
		cmp.Compare(a.holder, b.holder),
		cmp.Compare(a.owner, b.owner),
		cmp.Compare(a.member, b.member),
	)
}

// size returns the number of sockets in a group.
func (t *tally) size(key group) uint64 {
	if t.onlyStates() {
		return t.states[key.state&15]
	}
	return t.groups[key]
}

// largest returns the size of the largest group. The pseudo-groups are no
// group of anybody's, however many sockets are in them.
func (t *tally) largest() uint64 {
	var most uint64
	for _, n := range t.states {
		most = max(most, n)
	}
	for key, n := range t.groups {
		if key.pseudo(t.grouper.dimensions[0]) == "" {
			most = max(most, n)
		}
	}
	return most
}
