package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A lab is two network namespaces joined by veth, with the plugin's binary. Every
// address of 10.66.0.0/16 and fd66::/64 is the client's.
type lab struct {
	t              testing.TB
	server, client *testhost.Netns
	dir            string // everything of the test
	binary         string

	// Of labs that count: who connected to port 4711, and how many should have.
	accepted *truth
	made     int
}

const (
	server4, server6 = "10.55.0.1", "fd55::1"
	client4, client6 = "10.55.0.2", "fd55::2"
)

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{t: t, server: testhost.NewNetns(t), client: testhost.NewNetns(t), dir: testhost.Dir(t), binary: testhost.Binary(t, "opens")}
	for _, ns := range []*testhost.Netns{l.server, l.client} {
		// A link-local address that is still being checked cannot ask for neighbours.
		err := ns.Do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0) })
		if err != nil {
			t.Fatal(err)
		}
	}
	l.tool("ip", l.server, "link add veth0 type veth peer name veth0 netns "+l.client.Name,
		"addr add "+server4+"/24 dev veth0", "addr add "+server6+"/64 dev veth0 nodad", "link set veth0 up")
	l.tool("ip", l.client, "addr add "+client4+"/24 dev veth0", "addr add "+client6+"/64 dev veth0 nodad", "link set veth0 up",
		"route add local 10.66.0.0/16 dev lo", "route add local fd66::/64 dev lo")
	l.tool("ip", l.server, "route add 10.66.0.0/16 via "+client4, "route add fd66::/64 via "+client6)
	l.warm()
	return l
}

// tool runs ip or nft in a namespace on lines of its own language.
func (l *lab) tool(name string, ns *testhost.Netns, lines ...string) {
	l.t.Helper()
	args := map[string][]string{"ip": {"-batch", "-"}, "nft": {"-f", "-"}}[name]
	got := testhost.Run(l.t, testhost.Command{Path: testhost.Need(l.t, name), Args: args, Netns: ns, Stdin: strings.Join(lines, "\n") + "\n"})
	if got.Code != 0 {
		l.t.Fatalf("%s %q: %v", name, lines, got)
	}
}

// warm waits until the namespaces have found each other: the first IPv6 neighbour
// solicitation can get lost while the link comes up.
func (l *lab) warm() {
	l.t.Helper()
	probe := burst{to: at(server6, 9), from: addresses("fd66::", 1)}
	err := l.client.Do(func() (err error) {
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
			if _, err = probe.connect(0); err == nil {
				return nil
			}
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// bpffs is where the counters of the test are pinned.
func (l *lab) bpffs() string { return filepath.Join(l.dir, "sockcensus", "bpf") }

func (l *lab) database() string { return filepath.Join(l.dir, "opens.db") }

// command is a call of the plugin in the server's namespace, on the test's own
// counters.
func (l *lab) command(name string, args ...string) testhost.Command {
	words := append([]string{}, args...)
	words = append(words, "--bpffs", l.bpffs(), "--db", l.database())
	return testhost.Command{Path: l.binary, Argv0: name, Args: words, Netns: l.server}
}

// opens runs a person's command, which must end with code.
func (l *lab) opens(code int, args ...string) testhost.Result {
	l.t.Helper()
	got := testhost.Run(l.t, l.command("opens", args...))
	if got.Code != code {
		l.t.Fatalf("opens %s: want exit %d: %v", strings.Join(args, " "), code, got)
	}
	return got
}

// check runs the check with the test's state directory.
func (l *lab) check(args ...string) testhost.Result {
	l.t.Helper()
	return testhost.Run(l.t, l.command("check_opens", append([]string{"--state-dir", l.dir}, args...)...))
}

// on switches counting on, and off when the test ends, and proves that nothing
// stays.
func (l *lab) on(args ...string) {
	l.t.Helper()
	l.t.Cleanup(func() {
		testhost.Run(l.t, l.command("opens", "off"))
		if entries, err := os.ReadDir(filepath.Dir(l.bpffs())); !errors.Is(err, os.ErrNotExist) {
			l.t.Errorf("something is left of %s: %v %v", filepath.Dir(l.bpffs()), entries, err)
		}
		if mounts, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(mounts), l.dir) {
			l.t.Errorf("something below %s is still mounted", l.dir)
		}
	})
	l.opens(0, append([]string{"on"}, args...)...)
}

// A place is one port of a direction, and who is there.
type key struct {
	direction string
	port      uint16
	peer      netip.Addr
}

// counted is what opens count or report tell in JSON.
func (l *lab) counted(args ...string) map[key]uint64 {
	l.t.Helper()
	return rowsOf(l.t, l.opens(0, append(args, "--by", "direction,port,peer", "--format", "json")...).Stdout)
}

func rowsOf(t testing.TB, document string) map[key]uint64 {
	t.Helper()
	var all struct {
		Opens []struct {
			Direction string
			Port      *uint16
			Peer      *netip.Addr
			Opens     uint64
		}
	}
	if err := json.Unmarshal([]byte(document), &all); err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	got := map[key]uint64{}
	for _, row := range all.Opens {
		k := key{direction: row.Direction}
		if row.Port != nil {
			k.port = *row.Port
		}
		if row.Peer != nil {
			k.peer = *row.Peer
		}
		got[k] += row.Opens
	}
	return got
}

// A truth is what the accepting side saw.
type truth struct {
	sync.Mutex
	seen map[key]uint64
}

func newTruth() *truth { return &truth{seen: map[key]uint64{}} }

func (tr *truth) total() (n uint64) {
	tr.Lock()
	defer tr.Unlock()
	for _, count := range tr.seen {
		n += count
	}
	return n
}

// serve accepts and closes at once until the test ends, and notes who came.
func (tr *truth) serve(t testing.TB, ns *testhost.Netns, where netip.AddrPort) {
	t.Helper()
	fd := listen(t, ns, where)
	var done sync.WaitGroup
	for range 2 {
		done.Go(func() {
			for {
				conn, from, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
				if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
					continue
				}
				if err != nil {
					return
				}
				_ = unix.Close(conn)
				tr.Lock()
				tr.seen[key{"in", where.Port(), address(from)}]++
				tr.Unlock()
			}
		})
	}
	t.Cleanup(func() {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
		done.Wait()
		_ = unix.Close(fd)
	})
}

// settle waits until n connections were accepted.
func (tr *truth) settle(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); tr.total() < uint64(n); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections were accepted, want %d", tr.total(), n)
		}
	}
}

