package testhost

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// Netns is a network namespace; a nil *Netns is the caller's.
type Netns struct {
	Name string // as ip-netns(8) knows it
}

var netnsCount atomic.Uint32

// NewNetns makes a network namespace with loopback up and deletes it when the test
// ends. It needs root and ip(8).
func NewNetns(t testing.TB) *Netns {
	t.Helper()
	NeedRoot(t)
	ip := Need(t, "ip")
	ns := &Netns{Name: fmt.Sprintf("testhost-%d-%d", os.Getpid(), netnsCount.Add(1))}
	ipDo(t, ip, "netns", "add", ns.Name)
	t.Cleanup(func() { ipDo(t, ip, "netns", "del", ns.Name) })
	ipDo(t, ip, "-n", ns.Name, "link", "set", "lo", "up")
	return ns
}

func ipDo(t testing.TB, ip string, args ...string) {
	t.Helper()
	if out, err := exec.Command(ip, args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// Path is where the namespace is bound, for setns(2) and `--netns`.
func (ns *Netns) Path() string {
	if ns == nil {
		return "/proc/self/ns/net"
	}
	return "/run/netns/" + ns.Name
}

// Do runs f on a thread inside the namespace. Goroutines that f starts are outside.
func (ns *Netns) Do(f func() error) error {
	done := make(chan error)
	go func() {
		// Never unlocked: the thread ends with its goroutine, so none that entered a
		// namespace is ever used again.
		runtime.LockOSThread()
		if ns != nil {
			if err := enterNetns(ns.Path()); err != nil {
				done <- fmt.Errorf("enter network namespace %s: %w", ns.Name, err)
				return
			}
		}
		done <- f()
	}()
	return <-done
}

// Dial connects to a literal address inside the namespace.
func (ns *Netns) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = ns.Do(func() error {
		var dialer net.Dialer
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens on a literal address inside the namespace.
func (ns *Netns) Listen(network, address string) (listener net.Listener, err error) {
	err = ns.Do(func() error {
		listener, err = net.Listen(network, address)
		return err
	})
	return listener, err
}

// freePort returns a TCP port of 127.0.0.1 that nobody listens on at the moment.
func (ns *Netns) freePort(t testing.TB) int {
	t.Helper()
	listener, err := ns.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
