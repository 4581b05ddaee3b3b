package conntrack

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A Family is the address family of a flow, numbered as the kernel does.
type Family uint8

// Address families. The zero value means "any" in a Filter.
const (
	AnyFamily Family = 0
	IPv4      Family = 2
	IPv6      Family = 10
)

// String is the name that conntrack(8) gives the family.
func (f Family) String() string {
	switch f {
	case AnyFamily:
		return "any"
	case IPv4:
		return "ipv4"
	case IPv6:
		return "ipv6"
	}
	return strconv.Itoa(int(f))
}

// A Protocol is an IP protocol number.
type Protocol uint8

// Protocols that the tracker knows by name.
const (
	ICMP    Protocol = 1
	IGMP    Protocol = 2
	TCP     Protocol = 6
	UDP     Protocol = 17
	DCCP    Protocol = 33
	GRE     Protocol = 47
	ESP     Protocol = 50
	AH      Protocol = 51
	ICMPv6  Protocol = 58
	SCTP    Protocol = 132
	UDPLite Protocol = 136
)

// namedProtocols lists the protocols with a name, commonest first.
func namedProtocols() []Protocol {
	return []Protocol{TCP, UDP, ICMP, ICMPv6, SCTP, DCCP, UDPLite, GRE, ESP, AH, IGMP}
}

// String is the name in lower case, or the number where there is none.
func (p Protocol) String() string {
	switch p {
	case ICMP:
		return "icmp"
	case IGMP:
		return "igmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case DCCP:
		return "dccp"
	case GRE:
		return "gre"
	case ESP:
		return "esp"
	case AH:
		return "ah"
	case ICMPv6:
		return "icmpv6"
	case SCTP:
		return "sctp"
	case UDPLite:
		return "udplite"
	}
	return strconv.Itoa(int(p))
}

// HasPorts says whether flows of the protocol have ports. A GRE tuple has keys
// in their place, which are not ports.
func (p Protocol) HasPorts() bool {
	switch p {
	case TCP, UDP, DCCP, SCTP, UDPLite:
		return true
	}
	return false
}

// IsICMP says whether flows of the protocol have an ICMP type, code and id.
func (p Protocol) IsICMP() bool { return p == ICMP || p == ICMPv6 }

// ParseProtocol reads a protocol's name or number. ipv6-icmp is accepted as
// another name of icmpv6.
func ParseProtocol(s string) (Protocol, error) {
	name := strings.ToLower(s)
	if name == "ipv6-icmp" {
		return ICMPv6, nil
	}
	var names []string
	for _, p := range namedProtocols() {
		if p.String() == name {
			return p, nil
		}
		names = append(names, p.String())
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("unknown protocol %s: use a number from 0 to 255 or one of %s", quote.Text(s), strings.Join(names, " "))
	}
	return Protocol(n), nil
}
