package procnet_test

import (
	"context"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/procnet"
)

func TestLive(t *testing.T) {
	for _, p := range sock.Protocols() {
		var st procnet.Stats
		n := 0
		err := procnet.Open("/proc/thread-self/net").Dump(context.Background(), procnet.Request{Protocol: p, Stats: &st}, func(s *sock.Socket) error {
			if n++; n < 3 {
				t.Logf("%+v", *s)
			}
			return nil
		})
		t.Log(p, n, st, err)
	}
}
