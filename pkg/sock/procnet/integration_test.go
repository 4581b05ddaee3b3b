//go:build linux

package procnet_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// zoo keeps sockets of every kind open that can be had without a peer host.
type zoo struct {
	t     *testing.T
	ports []uint16
}

func (z *zoo) check(err error) {
	z.t.Helper()
	if err != nil {
		z.t.Fatal(err)
	}
}

func (z *zoo) socket(family, kind, protocol int) int {
	z.t.Helper()
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	z.check(err)
	z.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func (z *zoo) listen(network, address string) *net.TCPListener {
	z.t.Helper()
	l, err := net.Listen(network, address)
	z.check(err)
	z.t.Cleanup(func() { l.Close() })
	z.ports = append(z.ports, netip.MustParseAddrPort(l.Addr().String()).Port())
	return l.(*net.TCPListener)
}

// connect returns both ends of a connection.
func (z *zoo) connect(l net.Listener, network, address string) (client, server *net.TCPConn) {
	z.t.Helper()
	c, err := net.Dial(network, address)
	z.check(err)
	s, err := l.Accept()
	z.check(err)
	z.t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

func port(a net.Addr) int { return a.(*net.TCPAddr).Port }

func (z *zoo) tcp() {
	l4 := z.listen("tcp4", "127.0.0.1:0")
	any4 := z.listen("tcp4", "0.0.0.0:0")
	dual := z.listen("tcp", "[::]:0")
	l6 := z.listen("tcp6", "[::1]:0")
	c, _ := z.connect(l4, "tcp4", l4.Addr().String())
	_, err := c.Write(make([]byte, 1000)) // unread: a receive queue
	z.check(err)
	z.connect(l6, "tcp6", l6.Addr().String())
	z.connect(dual, "tcp4", fmt.Sprintf("127.0.0.1:%d", port(dual.Addr())))
	z.connect(dual, "tcp6", fmt.Sprintf("[::1]:%d", port(dual.Addr())))
	z.mappedClient(port(any4.Addr()))
	half, _ := z.connect(l4, "tcp4", l4.Addr().String()) // FIN-WAIT-2 and CLOSE-WAIT
	z.check(half.CloseWrite())
	gone, other := z.connect(l6, "tcp6", l6.Addr().String()) // TIME-WAIT
	z.check(gone.Close())
	z.check(other.Close())
	waiting := z.listen("tcp4", "127.0.0.1:0") // one in the accept queue
	pending, err := net.Dial("tcp4", waiting.Addr().String())
	z.check(err)
	z.t.Cleanup(func() { pending.Close() })
	bound := z.socket(unix.AF_INET, unix.SOCK_STREAM, 0) // BOUND-INACTIVE
	z.check(unix.Bind(bound, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	z.synSent()
	z.synReceived()
}

// mappedClient connects an AF_INET6 socket to an IPv4 address.
func (z *zoo) mappedClient(port int) {
	fd := z.socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
	to := unix.SockaddrInet6{Port: port}
	copy(to.Addr[:], netip.MustParseAddr("::ffff:127.0.0.1").AsSlice())
	z.check(unix.Connect(fd, &to))
}

// synSent connects to an address that the loopback interface swallows.
func (z *zoo) synSent() {
	out, err := exec.Command("ip", "address", "add", "10.99.0.1/24", "dev", "lo").CombinedOutput()
	if err != nil {
		z.t.Fatalf("ip address: %v: %s", err, out)
	}
	fd := z.socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	out, err = exec.Command("ip", "route", "replace", "10.99.1.0/24", "dev", "lo").CombinedOutput()
	if err != nil {
		z.t.Fatalf("ip route: %v: %s", err, out)
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{10, 99, 1, 2}, Port: 81})
	if err != unix.EINPROGRESS {
		z.t.Fatalf("connect to nowhere: %v", err)
	}
}

// synReceived connects to a listener that waits for data before it believes in a
// connection, so that its end stays half open.
func (z *zoo) synReceived() {
	l := z.socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	z.check(unix.SetsockoptInt(l, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 30))
	z.check(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	z.check(unix.Listen(l, 5))
	name, err := unix.Getsockname(l)
	z.check(err)
	for range 2 {
		z.check(unix.Connect(z.socket(unix.AF_INET, unix.SOCK_STREAM, 0), name))
	}
}

func (z *zoo) others() {
	for _, address := range []string{"127.0.0.1:0", "[::]:0", "[::1]:0"} {
		c, err := net.ListenPacket("udp", address)
		z.check(err)
		z.t.Cleanup(func() { c.Close() })
		peer, err := net.Dial("udp", c.LocalAddr().String())
		z.check(err)
		z.t.Cleanup(func() { peer.Close() })
		_, err = peer.Write([]byte("unread"))
		z.check(err)
	}
	lite := z.socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE)
	z.check(unix.Bind(lite, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	lite6 := z.socket(unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE)
	z.check(unix.Bind(lite6, &unix.SockaddrInet6{}))
	z.socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	z.socket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
	z.socket(unix.AF_PACKET, unix.SOCK_RAW, 0x0300) // ETH_P_ALL in network order
	p := z.socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	z.check(unix.Bind(p, &unix.SockaddrLinklayer{Protocol: 0x0608, Ifindex: 1})) // ARP
	dir := z.t.TempDir()
	for kind, name := range map[int]string{
		unix.SOCK_STREAM: filepath.Join(dir, "a stream"), unix.SOCK_SEQPACKET: "@abstract seqpacket", unix.SOCK_DGRAM: filepath.Join(dir, "dgram"),
	} {
		fd := z.socket(unix.AF_UNIX, kind, 0)
		z.check(unix.Bind(fd, &unix.SockaddrUnix{Name: name}))
		if kind != unix.SOCK_DGRAM {
			z.check(unix.Listen(fd, 5))
			z.check(unix.Connect(z.socket(unix.AF_UNIX, kind, 0), &unix.SockaddrUnix{Name: name})) // not accepted
		}
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	z.check(err)
	z.t.Cleanup(func() { unix.Close(pair[0]); unix.Close(pair[1]) })
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

// dump lists sockets in the form that ss makes comparable.
func dump(t *testing.T, r procnet.Request) []string {
	t.Helper()
	var rows []string
	err := procnet.Open("/proc/thread-self/net").Dump(context.Background(), r, func(s *sock.Socket) error {
		if s.State == sock.BoundInactive {
			return nil // not in ss 6.1
		}
		rows = append(rows, describe(s))
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", r.Protocol, err)
	}
	slices.Sort(rows)
	return rows
}

func describe(s *sock.Socket) string {
	switch s.Protocol {
	case sock.Unix:
		return fmt.Sprintf("%s %s %s %d", s.NetID(), s.State, s.Local.Name, s.Inode)
	case sock.Packet:
		return fmt.Sprintf("%s %s %d %s uid:%d ino:%d", s.NetID(), s.State, s.RecvQ, s.Local.Name, s.UID, s.Inode)
	}
	if s.Protocol == sock.Raw { // ss does not show their inodes
		return fmt.Sprintf("%s %d %d %s %s", s.State, s.RecvQ, s.SendQ, s.Local.AddrPort, s.Peer.AddrPort)
	}
	sendQ := s.SendQ
	if s.State == sock.Listen {
		sendQ = 0 // ss shows the limit of the accept queue
	}
	return fmt.Sprintf("%s %d %d %s %s ino:%d timer:%s", s.State, s.RecvQ, sendQ, s.Local.AddrPort, s.Peer.AddrPort, s.Inode, s.Timer.Kind)
}

// compare lists sockets both ways until both agree, as timers may run out and
// handshakes end between the two.
func compare(t *testing.T, what string, r procnet.Request, options, expression string) int {
	t.Helper()
	var ours, theirs []string
	for range 5 {
		ours, theirs = dump(t, r), ss(t, r.Protocol, options, expression)
		if slices.Equal(ours, theirs) {
			return len(ours)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s: %d sockets, ss has %d", what, len(ours), len(theirs))
	for _, row := range ours {
		if !slices.Contains(theirs, row) {
			t.Errorf("  only ours:  %s", row)
		}
	}
	for _, row := range theirs {
		if !slices.Contains(ours, row) {
			t.Errorf("  only in ss: %s", row)
		}
	}
	return len(ours)
}

// ss runs the real one and turns its rows into what describe makes.
func ss(t *testing.T, p sock.Protocol, options, expression string) []string {
	t.Helper()
	args := []string{"-H", "-O", "-n", "-a", "-e", "-o", options}
	if strings.HasPrefix(expression, "state ") {
		args = []string{"-H", "-O", "-n", "-e", "-o", options}
	}
	out, err := exec.Command("ss", append(args, strings.Fields(expression)...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ss %s %s: %v: %s", options, expression, err, out)
	}
	var rows []string
	for line := range strings.Lines(string(out)) {
		if p.Internet() && p != sock.Raw && strings.HasPrefix(expression, "state ") && expression != "state " {
			line = strings.TrimPrefix(expression, "state ") + " " + line
		}
		rows = append(rows, normalize(t, p, line))
	}
	slices.Sort(rows)
	return rows
}

func normalize(t *testing.T, p sock.Protocol, line string) string {
	t.Helper()
	switch p {
	case sock.Unix:
		// u_str LISTEN 0 5 /tmp/a stream 123 * 0 <->
		f := strings.Fields(line)
		last := len(f) - 1
		for f[last] != "*" && last > 5 {
			last--
		}
		name := strings.Join(f[4:last-1], " ")
		return fmt.Sprintf("%s %s %s %s", f[0], state(t, f[1]), strings.TrimPrefix(name, "*"), f[last-1])
	case sock.Packet:
		f := strings.Fields(line)
		name, _, _ := strings.Cut(f[4], ":")
		name = map[string]string{"[2054]": "0x0806", "*": "*"}[name]
		return fmt.Sprintf("%s %s %s %s uid:%s ino:%s", f[0], state(t, f[1]), f[2], name, or(tagged(line, "uid:"), "0"), tagged(line, "ino:"))
	}
	f := strings.Fields(line)
	sendQ := f[2]
	if state(t, f[0]) == sock.Listen {
		sendQ = "0"
	}
	local, peer := endpoint(t, f[3]), endpoint(t, f[4])
	if local.Addr().Is6() != peer.Addr().Is6() {
		peer = netip.AddrPortFrom(netip.IPv4Unspecified(), peer.Port())
	}
	if p == sock.Raw {
		return fmt.Sprintf("%s %s %s %s %s", state(t, f[0]), f[1], sendQ, local, peer)
	}
	timer, _, _ := strings.Cut(tagged(line, "timer:("), ",")
	return fmt.Sprintf("%s %s %s %s %s ino:%s timer:%s", state(t, f[0]), f[1], sendQ, local, peer, or(tagged(line, "ino:"), "0"), or(timer, "off"))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func tagged(line, tag string) string {
	_, rest, _ := strings.Cut(line, " "+tag)
	value, _, _ := strings.Cut(rest, " ")
	return strings.TrimSpace(value)
}

func state(t *testing.T, word string) sock.State {
	t.Helper()
	set, err := sock.ParseStates(word)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sock.States() {
		if set.Only(s) {
			return s
		}
	}
	t.Fatalf("%q is no single state", word)
	return 0
}

// endpoint reads ADDR[%DEVICE]:PORT, "*" being any address of IPv6.
func endpoint(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	i := strings.LastIndexByte(text, ':')
	host, _, _ := strings.Cut(strings.Trim(text[:i], "[]"), "%")
	host = strings.TrimSuffix(host, "]")
	if host == "*" {
		host = "::"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var number uint16
	switch p := text[i+1:]; p {
	case "*":
	case "icmp":
		number = 1
	case "ipv6-icmp":
		number = 58
	default:
		if _, err := fmt.Sscan(p, &number); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	return netip.AddrPortFrom(addr.Unmap(), number)
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
