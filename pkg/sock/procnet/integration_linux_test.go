package procnet_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/procnet"
)

const inNamespace = "PROCNET_TEST_IN_NAMESPACE"

// inFreshNamespace runs the calling test again as a process in a network namespace
// of its own, and reports whether this is that process.
func inFreshNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			t.Fatalf("ip link set lo up: %v: %s", err, out)
		}
		return true
	}
	for _, program := range []string{"ip", "ss"} {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, program+" of iproute2 is not installed")
		}
	}
	if os.Geteuid() != 0 {
		skip(t, "a network namespace takes root")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a namespace: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in a namespace the test did not pass:\n%s", out)
	}
	t.Logf("%s", out)
	return false
}

func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// TestSameAsSS compares every socket in a namespace full of them with real ss(8),
// which asks through netlink.
func TestSameAsSS(t *testing.T) {
	if !inFreshNamespace(t) {
		return
	}
	z := &zoo{t: t}
	z.tcp()
	z.others()
	time.Sleep(200 * time.Millisecond) // handshakes
	for _, c := range []struct {
		protocol sock.Protocol
		options  string
		least    int
	}{
		{sock.TCP, "-t", 25}, {sock.UDP, "-u", 6}, {sock.Raw, "-w", 2}, {sock.Unix, "-x", 7}, {sock.Packet, "-0", 2},
	} {
		got := compare(t, c.protocol.String(), procnet.Request{Protocol: c.protocol}, c.options, "")
		if got < c.least {
			t.Errorf("%s: only %d sockets, want at least %d", c.protocol, got, c.least)
		}
	}
	// ss 6.1 lists no udplite.
	if ours := dump(t, procnet.Request{Protocol: sock.UDPLite}); len(ours) != 2 {
		t.Errorf("udplite: %q, want 2 sockets", ours)
	}
	capture(t)
	sameFilters(t, z.ports)
	sameStates(t)
}

// capture writes the tables to the directory named in PROCNET_TEST_CAPTURE: that is
// how testdata was made.
func capture(t *testing.T) {
	dir := os.Getenv("PROCNET_TEST_CAPTURE")
	if dir == "" {
		return
	}
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "unix", "packet"} {
		data, err := os.ReadFile(filepath.Join("/proc/thread-self/net", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func sameFilters(t *testing.T, ports []uint16) {
	filters := []string{
		"src 127.0.0.1", "dst 127.0.0.1", "src 127.0.0.0/8", "not src 127.0.0.1", "dst [::1]", "src [::1]", "src 10.99.0.0/16",
		"sport gt :1024", "dport = :81", "sport > :1024 and dst 127.0.0.1", "src [::ffff:127.0.0.1]", "dst [::ffff:0:0/96]", "src [::/0]",
	}
	for _, p := range ports {
		filters = append(filters,
			fmt.Sprintf("sport = :%d", p), fmt.Sprintf("( sport = :%d or dport = :%d ) and not dst 127.0.0.1", p, p),
			fmt.Sprintf("sport ge :%d and dport le :%d", p, p), fmt.Sprintf("dport != :%d", p), fmt.Sprintf("src 127.0.0.1:%d", p))
	}
	for _, text := range filters {
		f, err := filter.Parse(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, text, procnet.Request{Filter: f.Expr}, "-t", text)
	}
}

func sameStates(t *testing.T) {
	for _, s := range sock.States() {
		if s == sock.BoundInactive || s == sock.Close {
			continue // ss 6.1 does not know the first, and calls both closed
		}
		got := compare(t, s.String(), procnet.Request{States: sock.StatesOf(s)}, "-t", "state "+s.String())
		switch s {
		case sock.FinWait1, sock.LastAck, sock.Closing: // pass too quickly
		default:
			if got == 0 {
				t.Errorf("no socket in state %s", s)
			}
		}
	}
}

// TestManySockets has more rows than fit in any one read: none is lost or doubled
// where one portion ends, as long as the table does not change.
func TestManySockets(t *testing.T) {
	if !inFreshNamespace(t) {
		return
	}
	z := &zoo{t: t}
	l := z.listen("tcp", "[::]:0")
	const connections, datagrams = 600, 2000
	for i := range connections {
		network, address := "tcp4", fmt.Sprintf("127.0.0.1:%d", port(l.Addr()))
		if i%2 == 0 {
			network, address = "tcp6", fmt.Sprintf("[::1]:%d", port(l.Addr()))
		}
		z.connect(l, network, address)
	}
	for range datagrams {
		z.check(unix.Bind(z.socket(unix.AF_INET6, unix.SOCK_DGRAM, 0), &unix.SockaddrInet6{}))
	}
	for _, c := range []struct {
		protocol sock.Protocol
		states   sock.StateSet
		want     int
	}{
		{sock.TCP, sock.NoStates, 2*connections + 1}, {sock.TCP, sock.StatesOf(sock.Established), 2 * connections}, {sock.UDP, sock.NoStates, datagrams},
	} {
		seen, rows := make(map[uint64]bool), 0
		var stats procnet.Stats
		err := procnet.Open("/proc/thread-self/net").Dump(context.Background(), procnet.Request{Protocol: c.protocol, States: c.states, Stats: &stats}, func(s *sock.Socket) error {
			seen[s.Inode] = true
			rows++
			return nil
		})
		if err != nil || rows != c.want || len(seen) != c.want || stats.Rows < rows {
			t.Errorf("%s: %d rows of %d sockets, %v, want %d", c.protocol, rows, len(seen), err, c.want)
		}
	}
}
