package procnet_test

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

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
