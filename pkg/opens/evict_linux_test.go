package opens_test

import (
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

func TestEvictMakesRoom(t *testing.T) {
	l, want := testnet.NewPair(t), testnet.NewAccepted()
	c := on(t, l.Server, opens.Config{Method: opens.SockOps, Size: 100})
	want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	service := opens.Service{Port: 4711}
	evict := func(quiet time.Duration) (gone []opens.Peer) {
		t.Helper()
		err := l.Server.Do(func() (err error) {
			gone, err = opens.Evict(c, quiet)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return gone
	}
	testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.1.0", 50), N: 100}.Run(t, l.Client)
	if gone := evict(0); len(gone) != 0 {
		t.Errorf("%d were taken from a table with room", len(gone))
	}
	testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.2.0", 200), N: 400}.Run(t, l.Client)
	if gone := evict(time.Hour); len(gone) != 0 {
		t.Errorf("%d busy ones were taken", len(gone))
	}
	before := read(t, l.Server, c)
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
	testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.3.0", 50), N: 100}.Run(t, l.Client)
	want.Settle(t, 600)
	after := read(t, l.Server, c)
	if len(after.peers[service]) != 50 || after.totals[service].Opens != 600 || after.totals[service].Overflow != before.totals[service].Overflow {
		t.Errorf("%d peers, total %+v, before %+v", len(after.peers[service]), after.totals[service], before.totals[service])
	}
}
