package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// clientsPerAddress is how many connections come from one source address.
const clientsPerAddress = 64

// dualStackEvery says which connections go to the dual-stack listener: their
// server's end is an IPv6 socket with v4-mapped addresses.
const dualStackEvery = 5

// pair is the two listening sockets of one port.
type pair struct {
	port           uint16
	v4, dual       int
	v4Addr, mapped [4]byte
}

// open opens holder number i's listeners and connections and keeps them. The
// holder's servers are at 127.1.i.1 and 127.2.i.1, its clients in 127.(16+i)/16.
func open(i int, p population) error {
	if err := raiseDescriptors(p.descriptors()); err != nil {
		return err
	}
	var pairs []pair
	for _, port := range append([]uint16{443}, otherPorts...) {
		l, err := listen(i, port)
		if err != nil {
			return fmt.Errorf("listening on port %d: %w", port, err)
		}
		pairs = append(pairs, l)
	}
	c := clients{holder: byte(i)}
	for n := range p.connections {
		l := &pairs[0]
		if n >= p.matching {
			l = &pairs[1+n%len(otherPorts)]
		}
		if _, _, err := c.connect(l); err != nil {
			return fmt.Errorf("connection %d of %d: %w", n+1, p.connections, err)
		}
	}
	for range p.halfClosed {
		client, _, err := c.connect(&pairs[0])
		if err == nil {
			err = unix.Shutdown(client, unix.SHUT_WR)
		}
		if err != nil {
			return fmt.Errorf("half-closed connection: %w", err)
		}
	}
	return nil
}

// raiseDescriptors lets this process open n descriptors.
func raiseDescriptors(n uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur, limit.Max = max(n, limit.Cur), max(n, limit.Max)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raising RLIMIT_NOFILE to %d: %w", n, err)
	}
	return nil
}

// mostDescriptors is how many a process started from here may have: fs.nr_open
// with CAP_SYS_RESOURCE, which root has not everywhere, else the hard limit.
func mostDescriptors() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	wanted := uint64(2*maxPerHolder + ownDescriptors)
	if limit.Max < wanted && raiseDescriptors(wanted) == nil {
		return wanted, nil
	}
	return limit.Max, nil
}

func listen(i int, port uint16) (pair, error) {
	p := pair{port: port, v4Addr: [4]byte{127, 1, byte(i), 1}, mapped: [4]byte{127, 2, byte(i), 1}}
	var err error
	p.v4, err = listenOn(unix.AF_INET, &unix.SockaddrInet4{Port: int(port), Addr: p.v4Addr})
	if err != nil {
		return p, err
	}
	dual := unix.SockaddrInet6{Port: int(port)}
	dual.Addr[10], dual.Addr[11] = 0xff, 0xff
	copy(dual.Addr[12:], p.mapped[:])
	p.dual, err = listenOn(unix.AF_INET6, &dual)
	return p, err
}

func listenOn(family int, addr unix.Sockaddr) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := resetOnClose(fd); err != nil { // what it accepts inherits this
		return -1, err
	}
	if err := unix.Bind(fd, addr); err != nil {
		return -1, err
	}
	return fd, unix.Listen(fd, 16)
}

// resetOnClose lets the kernel close the socket at once, so that a million of
// them leave nothing waiting behind.
func resetOnClose(fd int) error {
	return unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
}

// clients connects from one address after another.
type clients struct {
	holder byte
	opened int
}

// connect opens both ends of one connection to the port and keeps them.
func (c *clients) connect(to *pair) (client, server int, err error) {
	listener, addr := to.v4, to.v4Addr
	if c.opened%dualStackEvery == 0 {
		listener, addr = to.dual, to.mapped
	}
	client, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, err
	}
	if err := resetOnClose(client); err != nil {
		return -1, -1, err
	}
	if err := unix.SetsockoptInt(client, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return -1, -1, err
	}
	n := c.opened / clientsPerAddress
	c.opened++
	source := unix.SockaddrInet4{Addr: [4]byte{127, 16 + c.holder, byte(n >> 8), byte(n)}}
	if err := unix.Bind(client, &source); err != nil {
		return -1, -1, err
	}
	if err := unix.Connect(client, &unix.SockaddrInet4{Port: int(to.port), Addr: addr}); err != nil {
		return -1, -1, err
	}
	server, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
	return client, server, err
}
