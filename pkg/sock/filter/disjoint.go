package filter

import (
	"math"
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// Disjoint reports whether it is certain that no socket matches both
// expressions, as none does sport = :80 and sport = :443. It compares conditions
// two at a time: false is no promise that there can be such a socket.
func Disjoint(a, b Expr) bool {
	if a == nil || b == nil {
		return false
	}
	a, b = pushed(a), pushed(b)
	// Only one side is taken apart at a time, so that no two conditions meet
	// twice: lists of ports and addresses can be long. Each side of an Or has a
	// proof of its own, and so it comes before an And.
	if e, ok := a.(Or); ok {
		return Disjoint(e.Left, b) && Disjoint(e.Right, b)
	}
	if e, ok := b.(Or); ok {
		return Disjoint(a, e.Left) && Disjoint(a, e.Right)
	}
	if e, ok := a.(And); ok {
		return Disjoint(e.Left, b) || Disjoint(e.Right, b)
	}
	if e, ok := b.(And); ok {
		return Disjoint(a, e.Left) || Disjoint(a, e.Right)
	}
	return excludes(a, b) || excludes(b, a)
}

// pushed takes a negation inside, down to the single conditions (De Morgan).
func pushed(e Expr) Expr {
	not, ok := e.(Not)
	if !ok {
		return e
	}
	switch x := not.X.(type) {
	case Not:
		return pushed(x.X)
	case And:
		return Or{Not{x.Left}, Not{x.Right}}
	case Or:
		return And{Not{x.Left}, Not{x.Right}}
	}
	return e
}

// excludes reports whether no socket that matches one condition, or the
// negation of one, matches the other. It looks from the side of a.
func excludes(a, b Expr) bool {
	switch a := a.(type) {
	case Not:
		return implies(b, a.X)
	case Host:
		return a.disjoint(b)
	case Port:
		low, high, ok := portsOf(b, a.Side)
		return ok && !a.anyOf(low, high)
	case Domain:
		other, ok := b.(Domain)
		return ok && a != other
	case Device:
		other, ok := b.(Device)
		return ok && a != other
	case UID:
		other, ok := b.(UID)
		return ok && a != other
	case Cgroup:
		other, ok := b.(Cgroup)
		return ok && a.ID != other.ID
	case Mark:
		other, ok := b.(Mark)
		return ok && (a.Value^other.Value)&a.Mask&other.Mask != 0
	}
	return false
}

// implies reports whether it is certain that every socket which matches the
// condition e matches x too.
func implies(e, x Expr) bool {
	if e == x || x == (Any{}) {
		return true
	}
	switch e := e.(type) {
	case Domain:
		// An AF_INET socket has IPv4 addresses, whatever they are.
		every := Host{Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
		return e.Family == sock.IPv4 && every.implies(x)
	case Host:
		return e.implies(x)
	case Port:
		low, high, ok := portsOf(e, e.Side)
		port, isPort := x.(Port)
		return ok && isPort && port.Side == e.Side && port.allOf(low, high)
	}
	return false
}

// implies reports whether every socket with this address matches x.
func (e Host) implies(x Expr) bool {
	switch x := x.(type) {
	case Host:
		return x.Side == e.Side && (!x.HasPort || x.HasPort == e.HasPort && x.Port == e.Port) &&
			x.Prefix.Addr().Is4() == e.Prefix.Addr().Is4() && x.Prefix.Bits() <= e.Prefix.Bits() && x.Prefix.Contains(e.Prefix.Addr())
	case Port:
		return e.HasPort && x.Side == e.Side && x.allOf(e.Port, e.Port)
	}
	return false
}

// disjoint reports whether no socket with this address matches b.
func (e Host) disjoint(b Expr) bool {
	switch b := b.(type) {
	case UnixPath, Link:
		return true
	case Host:
		if b.Side != e.Side {
			return b.Prefix.Addr().Is4() != e.Prefix.Addr().Is4() && !mixable(b.Prefix) && !mixable(e.Prefix)
		}
		return !samePlace(e.Prefix, b.Prefix) || e.HasPort && b.HasPort && e.Port != b.Port
	}
	return false
}

// mixable reports whether a socket with an address of an IPv6 prefix can have
// an IPv4 address at its other end: it can be a mapped address, or none.
func mixable(p netip.Prefix) bool {
	mapped := netip.PrefixFrom(netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff}), 96)
	return !p.Addr().Is4() && (p.Overlaps(mapped) || p.Contains(netip.IPv6Unspecified()))
}

// samePlace reports whether an address can be in both prefixes. Of different
// families it is a mapped one, or that of a socket which has none.
func samePlace(a, b netip.Prefix) bool {
	if a.Addr().Is4() == b.Addr().Is4() {
		return a.Overlaps(b)
	}
	return mixable(a) || mixable(b)
}

// portsOf returns the ports that e leaves on a side, if they are a range.
func portsOf(e Expr, side Side) (low, high uint16, ok bool) {
	switch e := e.(type) {
	case Host:
		return e.Port, e.Port, e.HasPort && e.Side == side
	case Port:
		if e.Side != side {
			return 0, 0, false
		}
		switch p := e.Port; {
		case e.Op == Equal:
			return p, p, true
		case e.Op == Less && p > 0:
			return 0, p - 1, true
		case e.Op == LessOrEqual:
			return 0, p, true
		case e.Op == Greater && p < math.MaxUint16:
			return p + 1, math.MaxUint16, true
		case e.Op == GreaterOrEqual:
			return p, math.MaxUint16, true
		}
	}
	return 0, 0, false
}

// anyOf reports whether the comparison holds for a port from low to high.
func (e Port) anyOf(low, high uint16) bool {
	return e.Op.holds(low, e.Port) || e.Op.holds(high, e.Port) || e.Op == Equal && low < e.Port && e.Port < high
}

// allOf reports whether the comparison holds for all ports from low to high.
func (e Port) allOf(low, high uint16) bool {
	return e.Op.holds(low, e.Port) && e.Op.holds(high, e.Port) && !(e.Op == NotEqual && low < e.Port && e.Port < high)
}

// Kinds says of which kinds of sockets e can match some: those with internet
// addresses, unix sockets, packet sockets.
func Kinds(e Expr) (internet, unix, packet bool) {
	switch e := e.(type) {
	case And:
		i, u, p := Kinds(e.Left)
		internet, unix, packet = Kinds(e.Right)
		return i && internet, u && unix, p && packet
	case Or:
		i, u, p := Kinds(e.Left)
		internet, unix, packet = Kinds(e.Right)
		return i || internet, u || unix, p || packet
	case Not:
		if inner, twice := e.X.(Not); twice {
			return Kinds(inner.X)
		}
	case Host, Domain:
		return true, false, false
	case UnixPath:
		return false, true, false
	case Link:
		return false, false, true
	}
	return true, true, true
}
