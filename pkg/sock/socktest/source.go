package socktest

import (
	"context"
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A Source replays sockets as the real sources do: through one reused value,
// which is overwritten before the next row and at the end, so that a consumer
// that keeps the pointer is found out.
type Source []sock.Socket

// Each calls yield for every socket until yield or ctx has an error.
func (s Source) Each(ctx context.Context, yield func(*sock.Socket) error) error {
	var row sock.Socket
	defer func() { row = spoilt }()
	for i := range s {
		if err := ctx.Err(); err != nil {
			return err
		}
		row = s[i]
		if err := yield(&row); err != nil {
			return err
		}
		row = spoilt
	}
	return nil
}

// spoilt is no socket that any kernel has.
var spoilt = sock.Socket{
	Protocol: 0xff, Family: 0xff, State: 0xff, UID: ^uint32(0), Inode: ^uint64(0), Cookie: ^uint64(0),
	Local: sock.Endpoint{Name: "this row is gone"}, Peer: sock.Endpoint{Name: "this row is gone"},
}

// TCP returns a TCP socket between two addresses written as 192.0.2.1:80 or
// [2001:db8::1]:80. It has a cookie and, unless its state is one without an
// owner, an inode, both made of its ports. It panics on a bad address.
func TCP(state sock.State, local, peer string) sock.Socket {
	s := sock.Socket{Protocol: sock.TCP, State: state, Known: sock.FieldCookie | sock.FieldInterface}
	s.Local.AddrPort, s.Peer.AddrPort = netip.MustParseAddrPort(local), netip.MustParseAddrPort(peer)
	s.Family = sock.IPv6
	if s.Local.Addr().Is4() {
		s.Family = sock.IPv4
	}
	s.Cookie = uint64(s.Local.Port())<<16 | uint64(s.Peer.Port())
	if state != sock.TimeWait && state != sock.SynRecv {
		s.Inode = s.Cookie
		s.Known |= sock.FieldUID
	}
	return s
}
