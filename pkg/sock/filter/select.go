package filter

import (
	"cmp"
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// Address matches an address of any of the prefixes on one side. It returns
// nil, every socket, without prefixes.
func Address(side Side, prefixes []netip.Prefix) Expr {
	hosts := make([]Expr, 0, len(prefixes))
	for _, p := range prefixes {
		hosts = append(hosts, Host{Side: side, Prefix: p.Masked()})
	}
	return Either(hosts...)
}

// Ports matches the ports from low to high, both included, on one side.
func Ports(side Side, low, high uint16) Expr {
	if low == high {
		return Port{side, Equal, low}
	}
	return And{Port{side, GreaterOrEqual, low}, Port{side, LessOrEqual, high}}
}

// ByAddress matches internet sockets by the family of their addresses: a
// connection of an AF_INET6 socket between IPv4 addresses is IPv4.
func ByAddress(family sock.Family) Expr {
	v4 := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	either := Or{Host{Side: Local, Prefix: v4}, Host{Side: Peer, Prefix: v4}}
	if family == sock.IPv4 {
		return either
	}
	return Not{either}
}

// User matches the sockets that a user owns.
func User(uid uint32) Expr { return UID{uid} }

// NarrowAutobound returns e as ss(8) understands "autobound": ss asks the
// kernel, which also says yes for every accepted connection, and then once
// more with "the local port is one of ip_local_port_range" (low to high) in
// its place. What e says has to hold both times. An e without Autobound is
// returned as it is. It is for internet sockets.
func NarrowAutobound(e Expr, low, high uint16) Expr {
	if !Needs(e).Has(sock.FieldAutobound) {
		return e
	}
	return And{e, replaceAutobound(e, Ports(Local, low, high))}
}

func replaceAutobound(e, by Expr) Expr {
	switch e := e.(type) {
	case And:
		return And{replaceAutobound(e.Left, by), replaceAutobound(e.Right, by)}
	case Or:
		return Or{replaceAutobound(e.Left, by), replaceAutobound(e.Right, by)}
	case Not:
		return Not{replaceAutobound(e.X, by)}
	case Autobound:
		return by
	default:
		return e
	}
}

// FixedPorts returns the ports that every socket has which e matches, and 0
// for a side where e does not say. The kernel finds one port faster when it is
// part of the request than when it tests every socket.
func FixedPorts(e Expr) (local, peer uint16) {
	switch e := e.(type) {
	case And:
		local, peer = FixedPorts(e.Left)
		otherLocal, otherPeer := FixedPorts(e.Right)
		return cmp.Or(local, otherLocal), cmp.Or(peer, otherPeer)
	case Not:
		if inner, ok := e.X.(Not); ok {
			return FixedPorts(inner.X)
		}
	case Port:
		if e.Op == Equal {
			return onSide(e.Side, e.Port)
		}
	case Host:
		if e.HasPort {
			return onSide(e.Side, e.Port)
		}
	}
	return 0, 0
}

func onSide(side Side, port uint16) (local, peer uint16) {
	if side == Peer {
		return 0, port
	}
	return port, 0
}
