//go:build linux

package filter_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A lab is a network namespace full of sockets. Its methods are for the one
// thread that is in it.
type lab struct {
	t *testing.T
	// cgroup is a control group of some of the sockets, from the root of the
	// hierarchy, or empty where there can be none.
	cgroup     string
	cgroupRoot string
}

// newLab moves the calling goroutine, on a thread of its own, into a new
// namespace and fills it.
func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		lacking(t, "a network namespace needs root")
	}
	if _, err := exec.LookPath("ss"); err != nil {
		lacking(t, "ss is not installed (package iproute2)")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	unshare(t)
	// A namespace made within this one has a table of connections of its own,
	// so that the host's many do not slow every walk (Linux 6.1).
	if err := os.WriteFile("/proc/sys/net/ipv4/tcp_child_ehash_entries", []byte("1024"), 0); err == nil {
		unshare(t)
	}
	l := &lab{t: t}
	l.run("ip", "link", "set", "lo", "up")
	l.run("ip", "link", "add", "hole", "type", "veth", "peer", "name", "end")
	l.run("ip", "addr", "add", "10.9.0.1/16", "dev", "hole")
	l.run("ip", "addr", "add", "2001:db8::1/64", "dev", "hole", "nodad")
	l.run("ip", "link", "set", "hole", "up", "arp", "off") // nobody is asked, nobody answers
	l.run("ip", "link", "set", "end", "up")
	l.makeCgroup()
	l.fill()
	return l
}

func unshare(t *testing.T) {
	t.Helper()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		lacking(t, "no new network namespace: "+err.Error())
	}
}

func lacking(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func (l *lab) run(name string, args ...string) string {
	l.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// makeCgroup makes a control group where the hierarchy of version 2 can be
// written.
func (l *lab) makeCgroup() {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			l.cgroupRoot = fields[1]
		}
	}
	name := "/sockcensus-test-" + strconv.Itoa(os.Getpid())
	dir := filepath.Join(l.cgroupRoot, name)
	if l.cgroupRoot == "" || os.Mkdir(dir, 0o755) != nil {
		l.t.Log("no control groups here: nothing is compared for cgroup")
		return
	}
	l.cgroup = name
	l.t.Cleanup(func() { l.removeCgroup(dir) })
}

// removeCgroup removes a control group; it can be busy for a moment after its
// last process has left.
func (l *lab) removeCgroup(dir string) {
	var err error
	for range 100 {
		if err = os.Remove(dir); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	l.t.Errorf("a control group is left behind: %v", err)
}

// inCgroup runs make in the control group of the lab.
func (l *lab) inCgroup(make func()) {
	if l.cgroup != "" {
		l.join(l.cgroup)
		defer l.join("/")
	}
	make()
}

func (l *lab) join(cgroup string) {
	l.t.Helper()
	file := filepath.Join(l.cgroupRoot, cgroup, "cgroup.procs")
	if err := os.WriteFile(file, []byte("0"), 0); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// socket makes a socket for the family of addr, which it is bound to unless
// addr is not valid.
func (l *lab) socket(kind int, addr netip.AddrPort, options ...func(fd int) error) int {
	l.t.Helper()
	domain := unix.AF_INET
	if addr.Addr().Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	l.must(err)
	l.t.Cleanup(func() { _ = unix.Close(fd) })
	l.must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	for _, option := range options {
		l.must(option(fd))
	}
	if addr.Port() != 0 || !addr.Addr().IsUnspecified() {
		l.must(unix.Bind(fd, sockaddr(addr)))
	}
	return fd
}

func sockaddr(addr netip.AddrPort) unix.Sockaddr {
	if addr.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
}

func mark(value int) func(int) error {
	return func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, value) }
}

func device(name string) func(int) error {
	return func(fd int) error { return unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, name) }
}

func v6only(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
}

