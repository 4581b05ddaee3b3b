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
			l, want := newLab(t), newTruth()
			want.serve(t, l.server, at(server4, 4711))
			want.serve(t, l.server, at(server6, 4711))
			want.serve(t, l.server, at(server4, 4712))
			got, source, lost := watched(t, l.server, config, func() {
				burst{target: at(server4, 4711), sources: addresses("10.66.1.0", 20), n: 2000}.run(t, l.client)
				burst{target: at(server6, 4711), sources: addresses("fd66::", 20), n: 1000, reset: true}.run(t, l.client)
				burst{target: at(server4, 4712), n: 100}.run(t, l.client)
				burst{target: at(server4, 9), n: 100}.run(t, l.client)
			})
			t.Log(source)
			service := opens.Service{Port: 4711}
			want.settle(service, 3000)
			expect := map[opens.Service]map[netip.Addr]uint64{service: want.peers[service]}
			if diff := cmp.Diff(expect, got, comparers); diff != "" || lost != 0 {
				t.Errorf("lost %d, (-accepted +watched)\n%s", lost, diff)
			}
		})
	}
}

func TestWatchOutgoing(t *testing.T) {
	for name, config := range map[string]opens.Config{"ring": {}, "capture": {Cgroup: "/proc"}} {
		t.Run(name, func(t *testing.T) {
			l, want := newLab(t), newTruth()
			want.serve(t, l.server, at(server4, 4711))
			got, _, _ := watched(t, l.client, config, func() {
				burst{target: at(server4, 4711), n: 100}.run(t, l.client)
			})
			expect := map[opens.Service]map[netip.Addr]uint64{
				{Port: 4711, Direction: opens.Out}: {netip.MustParseAddr(server4): 100}}
			if diff := cmp.Diff(expect, got, comparers); diff != "" {
				t.Errorf("(-made +watched)\n%s", diff)
			}
		})
	}
}
