package socktest_test

import (
	"bytes"
	"net"
	"os"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

func TestNamespaceIsOfItsOwn(t *testing.T) {
	host, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	ns := socktest.NewNamespace(t)
	ns.Connect(socktest.Connections{Port: 4000, IPv4: 2, IPv6: 1, Mapped: 1})
	var inside string
	var tables []byte
	ns.Do(func() {
		inside, _ = os.Readlink("/proc/thread-self/ns/net")
		for _, name := range []string{"tcp", "tcp6"} {
			table, err := os.ReadFile("/proc/thread-self/net/" + name)
			if err != nil {
				t.Error(err)
			}
			tables = append(tables, table...)
		}
		// The usual library works there, too.
		l, err := net.Listen("tcp", "[fd00::1]:4002")
		if err != nil {
			t.Error(err)
			return
		}
		l.Close()
	})
	if inside == "" || inside == host {
		t.Errorf("the test's namespace is %q, the host's %q", inside, host)
	}
	// 4 connections of two ends, 2 listeners, 2 headings.
	if lines := bytes.Count(tables, []byte("\n")); lines != 12 {
		t.Errorf("%d lines, want 12:\n%s", lines, tables)
	}
	if after, _ := os.Readlink("/proc/thread-self/ns/net"); after != host {
		t.Errorf("afterwards the test is in %q", after)
	}
}
