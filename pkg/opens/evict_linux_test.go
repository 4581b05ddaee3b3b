package opens_test

import (
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
)

func TestEvictMakesRoom(t *testing.T) {
	l, want := newLab(t), newTruth()
	c := on(t, l.server, opens.Config{Method: opens.SockOps, Size: 100})
	want.serve(t, l.server, at(server4, 4711))
	service := opens.Service{Port: 4711}
	evict := func(quiet time.Duration) (gone []opens.Peer) {
		t.Helper()
		err := l.server.Do(func() (err error) {
			gone, err = opens.Evict(c, quiet)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return gone
	}
	burst{target: at(server4, 4711), sources: addresses("10.66.1.0", 50), n: 100}.run(t, l.client)
	if gone := evict(0); len(gone) != 0 {
		t.Errorf("%d were taken from a table with room", len(gone))
	}
	burst{target: at(server4, 4711), sources: addresses("10.66.2.0", 200), n: 400}.run(t, l.client)
	if gone := evict(time.Hour); len(gone) != 0 {
		t.Errorf("%d busy ones were taken", len(gone))
	}
	before := read(t, l.server, c)
	var sum uint64
	for _, peer := range evict(0) {
		sum += peer.Opens
		if peer.Opens != before.peers[service][peer.Addr] || peer.Service != service {
			t.Errorf("took %+v, which had %d", peer, before.peers[service][peer.Addr])
		}
	}
	if got := before.totals[service]; sum != got.Opens-got.Overflow {
		t.Errorf("took peers with %d, of %+v", sum, got)
	}
	burst{target: at(server4, 4711), sources: addresses("10.66.3.0", 50), n: 100}.run(t, l.client)
	want.settle(service, 600)
	after := read(t, l.server, c)
	if len(after.peers[service]) != 50 || after.totals[service].Opens != 600 || after.totals[service].Overflow != before.totals[service].Overflow {
		t.Errorf("%d peers, total %+v, before %+v", len(after.peers[service]), after.totals[service], before.totals[service])
	}
}
