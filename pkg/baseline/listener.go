package baseline

import (
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A Listener is one thing that listens: a socket, or several that share an
// address and a port (SO_REUSEPORT).
type Listener struct {
	Protocol sock.Protocol
	// Local has no zone, and v4-mapped addresses are unmapped.
	Local netip.AddrPort
	// V6Only tells that a socket of [::] takes no IPv4.
	V6Only bool
	// Loopback tells that it can be reached from this host alone.
	Loopback bool
	// Programs are the names of the processes that hold it, the one with the
	// lowest process id first. None means that the kernel itself does, unless
	// Unseen tells that a process may hold it which may not be looked into.
	Programs []string
	Unseen   bool
	// Uncounted listeners fulfil what is required, and are never unexpected.
	Uncounted bool
}

// Place returns the place of exactly this listener.
func (l *Listener) Place() Place {
	address := l.Local.Addr()
	return Place{
		Protocol: l.Protocol, Network: netip.PrefixFrom(address, address.BitLen()),
		Low: l.Local.Port(), High: l.Local.Port(),
	}
}
