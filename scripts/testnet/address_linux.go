package testnet

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// At is a port of an address.
func At(addr string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
}

// Addresses are the first n that follow prefix, such as 10.66.0.0 or fd66::, which
// are the client's.
func Addresses(prefix string, n int) []netip.Addr {
	list := make([]netip.Addr, n)
	addr := netip.MustParseAddr(prefix)
	for i := range list {
		addr = addr.Next()
		list[i] = addr
	}
	return list
}

func sockaddr(addr netip.AddrPort) unix.Sockaddr {
	if addr.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
}

func family(addr netip.Addr) int {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// peer returns an IPv4 peer of a dual-stack listener as that IPv4 address.
func peer(sa unix.Sockaddr) netip.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap()
	}
	return netip.Addr{}
}
