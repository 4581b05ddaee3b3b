package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// A census finds out who stays: by one look at the socket table, and where
// that leaves connections undecided by a second one.
type census struct {
	host     host
	table    table
	grouping grouping
	minAge   time.Duration
	// lasting tells that a connection belongs to the selection for all its
	// life, so that one which an earlier look did not see is younger.
	lasting bool
	memory  *memory

	*tally // of the last look
	plan   scan.Plan
	looks  int
	waited time.Duration
	notes  []string
}

// take carries out the census.
func (q *question) take(ctx context.Context, call *plugin.Call, o *selection.Options) (*census, error) {
	minAge, err := q.minAge()
	if err != nil {
		return nil, err
	}
	g, err := q.grouping()
	if err != nil {
		return nil, err
	}
	s, err := selected(ctx, call, o)
	if err != nil {
		return nil, err
	}
	c := &census{host: q.host, grouping: g, minAge: minAge, lasting: lasting(s)}
	if c.table, err = q.host.open(s.Query); err != nil {
		return nil, err
	}
	defer c.table.Close()
	c.memory = recall(q.host, call, s, o)
	last, err := c.observe(ctx, !q.NoWait)
	if err != nil {
		return nil, err
	}
	c.tally, c.plan = last.tally, c.table.Plan()
	c.memory.keep(ctx, c.host, last.book)
	return c, nil
}

// observe looks once, and once more if that can decide anything.
func (c *census) observe(ctx context.Context, patient bool) (*look, error) {
	began := time.Now()
	first, err := c.look(ctx, c.memory.book, 0)
	if err != nil {
		return nil, err
	}
	c.looks = 1
	wait := pause(ctx, first.tally, time.Since(began))
	if !patient || wait == 0 {
		return first, nil
	}
	if err := c.host.sleep(ctx, wait); err != nil {
		return nil, err
	}
	// A connection that the first look did not see began after that look, and
	// nobody knows when in its course; nor does a sleep end to the moment.
	tolerance := first.ended - first.began + c.minAge/10
	second, err := c.look(ctx, first.book, tolerance)
	if err != nil {
		c.notes = append(c.notes, fmt.Sprintf("the second look failed: %v", err))
		return first, ctx.Err()
	}
	c.looks, c.waited = 2, wait
	return second, nil
}

// margin is what a run needs besides its looks.
const margin = 250 * time.Millisecond

// pause is how long to wait for the undecided connections: until all of them are
// old enough that can be within the time limit. cost is the time that a look
// takes.
func pause(ctx context.Context, t *tally, cost time.Duration) time.Duration {
	most := time.Duration(math.MaxInt64)
	if deadline, ok := ctx.Deadline(); ok {
		most = time.Until(deadline) - 2*cost - margin
	}
	wait := time.Duration(0)
	for _, lack := range t.lacks {
		if lack <= most {
			wait = max(wait, lack+time.Millisecond) // the book counts in whole ones
		}
	}
	return wait
}

// lasting reports whether connections belong to a selection for all of their
// life. They come late into one by state, by what a program sets (mark, cgroup,
// SO_BINDTODEVICE), and by who holds them, since before they are accepted nobody
// does.
func lasting(s *selection.Selected) bool {
	alive := sock.StatesOf(sock.Established, sock.FinWait1, sock.FinWait2, sock.CloseWait, sock.LastAck, sock.Closing)
	for _, t := range s.Tables {
		if !t.States.Only(sock.Established) && t.States&alive != alive {
			return false
		}
	}
	return s.Keep == nil && filter.Needs(s.Filter) == 0
}
