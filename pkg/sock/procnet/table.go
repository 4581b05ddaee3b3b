package procnet

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A table is one file in /proc/net: its name, what is in it, and how a row reads.
type table struct {
	name     string
	protocol sock.Protocol
	// v6 tells that the addresses have 128 bits.
	v6 bool
	// header is a word of the first line.
	header string
	// parse reads one row. What it could not read is in the cursor's problem, and
	// the socket is then not to be used.
	parse func(c *cursor, t *table, s *sock.Socket)
	// bigEndian is the byte order of the machine whose kernel wrote the table.
	bigEndian bool
}

// hostIsBigEndian is folded to a constant by the compiler.
func hostIsBigEndian() bool {
	return binary.NativeEndian.Uint16([]byte{0, 1}) == 1
}

// tables are the files that hold a protocol's sockets: the IPv4 ones and the IPv6
// ones, which hold IPv4 connections too. They are empty for protocols that have
// none.
func tables(p sock.Protocol) []table {
	switch p {
	case sock.TCP:
		return []table{tcpTable(), tcp6Table()}
	case sock.UDP:
		return []table{udpTable("udp", p), udp6Table("udp6", p)}
	case sock.UDPLite:
		return []table{udpTable("udplite", p), udp6Table("udplite6", p)}
	case sock.Raw:
		return []table{rawTable(), raw6Table()}
	case sock.Unix:
		return []table{unixTable()}
	case sock.SCTP:
		return []table{sctpEndpointTable(), sctpAssociationTable()}
	case sock.Packet:
		return []table{packetTable()}
	}
	return nil
}

// A badLine takes what is wrong with a line.
type badLine func(number int, text []byte, problem string)

// checkEvery is how many rows are read between two looks at the context.
const checkEvery = 1024

// read delivers every row of the table to yield, in one reused socket. Bad lines
// are reported to bad and skipped.
func (t *table) read(ctx context.Context, lines *kernfs.Lines, yield func(*sock.Socket) error, bad badLine) error {
	var (
		s sock.Socket
		c cursor
	)
	for lines.Next() {
		line, number := lines.Bytes(), lines.Number()
		if number == 1 {
			if !bytes.Contains(line, []byte(t.header)) {
				bad(number, line, "no headline")
			}
			continue
		}
		if number%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c = cursor{rest: line}
		if t.parse(&c, t, &s); c.problem != "" {
			bad(number, line, c.problem)
			continue
		}
		if c.skip {
			continue
		}
		if err := yield(&s); err != nil {
			return err
		}
	}
	if lines.Number() == 0 && lines.Err() == nil {
		bad(1, nil, "no headline")
	}
	return lines.Err()
}
