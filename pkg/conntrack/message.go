package conntrack

import (
	"encoding/binary"
	"math"
)

// Netlink and nfnetlink headers
// (include/uapi/linux/netlink.h, include/uapi/linux/netfilter/nfnetlink.h).
const (
	headerLen   = 16 // struct nlmsghdr
	nfHeaderLen = 4  // struct nfgenmsg: family, version, resource id

	typeError = 2
	typeDone  = 3

	flagRequest     = 0x001
	flagAck         = 0x004
	flagInterrupted = 0x010
	flagDump        = 0x300
	flagExclusive   = 0x200 // in a new flow's event
	flagCreate      = 0x400

	subsystem = 1 << 8 // NFNL_SUBSYS_CTNETLINK, the high byte of the type
)

// Messages of the subsystem (enum cntl_msg_types).
const (
	messageNew      = subsystem
	messageGet      = subsystem | 1
	messageDelete   = subsystem | 2
	messageStatsCPU = subsystem | 4
	messageStats    = subsystem | 5
)

// A message is one netlink message: what its header says, and the payload.
type message struct {
	kind  uint16
	flags uint16
	seq   uint32
	body  []byte // after struct nlmsghdr
}

// nextMessage splits the first message off a datagram.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < headerLen {
		return m, nil, malformed("message header", len(b))
	}
	length := binary.NativeEndian.Uint32(b)
	if length < headerLen || uint64(length) > uint64(len(b)) {
		return m, nil, malformed("message length", int(min(length, math.MaxInt32)))
	}
	m.kind = binary.NativeEndian.Uint16(b[4:])
	m.flags = binary.NativeEndian.Uint16(b[6:])
	m.seq = binary.NativeEndian.Uint32(b[8:])
	m.body = b[headerLen:length]
	return m, b[min(align4(int(length)), len(b)):], nil
}

// errno is the error number that an error or done message carries: 0 is an
// acknowledgement.
func (m message) errno() (int, error) {
	if len(m.body) < 4 {
		if m.kind == typeDone {
			return 0, nil
		}
		return 0, malformed("error message", len(m.body))
	}
	n := -int64(int32(binary.NativeEndian.Uint32(m.body)))
	if n < 0 || n > 4095 {
		return 0, malformed("error number", len(m.body))
	}
	return int(n), nil
}

// family is the address family in the message's nfgenmsg, resource its
// resource id (the CPU number of per-CPU statistics).
func (m message) payload() (family Family, resource uint16, attrs []byte, err error) {
	if len(m.body) < nfHeaderLen {
		return 0, 0, nil, malformed("nfnetlink header", len(m.body))
	}
	return Family(m.body[0]), binary.BigEndian.Uint16(m.body[2:]), m.body[nfHeaderLen:], nil
}

// appendMessage appends a request with the attributes that fill appends, which
// may be nil.
func appendMessage(b []byte, kind, flags uint16, seq uint32, family Family, fill func([]byte) []byte) []byte {
	start := len(b)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0) // from nobody in particular
	b = append(b, byte(family), 0, 0, 0)
	if fill != nil {
		b = fill(b)
	}
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}
