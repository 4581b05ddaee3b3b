package socktest

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The ports of Populate's listeners and of the connections to them.
const (
	PortV4     = 443  // on 0.0.0.0, AF_INET
	PortDual   = 80   // on ::, with v4 clients, which are mapped, and v6 ones
	PortV6Only = 8443 // on ::, IPV6_V6ONLY
	PortMapped = 8080 // on ::ffff:127.0.0.1
	PortFull   = 9000 // its accept queue of 2 is overfull, with 3
	PortStates = 7000 // connections in every state
	PortBound  = 6000 // bound and nothing more
	PortUDP    = 53   // udp and udplite
	PortMPTCP  = 5000
)

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
	any4      = netip.IPv4Unspecified()
	any6      = netip.IPv6Unspecified()
)

// Populate fills the namespace with sockets of every protocol that the kernel
// has, in every state that can be reached on one host. They stay until the
// test ends; those in TIME_WAIT and SYN_RECV pass after about a minute.
func (n *Namespace) Populate() {
	n.tb.Helper()
	n.fill(func(s *sockets) {
		s.listeners()
		s.states()
		s.datagrams()
		s.multipath()
		s.unixSockets(n.tb.TempDir())
		s.packets()
	})
}

// Connections describes established connections to make. Each has two ends in
// the namespace.
type Connections struct {
	Port uint16
	// How many of each kind; they come from Peers addresses, by turns. Mapped
	// ones are IPv4 to a listener on ::.
	IPv4, IPv6, Mapped int
	Peers              int // 0 means 16; of IPv6 at most Peers6
}

// Connect makes connections that stay until the test ends, to listeners on
// c.Port and, when both IPv4 and Mapped or IPv6 ones are wanted, c.Port+1.
func (n *Namespace) Connect(c Connections) {
	n.tb.Helper()
	if c.Peers == 0 {
		c.Peers = 16
	}
	n.allowFiles(2*(c.IPv4+c.IPv6+c.Mapped) + 1000)
	n.fill(func(s *sockets) {
		port := c.Port
		if c.IPv4 > 0 {
			listener := s.server(unix.AF_INET, any4, port, 1024)
			for i := range c.IPv4 {
				s.pair(listener, unix.AF_INET, Peer4(i%c.Peers), loopback4, port)
			}
			port++
		}
		if c.IPv6+c.Mapped == 0 {
			return
		}
		listener := s.server(unix.AF_INET6, any6, port, 1024)
		for i := range c.Mapped {
			s.pair(listener, unix.AF_INET, Peer4(i%c.Peers), loopback4, port)
		}
		for i := range c.IPv6 {
			s.pair(listener, unix.AF_INET6, Peer6(i%min(c.Peers, Peers6)), loopback6, port)
		}
	})
}

// allowFiles lets the test keep that many descriptors open.
func (n *Namespace) allowFiles(count int) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= uint64(count) {
		return
	}
	limit.Cur = uint64(count)
	limit.Max = max(limit.Max, limit.Cur)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		n.tb.Skipf("this test needs %d open files at once (ulimit -Hn %d): %v", count, count, err)
	}
}

func (n *Namespace) fill(make func(*sockets)) {
	n.tb.Helper()
	s := &sockets{}
	n.Do(func() { make(s) })
	n.tb.Cleanup(s.close)
	if s.err != nil {
		n.tb.Fatalf("sockets for the test: %v", s.err)
	}
}

