package socktest

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sockets makes sockets and keeps them open. After the first failure, err, it
// does nothing more.
type sockets struct {
	fds []int
	err error
}

func (s *sockets) close() {
	for _, fd := range s.fds {
		unix.Close(fd)
	}
}

// check remembers the first failure.
func (s *sockets) check(what string, err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("%s: %w", what, err)
	}
}

func (s *sockets) open(family, kind, protocol int) int {
	if s.err != nil {
		return -1
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	s.check(fmt.Sprintf("socket(%d, %d, %d)", family, kind, protocol), err)
	if err == nil {
		s.fds = append(s.fds, fd)
	}
	return fd
}

func (s *sockets) option(fd, level, option, value int) {
	if s.err == nil {
		s.check("setsockopt", unix.SetsockoptInt(fd, level, option, value))
	}
}

func (s *sockets) bind(fd int, addr unix.Sockaddr) {
	if s.err == nil {
		s.check(fmt.Sprintf("bind to %+v", addr), unix.Bind(fd, addr))
	}
}

func (s *sockets) connect(fd int, addr unix.Sockaddr) {
	if s.err == nil {
		s.check(fmt.Sprintf("connect to %+v", addr), unix.Connect(fd, addr))
	}
}

// begin starts to connect and does not wait.
func (s *sockets) begin(fd int, addr unix.Sockaddr) {
	if s.err != nil {
		return
	}
	s.check("set nonblocking", unix.SetNonblock(fd, true))
	if err := unix.Connect(fd, addr); err != unix.EINPROGRESS {
		s.check("connect without waiting", fmt.Errorf("want EINPROGRESS, got %w", err))
	}
}

func (s *sockets) listen(fd, backlog int) {
	if s.err == nil {
		s.check("listen", unix.Listen(fd, backlog))
	}
}

func (s *sockets) accept(listener int) int {
	if s.err != nil {
		return -1
	}
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	s.check("accept", err)
	if err == nil {
		s.fds = append(s.fds, fd)
	}
	return fd
}

// finish sends a FIN and keeps the descriptor.
func (s *sockets) finish(fd int) {
	if s.err == nil {
		s.check("shutdown", unix.Shutdown(fd, unix.SHUT_WR))
	}
}

// abandon closes a descriptor before its time.
func (s *sockets) abandon(fd int) {
	for i, open := range s.fds {
		if open == fd {
			s.fds = append(s.fds[:i], s.fds[i+1:]...)
			s.check("close", unix.Close(fd))
			return
		}
	}
}

func (s *sockets) write(fd int, text string) {
	if s.err == nil {
		_, err := unix.Write(fd, []byte(text))
		s.check("write", err)
	}
}

// deafen makes a socket ignore all that it receives, so that the other end
// stays in a state that loopback would otherwise pass through at once.
func (s *sockets) deafen(fd int) {
	if s.err != nil {
		return
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	program := unix.SockFprog{Len: 1, Filter: &drop[0]}
	s.check("attach filter", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program))
}

// hear undoes deafen.
func (s *sockets) hear(fd int) { s.option(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) }

// address returns what bind and connect take: mapped for an AF_INET6 socket
// that is to use an IPv4 address.
func address(family int, addr netip.Addr, port uint16) unix.Sockaddr {
	if family == unix.AF_INET {
		return &unix.SockaddrInet4{Addr: addr.As4(), Port: int(port)}
	}
	return &unix.SockaddrInet6{Addr: addr.As16(), Port: int(port)}
}

// server returns a listening socket. Any address of family is ::, dual-stack,
// for AF_INET6.
func (s *sockets) server(family int, addr netip.Addr, port uint16, backlog int) int {
	fd := s.open(family, unix.SOCK_STREAM, 0)
	s.option(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	s.bind(fd, address(family, addr, port))
	s.listen(fd, backlog)
	return fd
}

// client returns a socket bound to an address that is not connected yet.
func (s *sockets) client(family int, from netip.Addr) int {
	fd := s.open(family, unix.SOCK_STREAM, 0)
	s.option(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	s.bind(fd, address(family, from, 0))
	return fd
}

// pair connects to a listening socket and returns both ends.
func (s *sockets) pair(listener, family int, from, to netip.Addr, port uint16) (client, server int) {
	client = s.client(family, from)
	s.connect(client, address(family, to, port))
	return client, s.accept(listener)
}
