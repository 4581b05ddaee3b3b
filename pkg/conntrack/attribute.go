package conntrack

import "encoding/binary"

// Netlink attributes: length (of header and data) and type in native byte
// order, data, padding to 4 bytes (include/uapi/linux/netlink.h).
const (
	attrHeaderLen = 4
	attrTypeMask  = 0x3fff // without the "nested" and "network byte order" bits
	attrNested    = 0x8000
)

// align4 rounds up to netlink's alignment.
func align4(n int) int { return (n + 3) &^ 3 }

// attributes walks over a sequence of attributes:
//
//	attrs := attributes{rest: b, of: "tuple"}
//	for attrs.next() {
//		use(attrs.typ, attrs.data)
//	}
//	return attrs.err()
type attributes struct {
	rest []byte
	of   string // what they describe, for the error

	typ  uint16
	data []byte // a part of the walked bytes, never copied
	bad  bool
}

// next goes to the next attribute, and returns false at the end.
func (a *attributes) next() bool {
	b := a.rest
	if len(b) < attrHeaderLen {
		a.bad = len(b) != 0
		return false
	}
	length := int(binary.NativeEndian.Uint16(b))
	if length < attrHeaderLen || length > len(b) {
		a.bad = true
		return false
	}
	a.typ, a.data = binary.NativeEndian.Uint16(b[2:])&attrTypeMask, b[attrHeaderLen:length]
	// The last attribute may lack its padding.
	a.rest = b[min(align4(length), len(b)):]
	return true
}

// err reports whether the walk stopped at something that is not an attribute.
func (a *attributes) err() error {
	if a.bad {
		return malformed(a.of, len(a.rest))
	}
	return nil
}

// appendAttr appends one attribute and its padding.
func appendAttr(b []byte, typ uint16, data []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attrHeaderLen+len(data)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = append(b, data...)
	return append(b, make([]byte, align4(len(data))-len(data))...)
}

func appendAttr8(b []byte, typ uint16, v uint8) []byte {
	return appendAttr(b, typ, []byte{v})
}

func appendAttr16(b []byte, typ uint16, v uint16) []byte {
	return appendAttr(b, typ, binary.BigEndian.AppendUint16(nil, v))
}

func appendAttr32(b []byte, typ uint16, v uint32) []byte {
	return appendAttr(b, typ, binary.BigEndian.AppendUint32(nil, v))
}

// appendNested appends an attribute that holds what fill appends.
func appendNested(b []byte, typ uint16, fill func([]byte) []byte) []byte {
	start := len(b)
	b = binary.NativeEndian.AppendUint16(b, 0)
	b = binary.NativeEndian.AppendUint16(b, typ|attrNested)
	b = fill(b)
	binary.NativeEndian.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

// appendFlags appends a set of flags, which unlike other numbers travels in
// native byte order.
func appendFlags(b []byte, typ uint16, flags uint32) []byte {
	if flags == 0 {
		return b
	}
	return appendAttr(b, typ, binary.NativeEndian.AppendUint32(nil, flags))
}
