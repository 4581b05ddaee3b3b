package conntrack

import (
	"context"
	"time"
)

// A Summary says what happened to the table in a period, as conntrackd's
// statistics do. The kernel keeps no such numbers: they are counted events,
// but for Failed, which is the counter insert_failed.
type Summary struct {
	Duration time.Duration // how long events were collected

	Created, Updated, Destroyed uint64

	Failed      uint64
	FailedKnown bool

	// Loss is not zero where the other numbers are too low.
	Loss Loss
}

// Summarize counts the events of a period. Every event that the kernel queued
// before its end is counted, even when reading takes longer. When the context
// ends first, the Summary is that of the shorter period and the error the
// context's. It needs CAP_NET_ADMIN.
func (c *Client) Summarize(ctx context.Context, period time.Duration, config SubscribeConfig) (Summary, error) {
	before, err := c.Stats(ctx)
	if err != nil {
		return Summary{}, err
	}
	sub, err := c.Subscribe(config)
	if err != nil {
		return Summary{}, err
	}
	defer sub.Close()

	var s Summary
	start := time.Now()
	timed, cancel := context.WithTimeout(ctx, period)
	defer cancel()
	if err := sub.Receive(timed, s.count); err != nil {
		return s, err
	}
	ended := ctx.Err()
	if err := sub.Leave(); err != nil {
		return s, err
	}
	s.Duration = time.Since(start)
	if err := sub.Drain(s.count); err != nil {
		return s, err
	}
	s.Loss = sub.Loss()
	// The period is over even where the context is too: one more look.
	after, err := c.Stats(context.WithoutCancel(ctx))
	if err != nil {
		return s, err
	}
	s.Failed, s.FailedKnown = failures(before, after)
	return s, ended
}

func (s *Summary) count(e *Event) error {
	s.Add(e.Type)
	return nil
}

// Add counts one event.
func (s *Summary) Add(t EventType) {
	switch t {
	case EventNew:
		s.Created++
	case EventUpdate:
		s.Updated++
	case EventDestroy:
		s.Destroyed++
	}
}

// failures is how much insert_failed rose. Each CPU's counter has 32 bits and
// wraps on its own.
func failures(before, after []Stats) (rise uint64, known bool) {
	if len(before) != len(after) {
		return 0, false // a CPU came or went
	}
	for i := range after {
		old, knownOld := before[i].Get(InsertFailed)
		now, knownNow := after[i].Get(InsertFailed)
		if !knownOld || !knownNow {
			return 0, false
		}
		rise += uint64(uint32(now) - uint32(old))
	}
	return rise, len(after) > 0
}
