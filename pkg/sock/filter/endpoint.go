package filter

import (
	"net/netip"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A Side is one of the two ends of a socket.
type Side uint8

// The sides: Local is what ss calls src and sport, Peer dst and dport.
const (
	Local Side = iota
	Peer
)

// String returns "src" or "dst".
func (d Side) String() string {
	if d == Peer {
		return "dst"
	}
	return "src"
}

func (d Side) port() string {
	if d == Peer {
		return "dport"
	}
	return "sport"
}

func (d Side) of(s *sock.Socket) *sock.Endpoint {
	if d == Peer {
		return &s.Peer
	}
	return &s.Local
}

// Host matches sockets with an address of Prefix on one side and, with
// HasPort, with that port there. See the package documentation for IPv4
// addresses of AF_INET6 sockets.
type Host struct {
	Side    Side
	Prefix  netip.Prefix // valid and masked
	HasPort bool
	Port    uint16
}

// Match implements Expr.
func (e Host) Match(s *sock.Socket) bool {
	end := e.Side.of(s)
	if e.HasPort && end.Port() != e.Port {
		return false
	}
	addr := end.Addr()
	if s.Mapped && addr.Is4() {
		addr = e.inKernel(addr)
	}
	return e.Prefix.Contains(addr)
}

// inKernel returns what the kernel calls an address of a mapped socket, if it
// makes a difference to the prefix. A peer of 0.0.0.0 is none, which is :: to
// it; a local one can only have been bound as ::ffff:0.0.0.0.
func (e Host) inKernel(addr netip.Addr) netip.Addr {
	switch {
	case e.Side == Peer && addr.IsUnspecified():
		return netip.IPv6Unspecified()
	case e.Prefix.Addr().Is4():
		return addr
	default:
		return netip.AddrFrom16(addr.As16())
	}
}

// String implements Expr.
func (e Host) String() string { return string(e.appendTo(nil)) }

func (Host) needs() sock.Fields { return 0 }

func (e Host) appendTo(text []byte) []byte {
	text = append(text, e.Side.String()...)
	text = append(text, ' ')
	v6 := !e.Prefix.Addr().Is4()
	if v6 {
		text = append(text, '[')
	}
	if e.Prefix.IsSingleIP() {
		text = e.Prefix.Addr().AppendTo(text)
	} else {
		text = e.Prefix.AppendTo(text)
	}
	if v6 {
		text = append(text, ']')
	}
	if e.HasPort {
		text = append(text, ':')
		text = strconv.AppendUint(text, uint64(e.Port), 10)
	}
	return text
}

// Domain matches sockets of one of the kernel's address families: IPv4 those
// of AF_INET, IPv6 those of AF_INET6, mapped ones included. It is written
// src inet:* or src inet6:*.
type Domain struct{ Family sock.Family }

// Match implements Expr.
func (e Domain) Match(s *sock.Socket) bool {
	if s.Mapped {
		return e.Family == sock.IPv6
	}
	return s.Family == e.Family
}

// String implements Expr.
func (e Domain) String() string { return string(e.appendTo(nil)) }

func (Domain) needs() sock.Fields { return 0 }

func (e Domain) appendTo(text []byte) []byte {
	if e.Family == sock.IPv4 {
		return append(text, "src inet:*"...)
	}
	return append(text, "src inet6:*"...)
}

// An Op compares a port with a number.
type Op uint8

// The comparisons.
const (
	Equal Op = iota
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
)

var opSymbols = [...]string{"=", "!=", "<", "<=", ">", ">="}

// String returns the symbol of the comparison.
func (o Op) String() string {
	if int(o) < len(opSymbols) {
		return opSymbols[o]
	}
	return "op(" + strconv.Itoa(int(o)) + ")"
}

func (o Op) holds(a, b uint16) bool {
	switch o {
	case Equal:
		return a == b
	case NotEqual:
		return a != b
	case Less:
		return a < b
	case LessOrEqual:
		return a <= b
	case Greater:
		return a > b
	default:
		return a >= b
	}
}

// Port matches sockets by the port of one side. A raw socket's local port is
// its protocol number.
type Port struct {
	Side Side
	Op   Op
	Port uint16
}

// Match implements Expr.
func (e Port) Match(s *sock.Socket) bool { return e.Op.holds(e.Side.of(s).Port(), e.Port) }

// String implements Expr.
func (e Port) String() string { return string(e.appendTo(nil)) }

func (Port) needs() sock.Fields { return 0 }

func (e Port) appendTo(text []byte) []byte {
	text = append(text, e.Side.port()...)
	text = append(text, ' ')
	text = append(text, e.Op.String()...)
	text = append(text, " :"...)
	return strconv.AppendUint(text, uint64(e.Port), 10)
}
