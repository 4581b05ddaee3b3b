package dist

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// talk opens connections to ports 7443 and 7053 of a namespace, TCP and UDP,
// IPv4 and IPv6, that last as long as the test, and listens on a unix socket.
func talk(t *testing.T, ns *testhost.Netns) {
	t.Helper()
	for _, address := range []string{"127.0.0.1:7443", "[::1]:7443"} {
		listener, err := ns.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		dial(t, ns, "tcp", address)
		accepted, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { accepted.Close() })
	}
	dial(t, ns, "udp", "127.0.0.1:7053")
	local, err := ns.Listen("unix", filepath.Join(testhost.Dir(t), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close() })
}

func dial(t *testing.T, ns *testhost.Netns, network, address string) {
	t.Helper()
	conn, err := ns.Dial(context.Background(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
}
