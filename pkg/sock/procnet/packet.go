package procnet

import (
	"math"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// packetTable is /proc/net/packet: the sockets that read whole frames.
//
// Kernel: net/packet/af_packet.c, packet_seq_show.
func packetTable() table {
	return table{name: "packet", protocol: sock.Packet, header: "RefCnt", parse: parsePacket}
}

// sk               RefCnt Type Proto  Iface R Rmem   User   Inode
// 000000007ad04b1a 3      3    0003   2     1 0      0      12861
func parsePacket(c *cursor, _ *table, s *sock.Socket) {
	c.blanks()
	c.hex("no pointer")
	c.decimal(math.MaxInt32, "no reference count")
	kind := c.decimal(math.MaxUint8, "no type")
	c.blanks()
	protocol := c.fixedHex(4, "no protocol of 4 hex digits")
	index := c.decimal(math.MaxInt32, "no interface index")
	c.decimal(1, "no running flag of 0 or 1")
	queued := c.decimal(math.MaxUint32, "no receive queue")
	uid := c.decimal(math.MaxUint32, "no user id")
	inode := c.decimal(math.MaxUint64, "no inode")
	if len(c.rest) > 0 {
		c.fail("something after the inode")
	}
	*s = sock.Socket{
		Protocol: sock.Packet, Type: sock.Type(kind), State: sock.Close,
		RecvQ: uint32(queued), Inode: inode, UID: uint32(uid),
		Interface: uint32(index), Known: sock.FieldUID | sock.FieldInterface | sock.FieldQueues,
	}
	s.Local.Name = packetName(protocol)
}

// packetName is the link-layer protocol that the socket takes, "*" for every one.
func packetName(protocol uint32) string {
	const all = 3 // ETH_P_ALL
	switch protocol {
	case 0: // bound to none yet
		return "0"
	case all:
		return "*"
	}
	const digits = "0123456789abcdef"
	return "0x" + string([]byte{digits[protocol>>12&15], digits[protocol>>8&15], digits[protocol>>4&15], digits[protocol&15]})
}