// listeners makes listeners of all kinds and a few established connections.
func (s *sockets) listeners() {
	v4 := s.server(unix.AF_INET, any4, PortV4, 128)
	for i := range 5 {
		client, _ := s.pair(v4, unix.AF_INET, Peer4(i), loopback4, PortV4)
		s.write(client, "not read by the server")
	}
	dual := s.server(unix.AF_INET6, any6, PortDual, 64)
	for i := range 3 {
		s.pair(dual, unix.AF_INET, Peer4(i), loopback4, PortDual)
		s.pair(dual, unix.AF_INET6, Peer6(i), loopback6, PortDual)
	}
	s.pair(dual, unix.AF_INET6, Peer4(9), loopback4, PortDual) // mapped at both ends

	only := s.open(unix.AF_INET6, unix.SOCK_STREAM, 0)
	s.option(only, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	s.bind(only, address(unix.AF_INET6, any6, PortV6Only))
	s.listen(only, 0)
	s.pair(only, unix.AF_INET6, Peer6(7), loopback6, PortV6Only)

	s.server(unix.AF_INET6, loopback4, PortMapped, 1)

	s.server(unix.AF_INET, loopback4, PortFull, 2)
	for i := range 3 {
		client := s.client(unix.AF_INET, Peer4(i))
		s.connect(client, address(unix.AF_INET, loopback4, PortFull))
	}
	for range 2 { // equal listeners
		fd := s.open(unix.AF_INET, unix.SOCK_STREAM, 0)
		s.option(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		s.bind(fd, address(unix.AF_INET, loopback4, PortV4+1))
		s.listen(fd, 16)
	}
	marked := s.open(unix.AF_INET, unix.SOCK_STREAM, 0)
	s.option(marked, unix.SOL_SOCKET, unix.SO_MARK, 0x2a)
	s.option(marked, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, 1)
	s.bind(marked, address(unix.AF_INET, any4, PortV4+2))
	s.listen(marked, 16)
}

// states makes TCP sockets in every state.
func (s *sockets) states() {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		from, to := Peer4(20), loopback4
		port := uint16(PortStates)
		if family == unix.AF_INET6 {
			from, to = Peer6(20), loopback6
			port++
		}
		s.statesOf(family, from, to, port)
	}
	// Mapped: both ends are AF_INET6 sockets with IPv4 addresses.
	s.statesOf(unix.AF_INET6, Peer4(21), loopback4, PortStates+2)

	bound := s.open(unix.AF_INET, unix.SOCK_STREAM, 0)
	s.bind(bound, address(unix.AF_INET, loopback4, PortBound))
	bound = s.open(unix.AF_INET6, unix.SOCK_STREAM, 0)
	s.bind(bound, address(unix.AF_INET6, loopback6, PortBound))
}

func (s *sockets) statesOf(family int, from, to netip.Addr, port uint16) {
	listener := s.server(family, to, port, 64)
	pair := func() (client, server int) { return s.pair(listener, family, from, to, port) }

	pair() // ESTABLISHED, both

	client, server := pair()
	s.abandon(client)
	s.abandon(server) // the client: TIME_WAIT

	client, _ = pair()
	s.finish(client) // FIN_WAIT2 and CLOSE_WAIT

	client, _ = pair()
	s.abandon(client) // FIN_WAIT2 without an owner, and CLOSE_WAIT

	client, server = pair()
	s.deafen(server)
	s.finish(client) // FIN_WAIT1; the server stays ESTABLISHED

	client, server = pair()
	s.finish(client)
	s.deafen(client)
	s.finish(server) // LAST_ACK; the client is in FIN_WAIT2

	client, server = pair()
	s.deafen(client)
	s.deafen(server)
	s.finish(client)
	s.finish(server)
	s.hear(client) // CLOSING, once the server has repeated its FIN; that stays in FIN_WAIT1
	s.waitState(client, 11)

	client = s.client(family, from)
	s.deafen(client)
	s.begin(client, address(family, to, port)) // SYN_SENT and SYN_RECV

	deaf := s.server(family, to, port+100, 1)
	s.deafen(deaf)
	client = s.client(family, from)
	s.begin(client, address(family, to, port+100)) // SYN_SENT
}

// waitState waits until a TCP socket is in a state (include/net/tcp_states.h).
func (s *sockets) waitState(fd int, state uint8) {
	for range 500 {
		if s.err != nil {
			return
		}
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		s.check("TCP_INFO", err)
		if err == nil && info.State == state {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.check("socket state", fmt.Errorf("state %d was not reached", state))
}

// datagrams makes udp, udplite and raw sockets.
func (s *sockets) datagrams() {
	for _, protocol := range []int{unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE} {
		for _, end := range []struct {
			family int
			addr   netip.Addr
			port   uint16
		}{
			{unix.AF_INET, any4, PortUDP},
			{unix.AF_INET, loopback4, PortUDP + 1},
			{unix.AF_INET6, loopback6, PortUDP},
			{unix.AF_INET6, any6, PortUDP + 2},
		} {
			fd := s.optional(end.family, unix.SOCK_DGRAM, protocol)
			if fd < 0 {
				continue
			}
			s.bind(fd, address(end.family, end.addr, end.port))
		}
		s.connectDatagram(unix.AF_INET, protocol, loopback4, PortUDP)
		s.connectDatagram(unix.AF_INET6, protocol, loopback6, PortUDP)
		s.connectDatagram(unix.AF_INET6, protocol, loopback4, PortUDP)
	}
	s.open(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	s.open(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
}

func (s *sockets) connectDatagram(family, protocol int, to netip.Addr, port uint16) {
	if fd := s.optional(family, unix.SOCK_DGRAM, protocol); fd >= 0 {
		s.connect(fd, address(family, to, port))
		s.write(fd, "not read")
	}
}

// optional opens a socket of a protocol that the kernel may lack; then it
// returns -1.
func (s *sockets) optional(family, kind, protocol int) int {
	if s.err != nil {
		return -1
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return -1
	}
	s.fds = append(s.fds, fd)
	return fd
}

// multipath makes a listener and a connection of MPTCP.
func (s *sockets) multipath() {
	const mptcp = 262 // IPPROTO_MPTCP
	listener := s.optional(unix.AF_INET, unix.SOCK_STREAM, mptcp)
	if listener < 0 {
		return
	}
	s.bind(listener, address(unix.AF_INET, loopback4, PortMPTCP))
	s.listen(listener, 32)
	client := s.open(unix.AF_INET, unix.SOCK_STREAM, mptcp)
	s.bind(client, address(unix.AF_INET, Peer4(30), 0))
	s.connect(client, address(unix.AF_INET, loopback4, PortMPTCP))
	s.accept(listener)
}

// unixSockets makes unix sockets with paths, abstract names and none.
func (s *sockets) unixSockets(dir string) {
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET, unix.SOCK_DGRAM} {
		for _, name := range []string{filepath.Join(dir, fmt.Sprintf("socket-%d", kind)), fmt.Sprintf("@sockcensus-%d", kind)} {
			server := s.open(unix.AF_UNIX, kind, 0)
			s.bind(server, &unix.SockaddrUnix{Name: name})
			client := s.open(unix.AF_UNIX, kind, 0)
			if kind != unix.SOCK_DGRAM {
				s.listen(server, 7)
			}
			s.connect(client, &unix.SockaddrUnix{Name: name})
			if kind == unix.SOCK_STREAM {
				s.accept(server)
			}
		}
		if s.err == nil {
			pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
			s.check("socketpair", err)
			s.fds = append(s.fds, pair[0], pair[1])
		}
	}
	odd := s.open(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	s.bind(odd, &unix.SockaddrUnix{Name: "@with\x00nul"})
}

// packets makes packet sockets, bound to loopback and to nothing.
func (s *sockets) packets() {
	const all, arp = 0x0003, 0x0806 // ETH_P_ALL, ETH_P_ARP
	s.open(unix.AF_PACKET, unix.SOCK_RAW, int(bigEndian(all)))
	bound := s.open(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	s.bind(bound, &unix.SockaddrLinklayer{Protocol: bigEndian(arp), Ifindex: 1})
}

// bigEndian returns the number whose bytes in memory are those of x in network
// order.
func bigEndian(x uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, x))
}
