package opens_test

import (
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

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A lab is two network namespaces joined by veth. Every address of 10.66.0.0/16 and
// fd66::/64 is the client's.
type lab struct{ server, client *testhost.Netns }

const (
	server4, server6 = "10.55.0.1", "fd55::1"
	client4, client6 = "10.55.0.2", "fd55::2"
)

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{testhost.NewNetns(t), testhost.NewNetns(t)}
	batch := func(ns *testhost.Netns, lines ...string) {
		t.Helper()
		cmd := exec.Command("ip", "-n", ns.Name, "-batch", "-")
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ip -batch: %v: %s", err, out)
		}
	}
	for _, ns := range []*testhost.Netns{l.server, l.client} {
		// A link-local address that is still being checked cannot ask for neighbours.
		err := ns.Do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0) })
		if err != nil {
			t.Fatal(err)
		}
	}
	batch(l.server, "link add veth0 type veth peer name veth0 netns "+l.client.Name)
	batch(l.server, "addr add "+server4+"/24 dev veth0", "addr add "+server6+"/64 dev veth0 nodad", "link set veth0 up")
	batch(l.client, "addr add "+client4+"/24 dev veth0", "addr add "+client6+"/64 dev veth0 nodad", "link set veth0 up",
		"route add local 10.66.0.0/16 dev lo", "route add local fd66::/64 dev lo")
	batch(l.server, "route add 10.66.0.0/16 via "+client4, "route add fd66::/64 via "+client6)
	l.warm(t)
	return l
}

// warm waits until the namespaces have found each other: the first IPv6 neighbour
// solicitation can get lost while the link comes up.
func (l *lab) warm(t testing.TB) {
	t.Helper()
	probe := burst{target: at(server6, 9), sources: addresses("fd66::", 1)}
	err := l.client.Do(func() (err error) {
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
			if _, err = probe.connect(0); err == nil {
				return nil
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A truth is what the accepting side saw.
type truth struct {
	sync.Mutex
	peers map[opens.Service]map[netip.Addr]uint64
}

func newTruth() *truth { return &truth{peers: map[opens.Service]map[netip.Addr]uint64{}} }

func (tr *truth) add(s opens.Service, from netip.Addr, n uint64) {
	tr.Lock()
	defer tr.Unlock()
	if tr.peers[s] == nil {
		tr.peers[s] = map[netip.Addr]uint64{}
	}
	tr.peers[s][from] += n
}

func (tr *truth) total(s opens.Service) (n uint64) {
	tr.Lock()
	defer tr.Unlock()
	for _, count := range tr.peers[s] {
		n += count
	}
	return n
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

// serve accepts and closes at once until the test ends, and notes who came. The
// returned function waits until n connections of the port were accepted.
func (tr *truth) serve(t testing.TB, ns *testhost.Netns, at netip.AddrPort) {
	t.Helper()
	fd := listen(t, ns, at)
	var done sync.WaitGroup
	service := opens.Service{Port: at.Port(), Direction: opens.In}
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
				tr.add(service, address(from), 1)
			}
		})
	}
	t.Cleanup(func() {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
		done.Wait()
		_ = unix.Close(fd)
	})
}

func listen(t testing.TB, ns *testhost.Netns, at netip.AddrPort) (fd int) {
	t.Helper()
	err := ns.Do(func() (err error) {
		if fd, err = unix.Socket(family(at.Addr()), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.Bind(fd, sockaddr(at)), unix.Listen(fd, 4096))
	})
	if err != nil {
		t.Fatal(err)
	}
	return fd
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

// A burst is n connections to a target from sources in turn.
type burst struct {
	target  netip.AddrPort
	sources []netip.Addr // empty: the kernel's choice
	n       int
	reset   bool // close with a RST
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
	fd, err := unix.Socket(family(b.target.Addr()), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	if b.reset {
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return false, err
		}
	}
	if len(b.sources) > 0 {
		// The port is chosen at connect, so that one address can have more of them.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return false, err
		}
		if b.target.Addr().Is6() {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1); err != nil {
				return false, err
			}
		}
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(b.sources[i%len(b.sources)], 0))); err != nil {
			return false, err
		}
	}
	for {
		err = unix.Connect(fd, sockaddr(b.target))
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

// on switches counting on in a namespace, in a directory of the test, and off when it
// ends, and proves that nothing stays.
func on(t testing.TB, ns *testhost.Netns, c opens.Config) opens.Config {
	t.Helper()
	testhost.NeedRoot(t)
	c.Dir = filepath.Join(publicDir(t), "sockcensus", "bpf")
	if result := switchOn(t, ns, c); result.Change != opens.Started {
		t.Fatalf("On: %+v, want started", result)
	}
	t.Cleanup(func() {
		if err := ns.Do(func() error { return opens.Off(c) }); err != nil && !errors.Is(err, opens.ErrOff) {
			t.Error(err)
		}
		if _, err := os.Lstat(filepath.Dir(c.Dir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("something is left of %s", filepath.Dir(c.Dir))
		}
		if mounts, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(mounts), c.Dir) {
			t.Errorf("%s is still mounted", c.Dir)
		}
		nothingOfNFT(t, ns)
	})
	return c
}

func nothingOfNFT(t testing.TB, ns *testhost.Netns) {
	t.Helper()
	nft, err := exec.LookPath("nft")
	if err != nil || ns == nil {
		return
	}
	_ = ns.Do(func() error {
		if out, err := exec.Command(nft, "list", "ruleset").CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("nft list ruleset: %v: %s", err, out)
		}
		return nil
	})
}

func switchOn(t testing.TB, ns *testhost.Netns, c opens.Config) (result opens.Result) {
	t.Helper()
	err := ns.Do(func() (err error) {
		result, err = opens.On(c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func status(t testing.TB, ns *testhost.Netns, c opens.Config) (status *opens.Status) {
	t.Helper()
	err := ns.Do(func() error {
		counter, err := opens.Open(c)
		if err != nil {
			return err
		}
		defer counter.Close()
		status, err = counter.Status()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// publicDir is a directory that every user can pass.
func publicDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "opens")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reading is everything that Read tells.
type reading struct {
	opens.Summary
	totals map[opens.Service]opens.Total
	peers  map[opens.Service]map[netip.Addr]uint64
}

func read(t testing.TB, ns *testhost.Netns, c opens.Config) reading {
	t.Helper()
	r, err := tryRead(ns, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tryRead reads the counters of a namespace from inside of it.
func tryRead(ns *testhost.Netns, c opens.Config) (r reading, err error) {
	err = ns.Do(func() error {
		counter, err := opens.Open(c)
		if err != nil {
			return err
		}
		defer counter.Close()
		r, err = readAll(counter)
		return err
	})
	return r, err
}

func readAll(counter opens.Counter) (r reading, err error) {
	r = reading{totals: map[opens.Service]opens.Total{}, peers: map[opens.Service]map[netip.Addr]uint64{}}
	r.Summary, err = counter.Read(opens.Query{}, opens.Visitor{
		Total: func(total opens.Total) error { r.totals[total.Service] = total; return nil },
		Peer: func(peer opens.Peer) error {
			if r.peers[peer.Service] == nil {
				r.peers[peer.Service] = map[netip.Addr]uint64{}
			}
			r.peers[peer.Service][peer.Addr] += peer.Opens
			return nil
		},
	})
	return r, err
}
