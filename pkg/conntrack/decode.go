package conntrack

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Attributes of an entry (enum ctattr_type and below). Those that are not here
// are skipped.
const (
	attrTupleOrig     = 1
	attrTupleReply    = 2
	attrStatus        = 3
	attrProtoInfo     = 4
	attrTimeout       = 7
	attrMark          = 8
	attrCountersOrig  = 9
	attrCountersReply = 10
	attrID            = 12
	attrZone          = 18
	attrTimestamp     = 20
	attrMarkMask      = 21
	attrLabels        = 22
	attrFilter        = 25
	attrStatusMask    = 26
	attrEventTime     = 27 // since Linux 6.14

	attrTupleIP    = 1
	attrTupleProto = 2
	attrTupleZone  = 3

	attrIPv4Src = 1
	attrIPv4Dst = 2
	attrIPv6Src = 3
	attrIPv6Dst = 4

	attrProtoNum   = 1
	attrSrcPort    = 2
	attrDstPort    = 3
	attrICMPID     = 4
	attrICMPType   = 5
	attrICMPCode   = 6
	attrICMPv6ID   = 7
	attrICMPv6Type = 8
	attrICMPv6Code = 9

	attrProtoInfoTCP = 1
	attrTCPState     = 1

	attrPackets = 1
	attrBytes   = 2

	attrTimeStart = 1
	attrTimeStop  = 2
)

// decodeFlow fills the flow from an entry's family and attributes, and returns
// when the event happened where the kernel says so. It allocates nothing
// unless it fails.
func decodeFlow(flow *Flow, family Family, b []byte) (happened time.Time, err error) {
	*flow = Flow{Family: family}
	attrs := attributes{rest: b, of: "entry attribute"}
	for attrs.next() {
		if attrs.typ == attrEventTime {
			happened, err = wireTime(attrs.data)
		} else {
			err = flow.decodeAttr(attrs.typ, attrs.data)
		}
		if err != nil {
			return happened, err
		}
	}
	return happened, attrs.err()
}

func (f *Flow) decodeAttr(typ uint16, data []byte) error {
	switch typ {
	case attrTupleOrig:
		return f.decodeTuple(&f.Original, ZoneOriginal, data)
	case attrTupleReply:
		return f.decodeTuple(&f.Reply, ZoneReply, data)
	case attrProtoInfo:
		return f.decodeProtoInfo(data)
	case attrCountersOrig:
		return f.OriginalTraffic.decode(data)
	case attrCountersReply:
		return f.ReplyTraffic.decode(data)
	case attrTimestamp:
		return f.decodeTimestamp(data)
	case attrLabels:
		f.Labels = labelsFromWire(data)
	case attrZone:
		return f.decodeZone(ZoneBoth, data)
	case attrStatus, attrTimeout, attrMark, attrID:
		return f.decodeNumber(typ, data)
	}
	return nil
}

// decodeNumber reads the attributes that are one 32-bit number.
func (f *Flow) decodeNumber(typ uint16, data []byte) error {
	if len(data) < 4 {
		return malformed("number", len(data))
	}
	n := binary.BigEndian.Uint32(data)
	switch typ {
	case attrStatus:
		f.Status, f.StatusKnown = Status(n), true
	case attrTimeout:
		f.Timeout, f.TimeoutKnown = time.Duration(n)*time.Second, true
	case attrMark:
		f.Mark = n
	case attrID:
		f.ID = n
	}
	return nil
}

func (f *Flow) decodeZone(direction ZoneDirection, data []byte) error {
	if len(data) < 2 {
		return malformed("zone", len(data))
	}
	f.Zone, f.ZoneDirection = binary.BigEndian.Uint16(data), direction
	return nil
}

func (f *Flow) decodeTuple(t *Tuple, direction ZoneDirection, b []byte) error {
	attrs := attributes{rest: b, of: "tuple attribute"}
	for attrs.next() {
		var err error
		switch attrs.typ {
		case attrTupleIP:
			err = t.decodeAddresses(attrs.data)
		case attrTupleProto:
			err = t.decodeProto(&f.Protocol, attrs.data)
		case attrTupleZone:
			err = f.decodeZone(direction, attrs.data)
		}
		if err != nil {
			return err
		}
	}
	return attrs.err()
}

