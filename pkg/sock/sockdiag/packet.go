package sockdiag

import (
	"encoding/binary"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// Attributes and what to ask for (include/uapi/linux/packet_diag.h).
const (
	packetInfo   = 0 // PACKET_DIAG_INFO
	packetUID    = 5 // PACKET_DIAG_UID
	packetMemory = 6 // PACKET_DIAG_MEMINFO

	showPacketInfo   = 0x01 // the user too
	showPacketMemory = 0x10

	packetMsgSize = 16 // struct packet_diag_msg
)

// appendPacket encodes struct packet_diag_req. The memory tells the receive
// queue, so it is always asked for.
func (r *Request) appendPacket(b []byte) []byte {
	b = append(b, familyPacket, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, 0) // any inode
	b = binary.NativeEndian.AppendUint32(b, showPacketInfo|showPacketMemory)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0) // no cookie
}

// parsePacket decodes struct packet_diag_msg and the attributes behind it. A
// packet socket has no state: it is called closed, as in ss(8).
func parsePacket(b []byte, s *sock.Socket) error {
	if len(b) < packetMsgSize {
		return malformed("a packet socket is cut short")
	}
	*s = sock.Socket{
		Protocol: sock.Packet,
		Type:     sock.Type(b[1]),
		State:    sock.Close,
		Inode:    uint64(binary.NativeEndian.Uint32(b[4:])),
		Known:    sock.FieldCookie,
		Cookie:   cookie(b[8:16]),
	}
	s.Local.Name = packetName(binary.NativeEndian.Uint16(b[2:]))
	c := cutter{rest: b[packetMsgSize:]}
	for {
		kind, value, ok := c.next()
		if !ok {
			return c.err
		}
		switch {
		case kind == packetInfo && len(value) >= 4:
			s.Interface = binary.NativeEndian.Uint32(value)
			s.Known |= sock.FieldInterface
		case kind == packetUID && len(value) >= 4:
			s.UID = binary.NativeEndian.Uint32(value)
			s.Known |= sock.FieldUID
		case kind == packetMemory:
			setMemory(s, value)
			s.RecvQ = s.Memory.RecvAllocated
			s.Known |= sock.FieldQueues
		}
	}
}

// packetName names the EtherType that the socket takes, as package procnet
// does: "*" for all of them or none.
func packetName(protocol uint16) string {
	const all = 3 // ETH_P_ALL
	if protocol == 0 || protocol == all {
		return "*"
	}
	const digits = "0123456789abcdef"
	return "0x" + string([]byte{digits[protocol>>12], digits[protocol>>8&15], digits[protocol>>4&15], digits[protocol&15]})
}
