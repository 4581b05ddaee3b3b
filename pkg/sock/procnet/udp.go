package procnet

import (
	"math"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// udpTable is /proc/net/udp, and with another protocol /proc/net/udplite in the
// same form.
//
// Kernel: net/ipv4/udp.c, udp4_seq_show; net/ipv4/udplite.c.
func udpTable(name string, p sock.Protocol) table {
	return table{name: name, protocol: p, header: "local_address", parse: parseDatagram}
}

// parseDatagram reads a row of the udp, udplite and raw tables, which end in the
// reference count, a pointer and the number of packets that were dropped. The
// drops go to Memory.Drops, although FieldMemory is not known: the rest of
// Memory is not in these tables.
func parseDatagram(c *cursor, t *table, s *sock.Socket) {
	var r row
	r.read(c, t)
	c.decimal(math.MaxInt32, "no reference count")
	c.word("no pointer")
	drops := c.decimal(math.MaxUint32, "no number of drops")
	r.fill(s, t.protocol)
	s.Memory.Drops = uint32(drops)
}
