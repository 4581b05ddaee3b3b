package socktest

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Namespace is a network namespace made for one test. It ends with the test
// and the sockets in it.
type Namespace struct {
	tb testing.TB
	fd int
}

// NewNamespace makes a network namespace in which loopback is up, with the
// addresses 127.0.0.0/8, ::1 and Peer6(0) to Peer6(Peers6-1). It takes root:
// without, the test is skipped, or fails where CI=true.
//
// Where the kernel can (Linux 6.1), the namespace has a small table of
// established connections of its own. Otherwise every walk of the table passes
// the connections of the whole host.
func NewNamespace(tb testing.TB) *Namespace {
	tb.Helper()
	return newNamespace(tb, 4096)
}

// NewHashedNamespace is NewNamespace with a table of so many buckets, for
// measurements. It skips the test where the kernel cannot make one.
func NewHashedNamespace(tb testing.TB, buckets int) *Namespace {
	tb.Helper()
	if _, err := os.Stat(childTable); err != nil {
		tb.Skipf("this kernel has no table of connections for each namespace: %v", err)
	}
	return newNamespace(tb, buckets)
}

// childTable sets how many buckets a namespace gets which is made in the
// present one.
const childTable = "/proc/sys/net/ipv4/tcp_child_ehash_entries"

func newNamespace(tb testing.TB, buckets int) *Namespace {
	tb.Helper()
	NeedRoot(tb)
	n := &Namespace{tb: tb, fd: -1}
	var err error
	onThread(func() { n.fd, err = makeNamespace(buckets) })
	if n.fd >= 0 {
		tb.Cleanup(func() { unix.Close(n.fd) })
	}
	if err != nil {
		tb.Fatalf("a network namespace for the test: %v", err)
	}
	return n
}

// makeNamespace moves the thread into a new namespace. It makes two: the
// setting is the first one's, so that the host's need not change.
func makeNamespace(buckets int) (int, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return -1, err
	}
	if err := os.WriteFile(childTable, []byte(strconv.Itoa(buckets)), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return -1, err
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return -1, err
	}
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, configureLoopback()
}

// NeedRoot skips a test that is not run by root, or fails it where CI=true.
func NeedRoot(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() == 0 {
		return
	}
	const reason = "this test has to be run by root: it makes network namespaces"
	if os.Getenv("CI") == "true" {
		tb.Fatal(reason)
	}
	tb.Skip(reason)
}

// Fd returns a descriptor of the namespace, open until the test ends.
func (n *Namespace) Fd() int { return n.fd }

// Do calls f in the namespace: sockets that f opens are in it, and so are
// programs that f starts with package os/exec. It runs on a goroutine and
// thread of its own. Leaving f by tb.Fatal ends the test.
func (n *Namespace) Do(f func()) {
	n.tb.Helper()
	var err error
	finished := onThread(func() {
		if err = unix.Setns(n.fd, unix.CLONE_NEWNET); err == nil {
			f()
		}
	})
	switch {
	case err != nil:
		n.tb.Fatalf("entering the network namespace of the test: %v", err)
	case !finished:
		n.tb.FailNow()
	}
}

// onThread calls f on a thread that is thrown away, because f changes it. It
// reports whether f returned.
func onThread(f func()) (finished bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		f()
		finished = true
	}()
	<-done
	return finished
}

func configureLoopback() error {
	s, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request); err != nil {
		return err
	}
	for i := range Peers6 {
		if err := addLoopbackAddress(s, Peer6(i).As16()); err != nil {
			return err
		}
	}
	return awaitAddress(Peer6(Peers6 - 1))
}

// awaitAddress waits until the kernel, which does it in the background, has
// made an IPv6 address usable.
func awaitAddress(addr netip.Addr) error {
	s, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	for range 300 {
		if err = unix.Bind(s, &unix.SockaddrInet6{Addr: addr.As16()}); err != unix.EADDRNOTAVAIL {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// addLoopbackAddress adds an IPv6 address to interface 1, which loopback is.
func addLoopbackAddress(s int, addr [16]byte) error {
	request := struct { // struct in6_ifreq, include/uapi/linux/ipv6.h
		addr   [16]byte
		prefix uint32
		index  int32
	}{addr, 128, 1}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return errno
	}
	return nil
}
