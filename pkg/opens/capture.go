package opens

import (
	"encoding/binary"
	"net/netip"
)

// A packet is what a SYN+ACK tells.
type packet struct {
	from, to netip.AddrPort
	sequence uint32 // the same when it is sent again
}

// parsePacket reads an IPv4 or IPv6 packet with a SYN+ACK of TCP in it, from the
// network header on (RFC 791, RFC 8200, RFC 9293). ok is false for anything else,
// fragments and IPv6 extension headers among it.
func parsePacket(data []byte) (p packet, ok bool) {
	if len(data) == 0 {
		return packet{}, false
	}
	var from, to netip.Addr
	switch data[0] >> 4 {
	case 4:
		head := int(data[0]&0xf) * 4
		if head < 20 || len(data) < head || data[9] != 6 || binary.BigEndian.Uint16(data[6:])&0x1fff != 0 {
			return packet{}, false
		}
		from, to = netip.AddrFrom4([4]byte(data[12:])), netip.AddrFrom4([4]byte(data[16:]))
		data = data[head:]
	case 6:
		if len(data) < 40 || data[6] != 6 {
			return packet{}, false
		}
		from, to = netip.AddrFrom16([16]byte(data[8:])), netip.AddrFrom16([16]byte(data[24:]))
		data = data[40:]
	default:
		return packet{}, false
	}
	const finSynRstAck, synAck = 0x17, 0x12
	if len(data) < 20 || data[13]&finSynRstAck != synAck {
		return packet{}, false
	}
	port := binary.BigEndian.Uint16
	return packet{
		from:     netip.AddrPortFrom(from, port(data)),
		to:       netip.AddrPortFrom(to, port(data[2:])),
		sequence: binary.BigEndian.Uint32(data[4:]),
	}, true
}
