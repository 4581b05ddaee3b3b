package procnet

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// tick is the unit of times in these tables: USER_HZ is 100 on every port of
// Linux that Go runs on (include/uapi/asm-generic/param.h).
const tick = 10 * time.Millisecond

// The internet tables share one form, in which the numbers are hexadecimal up to
// the retransmissions and decimal from there on:
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//	 0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 626 1 ...
//
// row reads as far as the inode.
type row struct {
	local, peer  netip.AddrPort
	state        uint8
	sendQ, recvQ uint32
	timer        uint8
	expires      uint64 // in ticks
	retransmits  uint32
	uid          uint32
	probes       uint32
	inode        uint64
}

// address reads an address as the kernel prints it: each 32-bit word as a number
// in its own byte order, so that 127.0.0.1 is 0100007F on a little-endian machine
// and 7F000001 on a big-endian one.
func (t *table) address(c *cursor) netip.Addr {
	if t.v6 {
		var addr [16]byte
		for i := 0; i < 16; i += 4 {
			t.putWord(addr[i:], c.word32("no IPv6 address of 32 hex digits"))
		}
		return netip.AddrFrom16(addr)
	}
	var addr [4]byte
	t.putWord(addr[:], c.word32("no IPv4 address of 8 hex digits"))
	return netip.AddrFrom4(addr)
}

func (t *table) putWord(to []byte, word uint32) {
	if t.bigEndian {
		binary.BigEndian.PutUint32(to, word)
	} else {
		binary.LittleEndian.PutUint32(to, word)
	}
}

func (r *row) read(c *cursor, t *table) {
	c.decimal(math.MaxUint64, "no row number")
	c.sign(':', "no colon after the row number")
	r.local = t.endpoint(c)
	r.peer = t.endpoint(c)
	c.blanks()
	r.state = uint8(c.fixedHex(2, "no state of 2 hex digits"))
	c.blanks()
	r.sendQ = c.word32("no send queue of 8 hex digits")
	c.sign(':', "no colon between the queues")
	r.recvQ = c.word32("no receive queue of 8 hex digits")
	c.blanks()
	r.timer = uint8(c.fixedHex(2, "no timer of 2 hex digits"))
	c.sign(':', "no colon after the timer")
	r.expires = c.hex("no time of the timer")
	c.blanks()
	r.retransmits = c.word32("no retransmissions of 8 hex digits")
	r.uid = uint32(c.decimal(math.MaxUint32, "no user id"))
	r.probes = uint32(c.decimal(math.MaxUint32, "no number of probes"))
	r.inode = c.decimal(math.MaxUint64, "no inode")
	c.sign(' ', "nothing after the inode")
}

func (t *table) endpoint(c *cursor) netip.AddrPort {
	c.blanks()
	addr := t.address(c)
	c.sign(':', "no colon before the port")
	return netip.AddrPortFrom(addr, uint16(c.fixedHex(4, "no port of 4 hex digits")))
}

// fill makes the row a socket.
func (r *row) fill(s *sock.Socket, p sock.Protocol) {
	*s = sock.Socket{
		Protocol: p, Family: sock.IPv4,
		State: sock.StateOf(r.state),
		RecvQ: r.recvQ, SendQ: r.sendQ,
		Inode: r.inode,
		Known: sock.FieldQueues,
	}
	s.Local.AddrPort, s.Peer.AddrPort = r.local, r.peer
	if r.inode != 0 {
		s.UID = r.uid
		s.Known |= sock.FieldUID
	}
	if r.local.Addr().Is6() {
		setFamily6(s)
	}
}

// setFamily6 unmaps the addresses of an IPv4 connection over an AF_INET6 socket.
// The two ends of a socket are either both mapped or neither; the wildcard `::`
// counts as either, so that a listener bound to ::ffff:127.0.0.1 is IPv4 too.
func setFamily6(s *sock.Socket) {
	s.Family = sock.IPv6
	local, peer := s.Local.Addr(), s.Peer.Addr()
	if !local.Is4In6() && !peer.Is4In6() {
		return
	}
	s.Family, s.Mapped = sock.IPv4, true
	s.Local.AddrPort = netip.AddrPortFrom(unmap(local), s.Local.Port())
	s.Peer.AddrPort = netip.AddrPortFrom(unmap(peer), s.Peer.Port())
}

func unmap(a netip.Addr) netip.Addr {
	if a == netip.IPv6Unspecified() {
		return netip.IPv4Unspecified()
	}
	return a.Unmap()
}

// setTimer reads tr, tm->when and the count that belongs to that timer. The
// numbers of the kinds are those of idiag_timer.
func (r *row) setTimer(s *sock.Socket) {
	s.Known |= sock.FieldTimer
	s.Timer.Kind = sock.TimerKind(r.timer)
	if s.Timer.Kind == sock.TimerOff {
		return
	}
	s.Timer.Expires = time.Duration(min(r.expires, math.MaxInt64/uint64(tick))) * tick
	count := r.retransmits
	if s.Timer.Kind == sock.TimerKeepalive || s.Timer.Kind == sock.TimerPersist {
		count = r.probes
	}
	s.Timer.Retransmits = uint8(min(count, math.MaxUint8))
}
