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
	attrs := attributes{rest: b}
	for {
		typ, data, ok := attrs.next()
		if !ok {
			break
		}
		if typ == attrEventTime {
			happened, err = wireTime(data)
		} else {
			err = flow.decodeAttr(typ, data)
		}
		if err != nil {
			return happened, err
		}
	}
	if attrs.bad {
		return happened, malformed("entry attribute", len(attrs.rest))
	}
	return happened, nil
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
	attrs := attributes{rest: b}
	for {
		typ, data, ok := attrs.next()
		if !ok {
			break
		}
		var err error
		switch typ {
		case attrTupleIP:
			err = t.decodeAddresses(data)
		case attrTupleProto:
			err = t.decodeProto(&f.Protocol, data)
		case attrTupleZone:
			err = f.decodeZone(direction, data)
		}
		if err != nil {
			return err
		}
	}
	if attrs.bad {
		return malformed("tuple attribute", len(attrs.rest))
	}
	return nil
}

func (t *Tuple) decodeAddresses(b []byte) error {
	attrs := attributes{rest: b}
	for {
		typ, data, ok := attrs.next()
		if !ok {
			break
		}
		var addr netip.Addr
		switch {
		case typ < attrIPv4Src || typ > attrIPv6Dst:
			continue
		case typ <= attrIPv4Dst && len(data) == 4:
			addr = netip.AddrFrom4([4]byte(data))
		case typ >= attrIPv6Src && len(data) == 16:
			addr = netip.AddrFrom16([16]byte(data))
		default:
			return malformed("address", len(data))
		}
		if typ == attrIPv4Src || typ == attrIPv6Src {
			t.Src = addr
		} else {
			t.Dst = addr
		}
	}
	if attrs.bad {
		return malformed("address attribute", len(attrs.rest))
	}
	return nil
}

func (t *Tuple) decodeProto(protocol *Protocol, b []byte) error {
	attrs := attributes{rest: b}
	for {
		typ, data, ok := attrs.next()
		if !ok {
			break
		}
		switch typ {
		case attrProtoNum, attrICMPType, attrICMPCode, attrICMPv6Type, attrICMPv6Code:
			if len(data) < 1 {
				return malformed("protocol byte", len(data))
			}
		case attrSrcPort, attrDstPort, attrICMPID, attrICMPv6ID:
			if len(data) < 2 {
				return malformed("port", len(data))
			}
		default:
			continue
		}
		t.setProto(protocol, typ, data)
	}
	if attrs.bad {
		return malformed("protocol attribute", len(attrs.rest))
	}
	return nil
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
	attrs := attributes{rest: b}
	for {
		typ, data, ok := attrs.next()
		if !ok {
			break
		}
		if typ != attrProtoInfoTCP {
			continue
		}
		if err := f.decodeTCP(data); err != nil {
			return err
		}
	}
	if attrs.bad {
		return malformed("protocol information", len(attrs.rest))
	}
	return nil
}

func (f *Flow) decodeTCP(b []byte) error {
	attrs := attributes{rest: b}
	for {
		typ, data, ok := attrs.next()
		if !ok {
			break
		}
		if typ != attrTCPState {
			continue
		}
		if len(data) < 1 {
			return malformed("TCP state", len(data))
		}
		f.State = stateFromWire(data[0])
	}
	if attrs.bad {
		return malformed("TCP information", len(attrs.rest))
	}
	return nil
}

func (c *Traffic) decode(b []byte) error {
	attrs := attributes{rest: b}
	for {
		typ, data, ok := attrs.next()
		if !ok {
			break
		}
		if typ != attrPackets && typ != attrBytes {
			continue
		}
		if len(data) < 8 {
			return malformed("counter", len(data))
		}
		c.Known = true
		if typ == attrPackets {
			c.Packets = binary.BigEndian.Uint64(data)
		} else {
			c.Bytes = binary.BigEndian.Uint64(data)
		}
	}
	if attrs.bad {
		return malformed("counters", len(attrs.rest))
	}
	return nil
}

func (f *Flow) decodeTimestamp(b []byte) error {
	attrs := attributes{rest: b}
	for {
		typ, data, ok := attrs.next()
		if !ok {
			break
		}
		var err error
		switch typ {
		case attrTimeStart:
			f.Start, err = wireTime(data)
		case attrTimeStop:
			f.Stop, err = wireTime(data)
		}
		if err != nil {
			return err
		}
	}
	if attrs.bad {
		return malformed("timestamps", len(attrs.rest))
	}
	return nil
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
