package conntrack

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

// TestSummarizeUnderLoad makes 40,000 flows, 20,000 a second, while they are
// counted: what is counted and what is known to be lost are all of them.
func TestSummarizeUnderLoad(t *testing.T) {
	for name, buffer := range map[string]int{"default buffer": 0, "small buffer": 16 << 10} {
		tracked(t, func() {
			ns, err := os.Open("/proc/thread-self/ns/net")
			if err != nil {
				t.Error(err)
				return
			}
			defer ns.Close()
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan int, 1)
			time.AfterFunc(100*time.Millisecond, func() {
				done <- makeFlows(t, New(Config{NetNS: int(ns.Fd())}))
				cancel() // at once: what is queued must still be counted
			})
			s, err := New(Config{}).Summarize(ctx, time.Hour, SubscribeConfig{Types: EventNew, Buffer: buffer})
			made := <-done
			if !errors.Is(err, context.Canceled) || s.Created+s.Loss.Events != uint64(made) || s.Duration < time.Second {
				t.Errorf("%s: %+v of %d, error %v", name, s, made, err)
			}
			if buffer == 0 && s.Loss.Events != 0 {
				t.Errorf("%s: lost %+v", name, s.Loss)
			}
			t.Logf("%s: %d created, %d lost in %d overruns", name, s.Created, s.Loss.Events, s.Loss.Overruns)
		})
	}
}

// makeFlows makes 20 batches, ten a second, and returns the number of flows.
func makeFlows(t *testing.T, c *Client) (made int) {
	for range 20 {
		start := time.Now()
		base := made
		injectBy(t, c, 2000, func(i int) Flow { return variedFlow(base + i) })
		made += 2000
		time.Sleep(100*time.Millisecond - time.Since(start))
	}
	return made
}

func TestSummarize(t *testing.T) {
	tracked(t, func() {
		ns, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			t.Error(err)
			return
		}
		defer ns.Close()
		done := make(chan bool)
		time.AfterFunc(100*time.Millisecond, func() {
			defer close(done)
			injectBy(t, New(Config{NetNS: int(ns.Fd())}), 10, variedFlow)
		})
		s, err := New(Config{}).Summarize(context.Background(), 2*time.Second, SubscribeConfig{})
		<-done
		if err != nil || s.Created != 10 || s.Loss.Events != 0 || !s.FailedKnown || s.Failed != 0 {
			t.Errorf("%+v, error %v", s, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		s, err = New(Config{}).Summarize(ctx, time.Hour, SubscribeConfig{})
		if !errors.Is(err, context.DeadlineExceeded) || s.Duration < 90*time.Millisecond || s.Duration > 10*time.Second {
			t.Errorf("cut short: %+v, error %v", s, err)
		}
	})
}
