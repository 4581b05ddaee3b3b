package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/age"
)

// A look is what one walk over the socket table found, and what it leaves to
// be known by the next.
type look struct {
	tally        *tally
	book         *age.Book
	began, ended time.Duration // since boot
}

// look walks over the table with the book of an earlier look at hand. A
// connection may be called younger although it is older than the minimum age by
// less than tolerance.
func (c *census) look(ctx context.Context, book *age.Book, tolerance time.Duration) (*look, error) {
	var (
		l       look
		run     *age.Run
		started time.Time
		uptime  time.Duration
		failed  error
	)
	reset := func() {
		started = time.Now()
		l.began, uptime, failed = c.host.clock()
		l.tally = newTally(c.grouping, c.minAge, tolerance)
		var future error
		if run, future = book.Begin(l.began, 0); future != nil {
			c.memory.beginAnew(future)
		}
	}
	err := c.table.Count(ctx, reset, func(s *sock.Socket) error {
		if failed == nil && s.Peer.Addr().IsValid() && s.Peer.Port() != 0 { // others are in a state without a peer
			proof := age.OfTCPInfo(s, uptime+time.Since(started))
			l.tally.add(s, run.SeeWith(s.Cookie, proof))
		}
		return failed
	})
	if err == nil {
		l.ended, _, err = c.host.clock()
	}
	if err != nil {
		return nil, c.explained(err)
	}
	l.book = run.End(l.ended, true)
	if !c.lasting {
		l.book.WithoutYouth()
	}
	return &l, nil
}

// explained says what an error means for the question.
func (c *census) explained(err error) error {
	var undecidable *sock.UndecidableError
	switch {
	case errors.Is(err, sock.ErrInterrupted):
		return errors.New("the socket table changed under every one of three dumps, so there is no exact count: try again")
	case errors.As(err, &undecidable):
		return fmt.Errorf("which connections stay can be told by netlink only: %s", strings.Join(append(c.table.Plan().Notes, err.Error()), "; "))
	default:
		return err
	}
}
