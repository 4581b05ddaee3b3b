package sock

import "net/netip"

// An Endpoint is one end of a socket. Internet sockets have AddrPort, with
// v4-mapped addresses already unmapped; unix and packet sockets have Name.
type Endpoint struct {
	netip.AddrPort
	// Name is a unix socket's path, with "@" in front of an abstract one, or
	// what a packet socket is bound to. It is empty for an unnamed socket.
	Name string
}

// IsLoopback reports whether the endpoint is reachable from this host alone.
func (e Endpoint) IsLoopback() bool { return e.Addr().IsLoopback() }

// IsAny reports whether the endpoint is the wildcard address of its family.
func (e Endpoint) IsAny() bool { return !e.Addr().IsValid() || e.Addr().IsUnspecified() }
