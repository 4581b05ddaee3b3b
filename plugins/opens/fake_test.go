package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
)

// A fake is a kernel whose counters stand where the test puts them.
type fake struct {
	sample  *opens.Sample // nil: off
	status  opens.Status
	events  []opens.Event
	lost    uint64
	err     error // of open
	evicted []opens.Peer
	now     time.Time
	up      time.Duration
}

var (
	noon   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	uptime = 240 * time.Hour
	web    = opens.Service{Port: 443}
	game   = opens.Service{Port: 4711}
	mail   = opens.Service{Port: 25, Direction: opens.Out}
)

// reading is a sample that was taken some time before noon: so many connections
// of two peers on port 4711 (and 7 of unknown ones), as many on 443 of a third,
// and half on port 25 of other hosts.
func reading(before time.Duration, n uint64) *opens.Sample {
	addr := netip.MustParseAddr
	first := opens.Mark{First: uptime - 71*time.Hour}
	mark := func(n uint64) opens.Mark { return opens.Mark{Opens: n, First: first.First} }
	return &opens.Sample{
		Summary: opens.Summary{
			Epoch:  opens.Epoch{Boot: "00000000-0000-4000-8000-000000000001", Generation: 1, Namespace: 1},
			Method: opens.SockOps, Since: uptime - 72*time.Hour, Taken: uptime - before,
			In: opens.Flow{Opens: 2*n + 7}, Out: opens.Flow{Opens: n / 2},
		},
		Totals: []opens.Total{
			{Service: game, Mark: mark(n + 7), Overflow: 7}, {Service: web, Mark: mark(n)}, {Service: mail, Mark: mark(n / 2)},
		},
		Peers: []opens.Peer{
			{Service: game, Addr: addr("10.0.0.1"), Mark: mark(n - n/4)}, {Service: game, Addr: addr("2001:db8::7"), Mark: mark(n / 4)},
			{Service: web, Addr: addr("10.0.0.9"), Mark: mark(n)}, {Service: mail, Addr: addr("192.0.2.25"), Mark: mark(n / 2)},
		},
		Wall: noon.Add(-before),
	}
}

func newFake(s *opens.Sample) *fake { return &fake{sample: s, now: noon, up: uptime} }

func (f *fake) kernel() *kernel {
	return &kernel{
		on: func(c opens.Config) (opens.Result, error) {
			return opens.Result{Change: opens.Started, Method: opens.NFT, Reason: "the kernel refuses to load the program: operation not permitted"}, f.err
		},
		off:     func(opens.Config) error { return f.off() },
		open:    func(opens.Config) (opens.Counter, error) { return f, errors.Join(f.err, f.off()) },
		watch:   func(opens.Config, opens.Query) (opens.Watcher, error) { return fakeWatcher{f}, f.err },
		publish: func(opens.Config, *opens.Sample) error { return nil },
		evict: func(opens.Config, time.Duration) ([]opens.Peer, error) {
			gone := f.evicted
			f.sample.Peers, f.evicted = f.sample.Peers[len(gone):], nil
			return gone, nil
		},
		uptime: func() time.Duration { return f.up },
	}
}

func (f *fake) off() error {
	if f.sample != nil {
		return nil
	}
	return &opens.Error{Kind: opens.ErrOff, Text: "connections are not being counted: run sockcensus-opens on as root to switch it on"}
}

func (f *fake) Read(q opens.Query, v opens.Visitor) (opens.Summary, error) {
	for _, t := range f.sample.Totals {
		if q.Want == nil || q.Want(t.Service) {
			if err := v.Total(t); err != nil {
				return opens.Summary{}, err
			}
		}
	}
	for _, p := range f.sample.Peers {
		if v.Peer == nil {
			break
		}
		if q.Want == nil || q.Want(p.Service) {
			if err := v.Peer(p); err != nil {
				return opens.Summary{}, err
			}
		}
	}
	return f.sample.Summary, nil
}

func (f *fake) Status() (*opens.Status, error) {
	status := f.status
	status.Summary = f.sample.Summary
	return &status, nil
}

func (f *fake) Close() error { return nil }

type fakeWatcher struct{ *fake }

func (w fakeWatcher) Run(_ context.Context, visit func(opens.Event) error) error {
	for _, e := range w.events {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

func (w fakeWatcher) Lost() uint64   { return w.lost }
func (w fakeWatcher) Source() string { return "ring buffer" }

// call runs the plugin on a fake.
func call(t *testing.T, f *fake, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, complaints bytes.Buffer
	code = plugin.Run(t.Context(), definition(f.kernel()), plugin.Env{
		Args: args, Environ: environ, Stdout: &out, Stderr: &complaints, Now: func() time.Time { return f.now },
	})
	return code, out.String(), complaints.String()
}

// recorded makes a history of samples.
func recorded(t *testing.T, path string, samples ...*opens.Sample) {
	t.Helper()
	db, err := history.Create(path, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range samples {
		if _, err := db.Record(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}
