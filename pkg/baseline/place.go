package baseline

import (
	"net/netip"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A Scope says how a Place names its addresses.
type Scope uint8

// The scopes. Network is one address or a network. Wildcard, written "*", is a
// socket that is bound to no address. Public is any address that can be reached
// from beyond this host; only an option can say so ("tcp/443").
const (
	Network Scope = iota
	Wildcard
	Public
)

// A Place is where something may listen.
type Place struct {
	Protocol sock.Protocol
	Scope    Scope
	// Network holds the addresses of that scope: a single one has all its bits.
	Network netip.Prefix
	// Low and High are the first and the last port.
	Low, High uint16
}

// String returns the place as a line of the file begins: "tcp 0.0.0.0:443",
// "tcp [::1]:80", "udp *:5000-5010".
func (p Place) String() string { return p.Protocol.String() + " " + p.socket() }

func (p Place) socket() string {
	ports := strconv.Itoa(int(p.Low))
	if p.High != p.Low {
		ports += "-" + strconv.Itoa(int(p.High))
	}
	switch p.Scope {
	case Public:
		return ports
	case Wildcard:
		return "*:" + ports
	default:
		return addressText(p.Network) + ":" + ports
	}
}

func addressText(network netip.Prefix) string {
	text := network.Addr().String()
	if network.Addr().Is6() {
		text = "[" + text + "]"
	}
	if !network.IsSingleIP() {
		text += "/" + strconv.Itoa(network.Bits())
	}
	return text
}

// Matches reports whether the listener is in the place, whoever holds it.
func (p Place) Matches(l *Listener) bool {
	port, address := l.Local.Port(), l.Local.Addr()
	if p.Protocol != l.Protocol || port < p.Low || port > p.High {
		return false
	}
	switch p.Scope {
	case Wildcard:
		return address.IsUnspecified()
	case Public:
		return !l.Loopback
	default:
		return p.Network.Contains(address)
	}
}

// fulfilledBy reports whether the listener is what a required place asks for:
// the wildcard has to answer to IPv4 as well.
func (p Place) fulfilledBy(l *Listener) bool {
	return p.Matches(l) && !(p.Scope == Wildcard && l.V6Only)
}
