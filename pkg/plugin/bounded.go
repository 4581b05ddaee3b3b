package plugin

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A timeoutError reports that a run did not come to an end in its time.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("gave up after %s without an answer: narrow the selection or raise --timeout", formatDuration(e.limit))
}

// A panicError reports a mistake of ours.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("internal error (please report it): %v", e.value)
}

// frames returns where the panic came from, a line a frame of this module.
func (e *panicError) frames() []string {
	var frames []string
	for line := range strings.Lines(string(e.stack)) {
		if strings.Contains(line, "sockcensus") && !strings.HasPrefix(line, "\t") && len(frames) < 10 {
			frames = append(frames, strings.TrimSpace(line))
		}
	}
	return frames
}

// grace is how long work may take to notice that its time is over. A system
// call that hangs does not hold the answer back any longer.
const grace = 200 * time.Millisecond

// personGrace is what a person's command has to print what it knows already: a
// terminal may be slow, and somebody watches it.
const personGrace = 5 * time.Second

// bounded calls work and returns what it returns, or an error when work
// panics or is not done within limit. A limit of zero is none.
func bounded[T any](ctx context.Context, limit time.Duration, work func(context.Context) (T, error)) (T, error) {
	return boundedBy(ctx, limit, grace, work)
}

// boundedBy is bounded with a grace of one's own.
func boundedBy[T any](ctx context.Context, limit, grace time.Duration, work func(context.Context) (T, error)) (T, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if v := recover(); v != nil {
				r.err = &panicError{value: v, stack: debug.Stack()}
			}
			done <- r
		}()
		r.value, r.err = work(ctx)
	}()
	select {
	case r := <-done:
		return r.value, named(r.err, limit)
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.value, named(r.err, limit)
	case <-time.After(grace):
		var none T
		return none, named(ctx.Err(), limit)
	}
}

// boundedHere is bounded on the goroutine that calls it: to start another one
// takes the runtime a thread, and a twentieth of the time of a whole small
// check. So nobody waits for work that hangs; lastWord ends the process then.
func boundedHere[T any](ctx context.Context, limit time.Duration, lastWord func(error), work func(context.Context) (T, error)) (value T, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	watchdog := time.AfterFunc(limit+grace, func() { lastWord(&timeoutError{limit}) })
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
		if !watchdog.Stop() {
			select {} // the last word is being said
		}
	}()
	value, err = work(ctx)
	return value, named(err, limit)
}

// named turns the context's error into a sentence.
func named(err error, limit time.Duration) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &timeoutError{limit}
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted before there was an answer")
	default:
		return err
	}
}

// timeout returns the time limit that was given, or fallback.
func (c *Common) timeout(fallback time.Duration) (time.Duration, error) {
	if c.Timeout == "" {
		return fallback, nil
	}
	limit, err := ParseDuration("--timeout", c.Timeout)
	if err == nil && limit <= 0 {
		err = Usagef("--timeout %s leaves no time: use a duration above zero", quote.Text(c.Timeout))
	}
	return limit, err
}
