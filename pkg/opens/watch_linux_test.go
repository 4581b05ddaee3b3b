package opens_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testhost"
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

// watched collects what a watcher of a namespace hands over while f runs.
func watched(t *testing.T, ns *testhost.Netns, c opens.Config, f func()) (got map[opens.Service]map[netip.Addr]uint64, source string, lost uint64) {
	t.Helper()
	var w opens.Watcher
	err := ns.Do(func() (err error) {
		w, err = opens.Watch(c, opens.Query{Want: func(s opens.Service) bool { return s.Port == 4711 }})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	got = map[opens.Service]map[netip.Addr]uint64{}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		// The addresses of the host are asked for in the watcher's namespace.
		err := ns.Do(func() error {
			return w.Run(ctx, func(e opens.Event) error {
				if got[e.Service] == nil {
					got[e.Service] = map[netip.Addr]uint64{}
				}
				got[e.Service][e.Addr]++
				if e.Other == 0 || e.Time == 0 {
					t.Errorf("event %+v", e)
				}
				return nil
			})
		})
		if err != nil {
			t.Error(err)
		}
	})
	f()
	time.Sleep(300 * time.Millisecond)
	cancel()
	done.Wait()
	return got, w.Source(), w.Lost()
}

func TestWatch(t *testing.T) {
	for name, config := range map[string]opens.Config{
		"ring":    {},
		"capture": {Cgroup: "/proc"}, // where no program can be attached
	} {
		t.Run(name, func(t *testing.T) {
			l, want := testnet.NewPair(t), testnet.NewAccepted()
			want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
			want.Serve(t, l.Server, testnet.At(testnet.Server6, 4711))
			want.Serve(t, l.Server, testnet.At(testnet.Server4, 4712))
			got, source, lost := watched(t, l.Server, config, func() {
				testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.1.0", 20), N: 2000}.Run(t, l.Client)
				testnet.Burst{To: testnet.At(testnet.Server6, 4711), From: testnet.Addresses("fd66::", 20), N: 1000, Reset: true}.Run(t, l.Client)
				testnet.Burst{To: testnet.At(testnet.Server4, 4712), N: 100}.Run(t, l.Client)
				testnet.Burst{To: testnet.At(testnet.Server4, 9), N: 100}.Run(t, l.Client)
			})
			t.Log(source)
			service := opens.Service{Port: 4711}
			want.Settle(t, 3100)
			expect := map[opens.Service]map[netip.Addr]uint64{service: incoming(want)[service]}
			if diff := cmp.Diff(expect, got, comparers); diff != "" || lost != 0 {
				t.Errorf("lost %d, (-accepted +watched)\n%s", lost, diff)
			}
		})
	}
}

func TestWatchOutgoing(t *testing.T) {
	for name, config := range map[string]opens.Config{"ring": {}, "capture": {Cgroup: "/proc"}} {
		t.Run(name, func(t *testing.T) {
			l, want := testnet.NewPair(t), testnet.NewAccepted()
			want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
			got, _, _ := watched(t, l.Client, config, func() {
				testnet.Burst{To: testnet.At(testnet.Server4, 4711), N: 100}.Run(t, l.Client)
			})
			expect := map[opens.Service]map[netip.Addr]uint64{
				{Port: 4711, Direction: opens.Out}: {netip.MustParseAddr(testnet.Server4): 100}}
			if diff := cmp.Diff(expect, got, comparers); diff != "" {
				t.Errorf("(-made +watched)\n%s", diff)
			}
		})
	}
}
