package sock

import (
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A Protocol is a kind of socket table that the kernel can list. The zero
// value is TCP.
type Protocol uint8

// The protocols that can be enumerated. MPTCP lists the multipath connections
// themselves; their subflows are TCP sockets.
const (
	TCP Protocol = iota
	UDP
	UDPLite
	Raw
	Unix
	MPTCP
	SCTP
	DCCP
	Packet
	protocolCount
)

var protocolNames = [protocolCount]string{
	"tcp", "udp", "udplite", "raw", "unix", "mptcp", "sctp", "dccp", "packet",
}

// String returns the name used by --protocol and in output.
func (p Protocol) String() string {
	if p < protocolCount {
		return protocolNames[p]
	}
	return fmt.Sprintf("protocol(%d)", uint8(p))
}

// ParseProtocol returns the protocol called name, in lower or upper case.
func ParseProtocol(name string) (Protocol, error) {
	for i, known := range protocolNames {
		if strings.EqualFold(name, known) {
			return Protocol(i), nil
		}
	}
	return 0, fmt.Errorf("unknown protocol %s: use one of %s", quote.Text(name), strings.Join(protocolNames[:], ", "))
}

// Protocols returns every protocol, in the order of their constants.
func Protocols() []Protocol {
	all := make([]Protocol, protocolCount)
	for i := range all {
		all[i] = Protocol(i)
	}
	return all
}

// HasStates reports whether sockets of the protocol pass through the
// connection states of RFC 9293, so that "established" is a useful default.
// For the others the kernel shows a state too, but nobody thinks of them in
// states: a bound udp socket is merely "closed".
func (p Protocol) HasStates() bool {
	switch p {
	case TCP, MPTCP, SCTP, DCCP:
		return true
	default:
		return false
	}
}

// HasPorts reports whether endpoints of the protocol are an address and a
// port.
func (p Protocol) HasPorts() bool {
	switch p {
	case TCP, UDP, UDPLite, MPTCP, SCTP, DCCP:
		return true
	default:
		return false
	}
}

// Internet reports whether endpoints of the protocol are IP addresses.
func (p Protocol) Internet() bool { return p != Unix && p != Packet }
