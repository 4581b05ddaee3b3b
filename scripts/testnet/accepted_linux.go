package testnet

import (
	"errors"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// Accepted is what the accepting side saw: the truth of a test.
type Accepted struct {
	mu    sync.Mutex
	peers map[uint16]map[netip.Addr]uint64
}

// NewAccepted has seen nobody yet.
func NewAccepted() *Accepted { return &Accepted{peers: map[uint16]map[netip.Addr]uint64{}} }

// Serve accepts and closes at once until the test ends, and notes who came.
func (a *Accepted) Serve(t testing.TB, ns *testhost.Netns, at netip.AddrPort) {
	t.Helper()
	fd := listen(t, ns, at)
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
				a.add(at.Port(), peer(from))
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

func (a *Accepted) add(port uint16, from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.peers[port] == nil {
		a.peers[port] = map[netip.Addr]uint64{}
	}
	a.peers[port][from]++
}

// Peers returns how many connections of each peer were accepted, by local port.
func (a *Accepted) Peers() map[uint16]map[netip.Addr]uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	peers := make(map[uint16]map[netip.Addr]uint64, len(a.peers))
	for port, counts := range a.peers {
		peers[port] = maps.Clone(counts)
	}
	return peers
}

// Total is the number of accepted connections.
func (a *Accepted) Total() (n uint64) {
	for _, counts := range a.Peers() {
		for _, count := range counts {
			n += count
		}
	}
	return n
}

// Settle waits until n connections were accepted, and a moment longer for those
// beyond what was asked for.
func (a *Accepted) Settle(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); a.Total() < uint64(n); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections were accepted, want %d", a.Total(), n)
		}
	}
	time.Sleep(20 * time.Millisecond)
}