func at(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

func (l *lab) listen(addr string, options ...func(int) error) int {
	l.t.Helper()
	fd := l.socket(unix.SOCK_STREAM, at(addr), options...)
	l.must(unix.Listen(fd, 64))
	return fd
}

// connect connects from one address to another and accepts on the listener.
func (l *lab) connect(listener int, from, to string, options ...func(int) error) (client, server int) {
	l.t.Helper()
	client = l.socket(unix.SOCK_STREAM, at(from), options...)
	l.must(unix.Connect(client, sockaddr(at(to))))
	server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	l.must(err)
	l.t.Cleanup(func() { _ = unix.Close(server) })
	return client, server
}

// fill makes sockets of every kind of address, and of the states that last.
func (l *lab) fill() {
	v4 := l.listen("0.0.0.0:443")
	local := l.listen("127.0.0.1:80", mark(0x11))
	l.listen("127.0.0.1:22", device("lo"))
	dual := l.listen("[::]:8080")
	l.listen("[::]:9090", v6only, mark(3))
	l.listen("127.0.0.1:40000") // bound, though within ip_local_port_range
	six := l.listen("[::1]:443")
	mapped := l.listen("[::ffff:127.0.0.2]:91")

	for i := range 12 {
		n := strconv.Itoa(i + 2)
		l.connect(v4, "127.0.0."+n+":0", "127.0.0.1:443")
		l.connect(local, "127.0.1."+n+":"+strconv.Itoa(20000+i), "127.0.0.1:80", mark(i))
		l.connect(dual, "127.2.0."+n+":0", "127.0.0.1:8080")
	}
	l.inCgroup(func() {
		for range 4 {
			l.connect(v4, "0.0.0.0:0", "127.0.0.1:443")
			l.connect(six, "[::]:0", "[::1]:443", device("lo"))
		}
	})
	l.connect(dual, "[::ffff:127.0.0.9]:0", "[::ffff:127.0.0.1]:8080")
	l.connect(mapped, "127.0.0.1:0", "127.0.0.2:91")
	l.connect(dual, "[2001:db8::1]:0", "[2001:db8::1]:8080", mark(0x21))
	l.connect(dual, "[::1]:0", "[::1]:8080")

	for i := range 6 {
		from := "127.0.3." + strconv.Itoa(i+1) + ":0"
		client, server := l.connect(v4, from, "127.0.0.1:443")
		switch i % 3 {
		case 0: // FIN-WAIT-2 and CLOSE-WAIT
			l.must(unix.Shutdown(client, unix.SHUT_WR))
		case 1: // TIME-WAIT
			l.must(unix.Shutdown(client, unix.SHUT_RDWR))
			l.must(unix.Shutdown(server, unix.SHUT_RDWR))
		}
	}
	for _, to := range []string{"10.9.3.3:80", "10.9.4.4:443", "[2001:db8::77]:22"} { // SYN-SENT
		family := "0.0.0.0:0"
		if at(to).Addr().Is6() {
			family = "[::]:0"
		}
		fd := l.socket(unix.SOCK_STREAM|unix.SOCK_NONBLOCK, at(family))
		if err := unix.Connect(fd, sockaddr(at(to))); err != unix.EINPROGRESS {
			l.t.Fatalf("connect to %s: %v", to, err)
		}
	}
	l.fillUDP()
	time.Sleep(50 * time.Millisecond) // the last segments on loopback
}

func (l *lab) fillUDP() {
	for i, addr := range []string{"0.0.0.0:53", "127.0.0.1:123", "[::]:5353", "[::1]:53", "[::ffff:127.0.0.1]:500", "[::]:0"} {
		fd := l.socket(unix.SOCK_DGRAM, at(addr), mark(i%4))
		if i%2 == 1 {
			to := "127.0.0.1:443"
			if at(addr).Addr().Is6() {
				to = "[::1]:443"
			}
			l.must(unix.Connect(fd, sockaddr(at(to))))
		}
	}
}
