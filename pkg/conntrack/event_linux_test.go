package conntrack

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// subscribe starts to collect, in the caller's namespace.
func subscribe(t *testing.T, config SubscribeConfig) *Subscription {
	t.Helper()
	sub, err := New(Config{}).Subscribe(config)
	if err != nil {
		t.Error(err)
		return nil
	}
	return sub
}

// receiveUntil collects events until there are count, or for at most 5 s.
func receiveUntil(t *testing.T, sub *Subscription, count int) []Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var events []Event
	err := sub.Receive(ctx, func(e *Event) error {
		if events = append(events, *e); len(events) == count {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return events
}

// Flows to these ports mark where a comparison begins and ends.
const (
	beginPort = 7
	endPort   = 8
)

// TestEventsEqualConntrack compares with conntrack -E on the same traffic.
func TestEventsEqualConntrack(t *testing.T) {
	tracked(t, func() {
		sysctl(t, "net/netfilter/nf_conntrack_acct", "1")
		lines := conntrackEvents(t)
		for begun := false; !begun; {
			sendUDP(t, fmt.Sprintf("127.0.0.1:%d", beginPort))
			select {
			case <-lines:
				begun = true
			case <-time.After(50 * time.Millisecond):
			}
		}
		sub := subscribe(t, SubscribeConfig{})
		defer sub.Close()

		connectTCP(t, 20)
		run(t, "ping", "-c2", "-i0.2", "-q", "::1")
		sendUDP(t, "127.0.0.1:9")
		run(t, "conntrack", "-D", "-p", "tcp")
		run(t, "conntrack", "-D", "-p", "icmpv6")
		sendUDP(t, fmt.Sprintf("127.0.0.1:%d", endPort))

		var want []string
		for line := range lines {
			if strings.Contains(line, fmt.Sprintf(" dport=%d ", endPort)) {
				break
			}
			if !strings.Contains(line, fmt.Sprintf(" dport=%d ", beginPort)) {
				want = append(want, conntrackEvent(line))
			}
		}
		got := eventsToEnd(t, sub)
		slices.Sort(got)
		slices.Sort(want)
		if len(want) < 20*3 {
			t.Errorf("conntrack saw %d events only", len(want))
		}
		compareLists(t, "events", got, want)
	})
}

// conntrackEvents runs conntrack -E until the test ends.
func conntrackEvents(t *testing.T) <-chan string {
	t.Helper()
	lines := make(chan string, 1000)
	cmd := exec.Command("conntrack", "-E", "-o", "extended,id")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		close(lines)
		return lines
	}
	t.Cleanup(func() {
		cmd.Process.Signal(interrupt)
		cmd.Wait()
	})
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return lines
}

// eventsToEnd collects events until the flow that marks the end.
func eventsToEnd(t *testing.T, sub *Subscription) (lines []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	end := fmt.Errorf("the end")
	err := sub.Receive(ctx, func(e *Event) error {
		switch e.Flow.Original.DstPort {
		case endPort:
			return end
		case beginPort:
			return nil
		}
		lines = append(lines, eventLine(e))
		return nil
	})
	if err != end {
		t.Errorf("the events do not end: %v", err)
	}
	return lines
}

// eventLine is an event as conntrackEvent leaves it.
func eventLine(e *Event) string {
	var words []string
	for _, word := range strings.Fields(listedFlow(&e.Flow)) {
		if !strings.HasPrefix(word, "mark=") {
			words = append(words, word)
		}
	}
	return strings.ToUpper(e.Type.String()) + " " + strings.Join(words, " ")
}

// conntrackEvent is a line of conntrack -E without timeout and brackets.
func conntrackEvent(line string) string {
	words := strings.Fields(line)
	typ := strings.Trim(words[0], "[]")
	var kept []string
	for i, word := range words[1:] {
		if i == 4 && strings.Trim(word, "0123456789") == "" || strings.HasPrefix(word, "delta-time=") || strings.HasPrefix(word, "mark=") ||
			word == "[USERSPACE]" || strings.HasPrefix(word, "portid=") || strings.HasPrefix(word, "progname=") { // who deleted it
			continue
		}
		kept = append(kept, word)
	}
	return typ + " " + strings.Join(kept, " ")
}

// TestLossIsExact does not read while more events come than the buffer holds:
// what arrives and what is counted as lost are all that happened.
func TestLossIsExact(t *testing.T) {
	tracked(t, func() {
		sub := subscribe(t, SubscribeConfig{Types: EventNew, Buffer: 64 << 10})
		defer sub.Close()
		const made = 5000
		inject(t, made, variedFlow)

		overruns := 0
		sub.config.OnLoss = func(l Loss) error {
			if overruns++; int(l.Overruns) != overruns || !l.EventsKnown || l.Events == 0 {
				t.Errorf("loss %+v", l)
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		received := 0
		if err := sub.Receive(ctx, func(*Event) error { received++; return nil }); err != nil {
			t.Error(err)
		}
		loss := sub.Loss()
		if received == 0 || overruns != 1 || uint64(received)+loss.Events != made {
			t.Errorf("%d received and %d lost of %d, %d overruns", received, loss.Events, made, overruns)
		}
	})
}

// TestNoLoss is the same with the default buffer.
func TestNoLoss(t *testing.T) {
	tracked(t, func() {
		sub := subscribe(t, SubscribeConfig{Types: EventNew, Filter: &Filter{Protocols: []Protocol{TCP}}})
		defer sub.Close()
		if sub.Buffer() < defaultEventBuffer {
			t.Errorf("a buffer of %d bytes", sub.Buffer())
		}
		want := 0
		inject(t, 5000, func(i int) Flow {
			f := variedFlow(i)
			if f.Protocol == TCP {
				want++
			}
			return f
		})
		if got := len(receiveUntil(t, sub, want)); got != want || sub.Loss().Events != 0 {
			t.Errorf("%d events, want %d, %+v", got, want, sub.Loss())
		}
	})
}

// TestReceiveStopsAndSleeps cancels a reader that waits: it stops at once, and
// waiting has cost no processor time to speak of.
func TestReceiveStopsAndSleeps(t *testing.T) {
	tracked(t, func() {
		sub := subscribe(t, SubscribeConfig{})
		defer sub.Close()
		ctx, cancel := context.WithCancel(context.Background())
		before := processorTime(t)
		var cancelled time.Time
		time.AfterFunc(300*time.Millisecond, func() { cancelled = time.Now(); cancel() })
		err := sub.Receive(ctx, func(*Event) error { return nil })
		if late := time.Since(cancelled); err != nil || late > time.Second {
			t.Errorf("stopped %v after the cancellation, error %v", late, err)
		}
		if used := processorTime(t) - before; used > 150*time.Millisecond {
			t.Errorf("waiting took %v of processor time", used)
		}
		if err := sub.Receive(ctx, nil); err != nil {
			t.Errorf("receiving with a dead context: %v", err)
		}
	})
}

func TestEventString(t *testing.T) {
	for typ, want := range map[EventType]string{EventNew: "new", EventUpdate: "update", EventDestroy: "destroy", AllEvents: ""} {
		if got := fmt.Sprint(typ); got != want {
			t.Errorf("%d reads %q", typ, got)
		}
	}
}
