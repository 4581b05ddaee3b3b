package conntrack

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// play receives the datagrams, then lets the context end.
func play(t *testing.T, config SubscribeConfig, failures map[int]error, datagrams ...[]byte) ([]Event, Loss, error) {
	t.Helper()
	k := &fakeKernel{queue: datagrams}
	c := k.client()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	k.onReceive = func(n int) error {
		if len(k.queue) == 0 {
			cancel()
		}
		return failures[n]
	}
	sub, err := c.Subscribe(config)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	var events []Event
	err = sub.Receive(ctx, func(e *Event) error {
		events = append(events, *e)
		return nil
	})
	return events, sub.Loss(), err
}

func eventMessage(kind, flags uint16, protocol Protocol) []byte {
	b := fakeFlow(1, IPv4, protocol, flags)
	b[4], b[5] = byte(kind), byte(kind>>8) // little-endian, as on the wire below
	return b
}

func typesOf(events []Event) (types []string) {
	for _, e := range events {
		types = append(types, e.Type.String()+" "+e.Flow.Protocol.String())
	}
	return types
}

func TestEventTypes(t *testing.T) {
	corpus(t) // skips big-endian machines
	all := [][]byte{
		eventMessage(messageNew, flagCreate|flagExclusive, TCP),
		join(eventMessage(messageNew, 0, TCP), eventMessage(messageNew, flagCreate, UDP)),
		eventMessage(messageDelete, 0, TCP),
		eventMessage(messageStats, 0, TCP),
	}
	for name, test := range map[string]struct {
		config SubscribeConfig
		want   []string
	}{
		"all":      {SubscribeConfig{}, []string{"new tcp", "update tcp", "new udp", "destroy tcp"}},
		"new":      {SubscribeConfig{Types: EventNew}, []string{"new tcp", "new udp"}},
		"filtered": {SubscribeConfig{Filter: &Filter{Protocols: []Protocol{UDP}}}, []string{"new udp"}},
	} {
		before := time.Now()
		events, _, err := play(t, test.config, nil, all...)
		if err != nil || !slices.Equal(typesOf(events), test.want) {
			t.Errorf("%s: %v, error %v", name, typesOf(events), err)
		}
		for _, e := range events {
			if e.Time.Before(before) || e.Time.After(time.Now()) {
				t.Errorf("%s: time %v", name, e.Time)
			}
		}
	}
}

func TestEventErrors(t *testing.T) {
	corpus(t)
	flow := eventMessage(messageNew, flagCreate, TCP)
	overrun := map[int]error{2: errOverrun}

	events, loss, err := play(t, SubscribeConfig{}, overrun, flow, flow)
	if err != nil || len(events) != 2 || loss != (Loss{Overruns: 1, Events: 7, EventsKnown: true}) {
		t.Errorf("a loss is not fatal: %d events, %+v, error %v", len(events), loss, err)
	}
	strict := SubscribeConfig{OnLoss: func(l Loss) error { return &LossError{l} }}
	_, _, err = play(t, strict, overrun, flow, flow)
	var lost *LossError
	if !errors.As(err, &lost) || lost.Events != 7 || !strings.Contains(err.Error(), "lost 7 ") {
		t.Errorf("a loss that ends it: %v", err)
	}
	if _, _, err = play(t, strict, overrun, flow); !errors.As(err, &lost) { // the context ends just then
		t.Errorf("a loss in the last moment: %v", err)
	}
	if _, loss, err = play(t, SubscribeConfig{}, nil, flow); err != nil || loss.Overruns != 1 {
		t.Errorf("a loss that the kernel has not told of: %+v, error %v", loss, err)
	}
	if err := (&LossError{}).Error(); !strings.Contains(err, "unknown number") {
		t.Error(err)
	}
	if _, _, err := play(t, SubscribeConfig{}, map[int]error{1: syscall.EBADF}, flow); !errors.Is(err, syscall.EBADF) {
		t.Errorf("another error: %v", err)
	}
	if _, _, err := play(t, SubscribeConfig{}, nil, flow[:20], flow); !isMalformed(err) {
		t.Errorf("a cut message: %v", err)
	}
}

func TestCapturedEvents(t *testing.T) {
	var datagrams [][]byte
	var want []string
	for _, e := range corpus(t) {
		typ, _, _ := strings.Cut(e.name, "-")
		if typ == "new" || typ == "update" || typ == "destroy" {
			datagrams, want = append(datagrams, e.bytes), append(want, typ+" tcp")
		}
	}
	events, _, err := play(t, SubscribeConfig{}, nil, datagrams...)
	if err != nil || !slices.Equal(typesOf(events), want) || len(want) < 5 {
		t.Fatalf("%v, want %v, error %v", typesOf(events), want, err)
	}
	last := events[len(events)-1]
	if d, ok := last.Flow.Duration(time.Now()); !ok || d <= 0 || d > time.Second {
		t.Errorf("the destroyed flow lived %v", d)
	}
	if !last.Flow.OriginalTraffic.Known || last.Flow.OriginalTraffic.Bytes == 0 {
		t.Errorf("the destroyed flow carried %+v", last.Flow.OriginalTraffic)
	}
	for i := 1; i < len(events); i++ {
		if events[i].Time.Before(events[i-1].Time) {
			t.Errorf("event %d is older than the one before", i)
		}
	}
}

func TestDrain(t *testing.T) {
	flow := fakeFlow(1, IPv4, TCP, flagCreate)
	stop := errors.New("stop")
	for name, test := range map[string]struct {
		failures map[int]error
		fn       error
		onLoss   error
		events   int
		want     error
	}{
		"all":            {nil, nil, nil, 3, nil},
		"loss":           {map[int]error{2: errOverrun}, nil, nil, 3, nil},
		"fatal loss":     {map[int]error{2: errOverrun}, nil, stop, 1, stop},
		"callback":       {nil, stop, nil, 1, stop},
		"broken":         {map[int]error{3: syscall.EBADF}, nil, nil, 2, syscall.EBADF},
		"nothing queued": {nil, nil, nil, 0, nil},
	} {
		k := &fakeKernel{onReceive: func(n int) error { return test.failures[n] }}
		if name != "nothing queued" {
			k.queue = [][]byte{flow, flow, flow}
		}
		sub, err := k.client().Subscribe(SubscribeConfig{OnLoss: func(Loss) error { return test.onLoss }})
		if err != nil {
			t.Fatal(err)
		}
		events := 0
		err = sub.Drain(func(*Event) error { events++; return test.fn })
		if !errors.Is(err, test.want) || events != test.events {
			t.Errorf("%s: %d events, error %v", name, events, err)
		}
	}
}

func TestFlowNAT(t *testing.T) {
	for status, want := range map[Status][2]bool{0: {}, StatusSrcNAT: {true, false}, StatusDstNAT | StatusAssured: {false, true}} {
		f := Flow{Status: status}
		if src, dst := f.NAT(); src != want[0] || dst != want[1] {
			t.Errorf("%b: %v %v", status, src, dst)
		}
	}
}
