package opens_test

import (
	"testing"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

func TestMemoryIsTold(t *testing.T) {
	ns := testhost.NewNetns(t)
	c := on(t, ns, opens.Config{Method: opens.SockOps})
	got := status(t, ns, c)
	t.Logf("%d pairs of port and peer take %.1f MiB", got.Peers.Size, float64(got.Memory)/(1<<20))
	// At least the keys and values themselves.
	if least := uint64(opens.DefaultSize * (32 + 24)); got.Memory < least || got.Memory > 16*least || got.Peers.Size != opens.DefaultSize {
		t.Errorf("memory %d for %+v", got.Memory, got.Peers)
	}
}
