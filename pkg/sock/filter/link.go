package filter

import (
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// Link matches packet sockets by what they are bound to: the Ethernet protocol
// and the interface. The protocol is looked for in the local endpoint's name,
// up to a colon: a name of ll_proto, a hexadecimal number such as 0x0806, or *
// for every protocol (ETH_P_ALL). A packet socket has no peer.
type Link struct {
	Side        Side
	HasProtocol bool
	Protocol    uint16 // EtherType, in host order
	HasDevice   bool
	Device      uint32
}

// Match implements Expr.
func (e Link) Match(s *sock.Socket) bool {
	if s.Protocol != sock.Packet {
		return false
	}
	device, name := s.Interface, s.Local.Name
	if e.Side == Peer {
		device, name = 0, "0"
	}
	if e.HasDevice && device != e.Device {
		return false
	}
	if !e.HasProtocol {
		return true
	}
	if i := strings.IndexByte(name, ':'); i >= 0 {
		name = name[:i]
	}
	protocol, ok := etherType(name)
	return ok && protocol == e.Protocol
}

// String implements Expr.
func (e Link) String() string { return string(e.appendTo(nil)) }

func (e Link) needs() sock.Fields {
	if e.HasDevice {
		return sock.FieldInterface
	}
	return 0
}

func (e Link) appendTo(text []byte) []byte {
	text = append(text, e.Side.String()...)
	text = append(text, " link:"...)
	if e.HasProtocol {
		text = strconv.AppendUint(append(text, "0x"...), uint64(e.Protocol), 16)
	} else {
		text = append(text, '*')
	}
	if e.HasDevice {
		text = strconv.AppendUint(append(text, ':'), uint64(e.Device), 10)
	}
	return text
}

// link parses PROTOCOL[:DEVICE] of a packet socket.
func (p *parser) link(side Side, text string, column int) (Expr, error) {
	e := Link{Side: side}
	protocol, device, _ := strings.Cut(text, ":")
	if protocol != "" && protocol != "*" {
		n, ok := etherType(protocol)
		if !ok {
			return nil, p.fail(column, quote.Text(protocol)+" is no Ethernet protocol: use a name such as ip, ipv6 or arp, or a number such as 0x806")
		}
		e.HasProtocol, e.Protocol = true, n
	}
	if device != "" && device != "*" {
		index, err := p.interfaceIndex(device, column+len(protocol)+1)
		if err != nil {
			return nil, err
		}
		e.HasDevice, e.Device = true, index
	}
	return e, nil
}

// etherType returns the number of an Ethernet protocol (linux/if_ether.h) for
// the name that iproute2 has for it, in either case, or its digits.
func etherType(name string) (uint16, bool) {
	if n, ok := number(name, 16); ok {
		return uint16(n), true
	}
	for _, known := range etherTypes {
		if strings.EqualFold(name, known.name) {
			return known.number, true
		}
	}
	return 0, false
}

var etherTypes = [...]struct {
	name   string
	number uint16
}{
	{"*", 0x0003}, {"all", 0x0003},
	{"ip", 0x0800}, {"ipv4", 0x0800}, {"arp", 0x0806}, {"ipv6", 0x86dd},
	{"802.1Q", 0x8100}, {"802.1ad", 0x88a8}, {"mpls_uc", 0x8847}, {"mpls_mc", 0x8848},
	{"ppp_disc", 0x8863}, {"ppp_ses", 0x8864}, {"teb", 0x6558}, {"rarp", 0x8035},
	{"aoe", 0x88a2}, {"profinet", 0x8892}, {"tipc", 0x88ca}, {"LLDP", 0x88cc},
	{"loop", 0x0060}, {"pup", 0x0200}, {"pupat", 0x0201}, {"x25", 0x0805}, {"bpq", 0x08ff},
	{"ieeepup", 0x0a00}, {"ieeepupat", 0x0a01},
	{"dec", 0x6000}, {"dna_dl", 0x6001}, {"dna_rc", 0x6002}, {"dna_rt", 0x6003},
	{"lat", 0x6004}, {"diag", 0x6005}, {"cust", 0x6006}, {"sca", 0x6007},
	{"atalk", 0x809b}, {"aarp", 0x80f3}, {"ipx", 0x8137}, {"atmmpoa", 0x884c}, {"atmfate", 0x8884},
	{"802_3", 0x0001}, {"ax25", 0x0002}, {"802_2", 0x0004}, {"snap", 0x0005}, {"ddcmp", 0x0006},
	{"wan_ppp", 0x0007}, {"ppp_mp", 0x0008}, {"localtalk", 0x0009}, {"can", 0x000c},
	{"ppptalk", 0x0010}, {"tr_802_2", 0x0011}, {"mobitex", 0x0015}, {"control", 0x0016},
	{"irda", 0x0017}, {"econet", 0x0018},
}