func (t *Tuple) decodeAddresses(b []byte) error {
	attrs := attributes{rest: b, of: "address attribute"}
	for attrs.next() {
		var addr netip.Addr
		switch {
		case attrs.typ < attrIPv4Src || attrs.typ > attrIPv6Dst:
			continue
		case attrs.typ <= attrIPv4Dst && len(attrs.data) == 4:
			addr = netip.AddrFrom4([4]byte(attrs.data))
		case attrs.typ >= attrIPv6Src && len(attrs.data) == 16:
			addr = netip.AddrFrom16([16]byte(attrs.data))
		default:
			return malformed("address", len(attrs.data))
		}
		if attrs.typ == attrIPv4Src || attrs.typ == attrIPv6Src {
			t.Src = addr
		} else {
			t.Dst = addr
		}
	}
	return attrs.err()
}

func (t *Tuple) decodeProto(protocol *Protocol, b []byte) error {
	attrs := attributes{rest: b, of: "protocol attribute"}
	for attrs.next() {
		switch attrs.typ {
		case attrProtoNum, attrICMPType, attrICMPCode, attrICMPv6Type, attrICMPv6Code:
			if len(attrs.data) < 1 {
				return malformed("protocol byte", len(attrs.data))
			}
		case attrSrcPort, attrDstPort, attrICMPID, attrICMPv6ID:
			if len(attrs.data) < 2 {
				return malformed("port", len(attrs.data))
			}
		default:
			continue
		}
		t.setProto(protocol, attrs.typ, attrs.data)
	}
	return attrs.err()
}

// setProto takes data whose length decodeProto has checked.
func (t *Tuple) setProto(protocol *Protocol, typ uint16, data []byte) {
	switch typ {
	case attrProtoNum:
		*protocol = Protocol(data[0])
	case attrSrcPort:
		t.SrcPort = binary.BigEndian.Uint16(data)
	case attrDstPort:
		t.DstPort = binary.BigEndian.Uint16(data)
	case attrICMPID, attrICMPv6ID:
		t.ICMPID = binary.BigEndian.Uint16(data)
	case attrICMPType, attrICMPv6Type:
		t.ICMPType = data[0]
	case attrICMPCode, attrICMPv6Code:
		t.ICMPCode = data[0]
	}
}

func (f *Flow) decodeProtoInfo(b []byte) error {
	attrs := attributes{rest: b, of: "protocol information"}
	for attrs.next() {
		if attrs.typ != attrProtoInfoTCP {
			continue
		}
		if err := f.decodeTCP(attrs.data); err != nil {
			return err
		}
	}
	return attrs.err()
}

func (f *Flow) decodeTCP(b []byte) error {
	attrs := attributes{rest: b, of: "TCP information"}
	for attrs.next() {
		if attrs.typ != attrTCPState {
			continue
		}
		if len(attrs.data) < 1 {
			return malformed("TCP state", len(attrs.data))
		}
		f.State = stateFromWire(attrs.data[0])
	}
	return attrs.err()
}

func (c *Traffic) decode(b []byte) error {
	attrs := attributes{rest: b, of: "counters"}
	for attrs.next() {
		if attrs.typ != attrPackets && attrs.typ != attrBytes {
			continue
		}
		if len(attrs.data) < 8 {
			return malformed("counter", len(attrs.data))
		}
		c.Known = true
		if attrs.typ == attrPackets {
			c.Packets = binary.BigEndian.Uint64(attrs.data)
		} else {
			c.Bytes = binary.BigEndian.Uint64(attrs.data)
		}
	}
	return attrs.err()
}

func (f *Flow) decodeTimestamp(b []byte) error {
	attrs := attributes{rest: b, of: "timestamps"}
	for attrs.next() {
		var err error
		switch attrs.typ {
		case attrTimeStart:
			f.Start, err = wireTime(attrs.data)
		case attrTimeStop:
			f.Stop, err = wireTime(attrs.data)
		}
		if err != nil {
			return err
		}
	}
	return attrs.err()
}

// wireTime reads nanoseconds since 1970. The kernel writes 0 for "not yet".
func wireTime(b []byte) (time.Time, error) {
	if len(b) < 8 {
		return time.Time{}, malformed("time", len(b))
	}
	ns := binary.BigEndian.Uint64(b)
	if ns == 0 {
		return time.Time{}, nil
	}
	return time.Unix(int64(ns/1e9), int64(ns%1e9)), nil
}
