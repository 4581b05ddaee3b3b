package dist

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A muninHost is a network namespace with a small population that is known to
// the last socket. Its listeners:
//
//	tcp 0.0.0.0:443, [::]:443 (IPv6 alone), [::]:8443 and [::]:4711 (both families)
//	tcp 127.0.0.1:22, :25, :80 (queue of 15), :81 (queue of 1)
//	udp 0.0.0.0:53, [::]:53
//
// Who is connected to them is in [muninHost.populate].
type muninHost struct {
	t       *testing.T
	ns      *testhost.Netns
	usr     string // where everything is installed
	bpffs   string
	open    map[int]bool   // sockets
	servers map[string]int // by address
	stray   int            // an established connection that the tracker never saw begin
}

// newMuninHost makes the host. Everything that counts is on before the first
// connection, so that all counts begin at zero.
func newMuninHost(t *testing.T) *muninHost {
	t.Helper()
	h := &muninHost{t: t, ns: testhost.NewNetns(t), usr: install(t), servers: map[string]int{}, open: map[int]bool{}}
	t.Cleanup(func() {
		for fd := range h.open {
			h.close(fd)
		}
	})
	h.bpffs = filepath.Join(testhost.Dir(t), "bpf")
	for _, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.9", "192.0.2.10", "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8::9"} {
		h.tool("ip", "", "address", "add", address, "dev", "lo")
	}
	h.sysctl("net/ipv4/tcp_syn_retries", 10) // what is in SYN_SENT stays there
	if slices.Contains(testhost.Plugins(t), "opens") {
		h.opens("on", "--method", "sockops")
		t.Cleanup(func() { h.opens("off") })
	}
	h.listen()
	h.stray, _ = h.talk("127.0.0.1", "127.0.0.1:22", "127.0.0.1:22")
	h.track()
	h.populate()
	h.visit()
	return h
}

// tool runs a system's program in the namespace and returns what it printed.
func (h *muninHost) tool(name, stdin string, args ...string) string {
	h.t.Helper()
	got := testhost.Run(h.t, testhost.Command{Path: testhost.Need(h.t, name), Args: args, Stdin: stdin, Netns: h.ns})
	if got.Code != 0 {
		h.t.Fatalf("%s %s: %s", name, strings.Join(args, " "), got)
	}
	return got.Stdout
}

func (h *muninHost) opens(command string, args ...string) {
	h.t.Helper()
	args = append([]string{command, "--bpffs", h.bpffs, "--db", h.bpffs + ".db"}, args...)
	got := testhost.Run(h.t, testhost.Command{Path: filepath.Join(h.usr, "bin/sockcensus-opens"), Args: args, Netns: h.ns})
	if got.Code != 0 {
		h.t.Fatalf("opens %s: %s", command, got)
	}
}

