package sockdiag

import (
	"encoding/binary"
	"syscall"
)

// Netlink message types and flags (include/uapi/linux/netlink.h).
const (
	headerSize = 16 // struct nlmsghdr

	typeNoop    = 1
	typeError   = 2
	typeDone    = 3
	typeOverrun = 4

	flagRequest     = 0x1
	flagInterrupted = 0x10  // NLM_F_DUMP_INTR
	flagDump        = 0x300 // NLM_F_ROOT | NLM_F_MATCH
)

// A message is one netlink message; body is a part of the receive buffer.
type message struct {
	kind     uint16
	flags    uint16
	sequence uint32
	body     []byte
}

// nextMessage splits the first message off a datagram.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < headerSize {
		return m, nil, malformed("a netlink header is cut short")
	}
	size := binary.NativeEndian.Uint32(b)
	if size < headerSize || uint64(size) > uint64(len(b)) {
		return m, nil, malformed("a netlink message claims a length that its datagram does not have")
	}
	m.kind = binary.NativeEndian.Uint16(b[4:])
	m.flags = binary.NativeEndian.Uint16(b[6:])
	m.sequence = binary.NativeEndian.Uint32(b[8:])
	m.body = b[headerSize:size]
	return m, b[min(align(int(size)), len(b)):], nil
}

// errno returns the error number that a NLMSG_ERROR or NLMSG_DONE carries, 0
// for success. Kernels before 4.6 send a NLMSG_DONE without one.
func (m *message) errno() (syscall.Errno, error) {
	if len(m.body) < 4 {
		if m.kind == typeDone && len(m.body) == 0 {
			return 0, nil
		}
		return 0, malformed("the code of a netlink error is cut short")
	}
	code := int32(binary.NativeEndian.Uint32(m.body))
	if code > 0 {
		return 0, nil // the length of the dump, in some kernels
	}
	return syscall.Errno(-int64(code)), nil
}

// align rounds a length up to that of the netlink padding.
func align(n int) int { return (n + 3) &^ 3 }

// A cutter takes netlink attributes off a message's tail.
type cutter struct {
	rest []byte
	err  error
}

// next returns the type (without its flag bits) and value of the next
// attribute. It returns false at the end, and when err is set.
func (c *cutter) next() (kind uint16, value []byte, ok bool) {
	const header = 4
	if len(c.rest) < header {
		return 0, nil, false
	}
	size := int(binary.NativeEndian.Uint16(c.rest))
	if size < header || size > len(c.rest) {
		c.err = malformed("a netlink attribute claims a length that its message does not have")
		return 0, nil, false
	}
	kind = binary.NativeEndian.Uint16(c.rest[2:]) & 0x3fff
	value = c.rest[header:size]
	c.rest = c.rest[min(align(size), len(c.rest)):]
	return kind, value, true
}

// appendAttribute encodes an attribute.
func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for range align(len(value)) - len(value) {
		b = append(b, 0)
	}
	return b
}
