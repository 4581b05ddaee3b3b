package sockdiag

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// Attributes of requests and replies (include/uapi/linux/inet_diag.h).
const (
	reqBytecode = 1 // INET_DIAG_REQ_BYTECODE
	reqProtocol = 3 // INET_DIAG_REQ_PROTOCOL, Linux 5.9

	attrInfo    = 2  // INET_DIAG_INFO
	attrMemory  = 7  // INET_DIAG_SKMEMINFO
	attrV6Only  = 11 // INET_DIAG_SKV6ONLY
	attrMark    = 15 // INET_DIAG_MARK
	attrCgroup  = 21 // INET_DIAG_CGROUP_ID
	inetMsgSize = 72 // struct inet_diag_msg
	idSize      = 48 // struct inet_diag_sockid
)

// protocolNumber returns the IPPROTO_ number. MPTCP's does not fit: 0 makes a
// kernel that does not know the attribute for it refuse the request, instead
// of listing something else.
func protocolNumber(p sock.Protocol) uint8 {
	switch p {
	case sock.TCP:
		return 6
	case sock.UDP:
		return 17
	case sock.UDPLite:
		return 136
	case sock.Raw:
		return 255
	case sock.SCTP:
		return 132
	case sock.DCCP:
		return 33
	default:
		return 0
	}
}

// extensions returns idiag_ext: the optional attributes that have to be asked
// for. Those with numbers above 8 come unasked.
func extensions(want sock.Fields) uint8 {
	var ext uint8
	if want.Has(sock.FieldMemory) {
		ext |= 1 << (attrMemory - 1)
	}
	if want.Has(sock.FieldTCPInfo) {
		ext |= 1 << (attrInfo - 1)
	}
	return ext
}

// appendInet encodes struct inet_diag_req (TCPDIAG_GETSOCK) or struct
// inet_diag_req_v2, and what follows it.
func (r *Request) appendInet(b []byte, w walk, code []byte) []byte {
	states := uint32(kernelStates(r.Protocol, r.states()))
	ext := extensions(r.Want)
	if w.kind == getTCP {
		b = append(b, w.family, 0, 0, ext)
		b = r.appendID(b)
		b = binary.NativeEndian.AppendUint32(b, states)
		b = append(b, 0, 0, 0, 0) // idiag_dbs
	} else {
		b = append(b, w.family, protocolNumber(r.Protocol), ext, 0)
		b = binary.NativeEndian.AppendUint32(b, states)
		b = r.appendID(b)
	}
	if r.Protocol == sock.MPTCP {
		const mptcp = 262 // IPPROTO_MPTCP
		b = appendAttribute(b, reqProtocol, binary.NativeEndian.AppendUint32(nil, mptcp))
	}
	if len(code) > 0 {
		b = appendAttribute(b, reqBytecode, code)
	}
	return b
}

// appendID encodes struct inet_diag_sockid with nothing in it but the ports.
// The ports of SCTP associations are matched here, like all else about them.
func (r *Request) appendID(b []byte) []byte {
	var id [idSize]byte
	if r.Protocol != sock.SCTP {
		binary.BigEndian.PutUint16(id[0:], r.LocalPort)
		binary.BigEndian.PutUint16(id[2:], r.PeerPort)
	}
	return append(b, id[:]...)
}

// parseInet decodes struct inet_diag_msg and the attributes behind it. Without
// attributes it stops after the former. What s held must be nothing, or a
// socket that parseInet put there: clearing all of it for each row would take
// longer than the decoding.
func parseInet(b []byte, s *sock.Socket, p sock.Protocol, attributes bool) error {
	if len(b) < inetMsgSize {
		return malformed("an internet socket is cut short")
	}
	msg := b[:inetMsgSize]
	forget(s)
	s.Protocol = p
	s.State = sock.StateOf(msg[1])
	s.Known = sock.FieldCookie | sock.FieldInterface | sock.FieldQueues
	s.Interface = binary.NativeEndian.Uint32(msg[40:])
	s.Cookie = cookie(msg[44:52])
	s.RecvQ = binary.NativeEndian.Uint32(msg[56:])
	s.SendQ = binary.NativeEndian.Uint32(msg[60:])
	s.Inode = uint64(binary.NativeEndian.Uint32(msg[68:]))
	s.UID = 0
	if s.Inode != 0 {
		s.UID = binary.NativeEndian.Uint32(msg[64:])
		s.Known |= sock.FieldUID
	}
	if err := setAddresses(s, msg); err != nil {
		return err
	}
	switch p {
	case sock.TCP, sock.DCCP:
		setTimer(s, msg)
		if s.State == sock.Close {
			// The mask has a bit for these, the row has not: what is closed
			// and in a table is there because it is bound.
			s.State = sock.BoundInactive
		}
	}
	if s.State == sock.Listen {
		s.Known |= sock.FieldAcceptQueue
	}
	// Listeners are few, and whether they take IPv4 is told nowhere else.
	if attributes || s.State == sock.Listen {
		return parseInetAttributes(b[inetMsgSize:], s)
	}
	return nil
}