func (h *muninHost) sysctl(name string, value int) {
	h.t.Helper()
	err := h.ns.Do(func() error {
		return os.WriteFile("/proc/sys/"+name, []byte(strconv.Itoa(value)), 0)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// track has the kernel track UDP, and TCP of the ports that connections last on,
// for longer than the test takes. Flows of other protocols are written by hand.
// What is sent to port 9 is lost.
func (h *muninHost) track() {
	h.t.Helper()
	h.tool("nft", `table inet test {
	chain raw {
		type filter hook output priority -300
		tcp dport != { 22, 25, 443, 8443 } tcp sport != { 22, 25, 443, 8443 } notrack
	}
	chain out {
		type filter hook output priority 0
		tcp dport 9 drop
		ct state new accept
	}
}
`, "-f", "-")
	for _, timeout := range []string{"udp_timeout", "tcp_timeout_close_wait"} {
		h.sysctl("net/netfilter/nf_conntrack_"+timeout, 3600)
	}
	h.sysctl("net/netfilter/nf_conntrack_tcp_loose", 0)
	for _, flow := range []string{
		"-s 192.0.2.1 -d 192.0.2.2 -t 3600 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 1",
		"-s 2001:db8::1 -d 2001:db8::2 -t 3600 -p icmpv6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 1",
		"-s 192.0.2.1 -d 192.0.2.2 -t 3600 -p gre --srckey 1 --dstkey 1",
	} {
		h.tool("conntrack", "", strings.Fields("-I "+flow+" -u SEEN_REPLY")...)
	}
}

func (h *muninHost) listen() {
	h.t.Helper()
	for _, l := range []struct {
		address string
		backlog int
		only6   int
	}{
		{"0.0.0.0:443", 127, 0}, {"[::]:443", 127, 1}, {"[::]:8443", 127, 0}, {"[::]:4711", 127, 0},
		{"127.0.0.1:22", 127, 0}, {"127.0.0.1:25", 127, 0}, {"127.0.0.1:80", 15, 0}, {"127.0.0.1:81", 1, 0},
		{"0.0.0.0:53", 0, 0}, {"[::]:53", 0, 1},
	} {
		kind := unix.SOCK_STREAM
		if l.backlog == 0 {
			kind = unix.SOCK_DGRAM
		}
		fd := h.socket(l.address, kind)
		if strings.HasPrefix(l.address, "[") {
			h.must(unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, l.only6))
		}
		h.must(unix.Bind(fd, socketAddress(l.address)))
		if kind == unix.SOCK_STREAM {
			h.must(unix.Listen(fd, l.backlog))
		}
		h.servers[l.address] = fd
	}
}

// populate connects:
//
//	443   12: two each from 192.0.2.1 to 4, one each from 2001:db8::1 to 4
//	8443  5: from 192.0.2.1, 9 and 10, and from 2001:db8::1 and 9
//	25    3, which the client has closed and the server has not
//	80    4 that nobody has accepted
//	81    2 that nobody has accepted, which is one more than its queue should hold
//	9     2 that nobody answers
//	53    2 requests, from two sockets
func (h *muninHost) populate() {
	h.t.Helper()
	for _, last := range []string{"1", "2", "3", "4"} {
		h.talk("192.0.2."+last, "192.0.2.1:443", "0.0.0.0:443")
		h.talk("192.0.2."+last, "192.0.2.1:443", "0.0.0.0:443")
		h.talk("2001:db8::"+last, "[2001:db8::1]:443", "[::]:443")
	}
	for _, last := range []string{"1", "9", "10"} {
		h.talk("192.0.2."+last, "192.0.2.1:8443", "[::]:8443")
	}
	for _, last := range []string{"1", "9"} {
		h.talk("2001:db8::"+last, "[2001:db8::1]:8443", "[::]:8443")
	}
	for range 3 {
		client, _ := h.talk("127.0.0.1", "127.0.0.1:25", "127.0.0.1:25")
		h.must(unix.Shutdown(client, unix.SHUT_WR))
	}
	for range 4 {
		h.connect("127.0.0.1", "127.0.0.1:80")
	}
	for range 2 {
		h.connect("127.0.0.1", "127.0.0.1:81")
		fd := h.socket("127.0.0.1:9", unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
		if err := unix.Connect(fd, socketAddress("127.0.0.1:9")); err != unix.EINPROGRESS {
			h.t.Fatalf("connect to where nobody answers: %v", err)
		}
		fd = h.socket("127.0.0.1:53", unix.SOCK_DGRAM)
		h.must(unix.Sendto(fd, []byte("query"), 0, socketAddress("127.0.0.1:53")))
	}
}

// visit is what happens between two rounds of Munin: 30 short connections to port
// 4711, of which 20 are from 192.0.2.1, 8 from 2001:db8::1 and 2 from 192.0.2.2; 3
// more than fit to port 81; a byte on the connection that the tracker never saw.
func (h *muninHost) visit() {
	h.t.Helper()
	for i := range 30 {
		from, to := "192.0.2.1", "192.0.2.1:4711"
		switch {
		case i%15 == 0:
			from = "192.0.2.2"
		case i%15 > 10:
			from, to = "2001:db8::1", "[2001:db8::1]:4711"
		}
		client := h.connect(from, to)
		h.must(unix.SetsockoptLinger(client, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})) // leaves no TIME_WAIT
		accepted := h.accept("[::]:4711")
		h.close(client)
		h.close(accepted)
	}
	for range 3 {
		fd := h.socket("127.0.0.1:81", unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
		if err := unix.Connect(fd, socketAddress("127.0.0.1:81")); err != unix.EINPROGRESS {
			h.t.Fatalf("connect to a full queue: %v", err)
		}
		h.close(fd)
	}
	_, err := unix.Write(h.stray, []byte("!"))
	h.must(err)
}

// talk makes a connection, whose ends last as long as the test.
func (h *muninHost) talk(from, to, server string) (client, accepted int) {
	h.t.Helper()
	return h.connect(from, to), h.accept(server)
}

func (h *muninHost) connect(from, to string) int {
	h.t.Helper()
	fd := h.socket(to, unix.SOCK_STREAM)
	h.must(unix.Bind(fd, socketAddress(netip.AddrPortFrom(netip.MustParseAddr(from), 0).String())))
	h.must(unix.Connect(fd, socketAddress(to)))
	return fd
}

func (h *muninHost) accept(server string) int {
	h.t.Helper()
	fd, _, err := unix.Accept4(h.servers[server], unix.SOCK_CLOEXEC)
	h.must(err)
	h.open[fd] = true
	return fd
}

// socket opens a socket of an address's family inside the namespace, which it
// belongs to whoever uses it.
func (h *muninHost) socket(peer string, kind int) (fd int) {
	h.t.Helper()
	family := unix.AF_INET
	if netip.MustParseAddrPort(peer).Addr().Is6() {
		family = unix.AF_INET6
	}
	h.must(h.ns.Do(func() (err error) {
		fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	h.open[fd] = true
	return fd
}

func (h *muninHost) close(fd int) {
	h.t.Helper()
	h.must(unix.Close(fd))
	delete(h.open, fd)
}

func (h *muninHost) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func socketAddress(text string) unix.Sockaddr {
	a := netip.MustParseAddrPort(text)
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