func listen(t testing.TB, ns *testhost.Netns, where netip.AddrPort) (fd int) {
	t.Helper()
	err := ns.Do(func() (err error) {
		if fd, err = unix.Socket(family(where.Addr()), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.Bind(fd, sockaddr(where)), unix.Listen(fd, 4096))
	})
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func at(addr string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
}

func sockaddr(addr netip.AddrPort) unix.Sockaddr {
	if addr.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
}

func family(addr netip.Addr) int {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func address(sa unix.Sockaddr) netip.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap()
	}
	return netip.Addr{}
}

// A burst is n connections to a place from addresses in turn.
type burst struct {
	to    netip.AddrPort
	from  []netip.Addr // empty: the kernel's choice
	n     int
	reset bool // close with a RST
}

// run makes the connections from two threads at full speed and returns how many
// were established.
func (b burst) run(t testing.TB, ns *testhost.Netns) int {
	t.Helper()
	var next, made atomic.Int64
	var done sync.WaitGroup
	for range 2 {
		done.Go(func() {
			err := ns.Do(func() error {
				for i := next.Add(1) - 1; i < int64(b.n); i = next.Add(1) - 1 {
					ok, err := b.connect(int(i))
					if err != nil {
						return err
					}
					if ok {
						made.Add(1)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	return int(made.Load())
}

func (b burst) connect(i int) (ok bool, err error) {
	fd, err := unix.Socket(family(b.to.Addr()), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	if b.reset {
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return false, err
		}
	}
	if len(b.from) > 0 {
		if err := b.bind(fd, b.from[i%len(b.from)]); err != nil {
			return false, err
		}
	}
	for {
		err = unix.Connect(fd, sockaddr(b.to))
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EADDRNOTAVAIL):
			return false, nil
		}
		return false, fmt.Errorf("connect: %w", err)
	}
}

// bind chooses the address, and leaves the port to connect, so that one address can
// have more of them.
func (b burst) bind(fd int, from netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return err
	}
	if from.Is6() {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1); err != nil {
			return err
		}
	}
	return unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0)))
}

// addresses are the first n of the client's networks.
func addresses(prefix string, n int) []netip.Addr {
	list := make([]netip.Addr, n)
	addr := netip.MustParseAddr(prefix)
	for i := range list {
		addr = addr.Next()
		list[i] = addr
	}
	return list
}

// load is how many connections the large tests make.
func load() int {
	if os.Getenv("SOCKCENSUS_FULL") == "1" {
		return 100_000
	}
	return 10_000
}

// background starts a call of the plugin that the test itself ends.
func (l *lab) background(stdout *os.File, args ...string) *exec.Cmd {
	l.t.Helper()
	c := l.command("opens", append(args, "--netns", l.server.Name)...)
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stdout, cmd.Stderr = stdout, stdout
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	return cmd
}
