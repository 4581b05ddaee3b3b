package opens_test

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sockcensus/sockcensus/pkg/opens"
)

// connections is how many a full-speed test makes: all 100,000 of the proof where
// SOCKCENSUS_FULL is set, a tenth of it otherwise.
func connections() int {
	if os.Getenv("SOCKCENSUS_FULL") != "" {
		return 100_000
	}
	return 10_000
}

// settle waits until the accepting side has seen n connections of a service.
func (tr *truth) settle(t testing.TB, s opens.Service, n int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); tr.total(s) < uint64(n) && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // for those beyond what was asked for
}

var comparers = cmp.Options{cmpopts.EquateComparable(netip.Addr{})}

func TestSockOpsCountsPerPortAndPeer(t *testing.T) {
	l, want := newLab(t), newTruth()
	c := on(t, opens.Config{Method: opens.SockOps})
	n := connections()
	ports := []uint16{4711, 4712}
	for _, port := range ports {
		want.serve(t, l.server, netip.AddrPortFrom(netip.MustParseAddr(server4), port))
	}
	sources := addresses("10.66.1.0", 200)
	start := time.Now()
	for i, port := range ports {
		target := netip.AddrPortFrom(netip.MustParseAddr(server4), port)
		made := burst{target: target, sources: sources, n: n / 2, reset: i == 0}.run(t, l.client)
		want.settle(t, opens.Service{Port: port}, made)
	}
	t.Logf("%d connections in %v", n, time.Since(start))
	got := read(t, c, cookie(t, l.server))
	if diff := cmp.Diff(want.peers, got.peers, comparers); diff != "" {
		t.Errorf("peers: (-accepted +counted)\n%s", diff)
	}
	var sum uint64
	for _, port := range ports {
		s := opens.Service{Port: port}
		if got.totals[s].Opens != want.total(s) || got.totals[s].Overflow != 0 {
			t.Errorf("port %d: %+v, accepted %d", port, got.totals[s], want.total(s))
		}
		sum += want.total(s)
	}
	if got.In.Opens != sum || got.In.Rest != 0 || got.Out.Opens != 0 || got.Lost != 0 || sum < uint64(n)*9/10 {
		t.Errorf("summary %+v, accepted %d", got.Summary, sum)
	}
}