// forget clears what the row before had, and this one may not have.
func forget(s *sock.Socket) {
	const optional = sock.FieldMemory | sock.FieldTCPInfo | sock.FieldMark | sock.FieldCgroup | sock.FieldV6Only
	if s.Known&optional == 0 {
		return
	}
	s.Mark, s.Cgroup, s.V6Only = 0, 0, false
	if s.Known&sock.FieldMemory != 0 {
		s.Memory = sock.Memory{}
	}
	if s.Known&sock.FieldTCPInfo != 0 {
		s.TCPInfo = sock.TCPInfo{}
	}
}

func parseInetAttributes(b []byte, s *sock.Socket) error {
	c := cutter{rest: b}
	for {
		kind, value, ok := c.next()
		if !ok {
			return c.err
		}
		switch {
		case kind == attrMemory:
			setMemory(s, value)
		case kind == attrInfo && s.Protocol == sock.TCP:
			setTCPInfo(s, value)
		case kind == attrV6Only && len(value) >= 1:
			s.V6Only = value[0] != 0
			s.Known |= sock.FieldV6Only
		case kind == attrMark && len(value) >= 4:
			s.Mark = binary.NativeEndian.Uint32(value)
			s.Known |= sock.FieldMark
		case kind == attrCgroup && len(value) >= 8:
			s.Cgroup = binary.NativeEndian.Uint64(value)
			s.Known |= sock.FieldCgroup
		}
	}
}

// cookie joins the two halves of a socket's cookie (sock_diag_save_cookie).
func cookie(b []byte) uint64 {
	return uint64(binary.NativeEndian.Uint32(b)) | uint64(binary.NativeEndian.Uint32(b[4:]))<<32
}

func setAddresses(s *sock.Socket, msg []byte) error {
	s.Mapped = false
	localPort, peerPort := binary.BigEndian.Uint16(msg[4:]), binary.BigEndian.Uint16(msg[6:])
	switch msg[0] {
	case familyInet:
		s.Family = sock.IPv4
		s.Local.AddrPort = netip.AddrPortFrom(netip.AddrFrom4([4]byte(msg[8:12])), localPort)
		s.Peer.AddrPort = netip.AddrPortFrom(netip.AddrFrom4([4]byte(msg[24:28])), peerPort)
		return nil
	case familyInet6:
	default:
		return malformed("an internet socket is of a family that is neither AF_INET nor AF_INET6")
	}
	s.Family = sock.IPv6
	local, peer := netip.AddrFrom16([16]byte(msg[8:24])), netip.AddrFrom16([16]byte(msg[24:40]))
	if local.Is4In6() || peer.Is4In6() {
		s.Family, s.Mapped = sock.IPv4, true
		local, peer = unmap(local), unmap(peer)
	}
	s.Local.AddrPort = netip.AddrPortFrom(local, localPort)
	s.Peer.AddrPort = netip.AddrPortFrom(peer, peerPort)
	return nil
}

// unmap returns the v4 address that a mapped one stands for. The wildcard is
// that of either family: an AF_INET6 socket bound to ::ffff:127.0.0.1 has the
// peer ::.
func unmap(a netip.Addr) netip.Addr {
	if a == netip.IPv6Unspecified() {
		return netip.IPv4Unspecified()
	}
	return a.Unmap()
}

// setTimer reads the timer; idiag_expires is in milliseconds.
func setTimer(s *sock.Socket, msg []byte) {
	s.Known |= sock.FieldTimer
	s.Timer = sock.Timer{Kind: sock.TimerKind(msg[2])}
	if s.Timer.Kind == sock.TimerOff {
		return
	}
	s.Timer.Retransmits = msg[3]
	s.Timer.Expires = time.Duration(binary.NativeEndian.Uint32(msg[52:])) * time.Millisecond
}
