package main

import (
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// A socket is one row of the table: a TCP socket in LISTEN, or a UDP socket that
// is not connected.
type socket struct {
	protocol sock.Protocol
	local    netip.AddrPort
	v6only   bool
	// device is the index of the interface that it is bound to, 0 for none and
	// where known does not have it.
	device   uint32
	loopback bool
	// uncounted sockets are outside of what is selected.
	uncounted bool

	inode, cookie uint64
	uid           uint32
	known         sock.Fields
	// queue and limit are of the accept queue, where known has it.
	queue, limit uint32
	drops        uint32

	// looked tells that its holders were looked for.
	looked     bool
	visibility owner.Visibility
	holders    []owner.Process // the lowest process id first
}

func newSocket(s *sock.Socket) socket {
	return socket{
		protocol: s.Protocol,
		local:    s.Local.AddrPort,
		v6only:   s.Known.Has(sock.FieldV6Only) && s.V6Only && s.Local.IsAny(),
		device:   s.Interface,
		loopback: s.OnLoopback(),
		inode:    s.Inode, cookie: s.Cookie, uid: s.UID, known: s.Known,
		queue: s.RecvQ, limit: s.SendQ, drops: s.Memory.Drops,
	}
}

// An identity tells sockets apart: /proc has no cookies, and the kernel's own
// sockets may have no inode.
type identity struct{ inode, cookie uint64 }

func (s *socket) identity() identity { return identity{s.inode, s.cookie} }

// fill is how full the accept queue is in percent: it takes one connection more
// than its limit (net/core/sock.c, sk_acceptq_is_full). UDP has no such queue.
func (s *socket) fill() (percent float64, known bool) {
	if s.protocol != sock.TCP {
		return 0, true
	}
	return 100 * float64(s.queue) / (float64(s.limit) + 1), s.known.Has(sock.FieldAcceptQueue)
}

// program is the name of the process with the lowest id.
func (s *socket) program() string {
	if len(s.holders) == 0 {
		return ""
	}
	return s.holders[0].Name
}
