package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// A tally counts flows, in all and by group.
type tally struct {
	dimensions []dimension
	statuses   []conntrack.StatusTerm // of byStatus, else empty
	total      uint64
	groups     map[string]*uint64 // by the values of all dimensions, in order
	key        []byte
}

func newTally(dimensions []dimension) *tally {
	t := &tally{dimensions: dimensions}
	if slices.Contains(dimensions, byStatus) {
		for _, name := range conntrack.StatusNames() {
			term, _ := conntrack.ParseStatus(name) // its own names
			t.statuses = append(t.statuses, term)
		}
	}
	t.reset()
	return t
}

// reset forgets what was counted, for a dump that has to be repeated.
func (t *tally) reset() {
	t.total = 0
	t.groups = map[string]*uint64{}
}

// add counts one flow. Under byStatus it counts once for each status that it
// has.
func (t *tally) add(f *conntrack.Flow) error {
	t.total++
	switch {
	case len(t.dimensions) == 0:
	case len(t.statuses) == 0:
		t.count(f, 0)
	default:
		for i, term := range t.statuses {
			if f.StatusKnown && term.Matches(f.Status) {
				t.count(f, uint8(i))
			}
		}
	}
	return nil
}

func (t *tally) count(f *conntrack.Flow, status uint8) {
	t.key = t.key[:0]
	for _, d := range t.dimensions {
		t.key = d.appendValue(t.key, f, status)
	}
	n := t.groups[string(t.key)]
	if n == nil {
		n = new(uint64)
		t.groups[string(t.key)] = n
	}
	*n++
}

// A counted group is a group and the number of its flows.
type counted = report.Counted[string]

// ranked returns the groups, the largest first.
func (t *tally) ranked() []counted {
	ranked := make([]counted, 0, len(t.groups))
	for group, n := range t.groups {
		ranked = append(ranked, counted{Group: group, Count: *n})
	}
	slices.SortFunc(ranked, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Group, b.Group))
	})
	return ranked
}

// largest returns the size of the largest group.
func (t *tally) largest() uint64 {
	var most uint64
	for _, n := range t.groups {
		most = max(most, *n)
	}
	return most
}

// of returns the size of a group of the one dimension that is counted by.
func (t *tally) of(value ...byte) uint64 {
	if n := t.groups[string(value)]; n != nil {
		return *n
	}
	return 0
}

// fill counts the flows that a filter selects.
func (t *tally) fill(ctx context.Context, client *conntrack.Client, filter *conntrack.Filter) error {
	err := client.DumpConsistent(ctx, filter, t.reset, t.add)
	if errors.Is(err, conntrack.ErrInterrupted) {
		return errInterrupted
	}
	return explained(err)
}
