package testnet

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A Burst is N connections to one place from addresses in turn, each closed at
// once.
type Burst struct {
	To    netip.AddrPort
	From  []netip.Addr // empty: the kernel's choice
	N     int
	Reset bool // close with a RST
}

// Run makes the connections from two threads at full speed and returns how many
// were established.
func (b Burst) Run(t testing.TB, ns *testhost.Netns) int {
	t.Helper()
	var next, made atomic.Int64
	var done sync.WaitGroup
	for range 2 {
		done.Go(func() {
			err := ns.Do(func() error {
				for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
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

func (b Burst) connect(i int) (ok bool, err error) {
	fd, err := unix.Socket(family(b.To.Addr()), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	if b.Reset {
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return false, err
		}
	}
	if len(b.From) > 0 {
		if err := bind(fd, b.From[i%len(b.From)]); err != nil {
			return false, err
		}
	}
	for {
		err = unix.Connect(fd, sockaddr(b.To))
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

// bind chooses the address, and leaves the port to connect, so that one address
// can have more of them.
func bind(fd int, from netip.Addr) error {
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
