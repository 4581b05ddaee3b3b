package conntrack

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inject makes the flows in the table of the caller's namespace, in batches
// without acknowledgement, and checks that they arrived.
func inject(t testing.TB, count int, flow func(i int) Flow) {
	t.Helper()
	injectBy(t, New(Config{}), count, flow)
}

func injectBy(t testing.TB, c *Client, count int, flow func(i int) Flow) {
	t.Helper()
	before, err := c.Table(context.Background())
	if err != nil {
		t.Error(err)
		return
	}
	tr, err := c.dial()
	if err != nil {
		t.Error(err)
		return
	}
	defer tr.close()
	if _, err := tr.(*conn).setBuffer(4 << 20); err != nil {
		t.Error(err)
	}
	var batch []byte
	for i := range count {
		f := flow(i)
		batch = appendNew(batch, &f)
		if len(batch) > 24<<10 || i == count-1 {
			if err := tr.send(batch); err != nil {
				t.Error(err)
				return
			}
			batch = batch[:0]
		}
	}
	after, err := c.Table(context.Background())
	if err != nil || after.Used-before.Used != uint64(count) {
		t.Errorf("injected %d flows, the table has %d more: %v: %v", count, after.Used-before.Used, err, firstError(tr))
	}
}

// firstError reads what the kernel complained about, if anything.
func firstError(tr transport) error {
	time.AfterFunc(100*time.Millisecond, tr.cancel)
	buf := make([]byte, bufferSize)
	n, err := tr.receive(buf)
	if err != nil {
		return errors.New("no complaint")
	}
	m, _, err := nextMessage(buf[:n])
	if err != nil {
		return err
	}
	return replyError(m)
}

// appendNew appends the request that makes the flow. Its reply is the mirrored
// original unless the flow has one.
func appendNew(b []byte, f *Flow) []byte {
	reply := f.Reply
	if !reply.Src.IsValid() {
		reply = f.Original
		reply.Src, reply.Dst = f.Original.Dst, f.Original.Src
		reply.SrcPort, reply.DstPort = f.Original.DstPort, f.Original.SrcPort
		if f.Protocol == ICMP {
			reply.ICMPType = 0
		} else if f.Protocol == ICMPv6 {
			reply.ICMPType = 129
		}
	}
	return appendMessage(b, messageNew, flagRequest|flagCreate|flagExclusive, 1, f.Family, func(b []byte) []byte {
		b = appendTuple(b, attrTupleOrig, f.Protocol, &f.Original)
		b = appendTuple(b, attrTupleReply, f.Protocol, &reply)
		b = appendAttr32(b, attrStatus, uint32(f.Status|StatusConfirmed))
		b = appendAttr32(b, attrTimeout, uint32(f.Timeout/time.Second))
		if f.Mark != 0 {
			b = appendAttr32(b, attrMark, f.Mark)
		}
		if f.Zone != 0 {
			b = appendAttr16(b, attrZone, f.Zone)
		}
		if f.State != StateUnknown {
			b = appendNested(b, attrProtoInfo, func(b []byte) []byte {
				return appendNested(b, attrProtoInfoTCP, func(b []byte) []byte {
					return appendAttr8(b, attrTCPState, uint8(f.State-1))
				})
			})
		}
		return b
	})
}

func appendTuple(b []byte, typ uint16, protocol Protocol, t *Tuple) []byte {
	return appendNested(b, typ, func(b []byte) []byte {
		b = appendNested(b, attrTupleIP, func(b []byte) []byte {
			src, dst := uint16(attrIPv4Src), uint16(attrIPv4Dst)
			if t.Src.Is6() {
				src, dst = attrIPv6Src, attrIPv6Dst
			}
			return appendAttr(appendAttr(b, src, t.Src.AsSlice()), dst, t.Dst.AsSlice())
		})
		return appendNested(b, attrTupleProto, func(b []byte) []byte {
			b = appendAttr8(b, attrProtoNum, uint8(protocol))
			switch protocol {
			case ICMP:
				b = appendAttr16(b, attrICMPID, t.ICMPID)
				b = appendAttr8(b, attrICMPType, t.ICMPType)
				return appendAttr8(b, attrICMPCode, t.ICMPCode)
			case ICMPv6:
				b = appendAttr16(b, attrICMPv6ID, t.ICMPID)
				b = appendAttr8(b, attrICMPv6Type, t.ICMPType)
				return appendAttr8(b, attrICMPv6Code, t.ICMPCode)
			}
			return appendAttr16(appendAttr16(b, attrSrcPort, t.SrcPort), attrDstPort, t.DstPort)
		})
	})
}

// variedFlow makes flow number i of a table in which every condition of a
// Filter separates some flows from others.
func variedFlow(i int) Flow {
	f := Flow{
		Timeout: 5 * time.Minute,
		Mark:    uint32([]int{0, 0, 1, 0x11, 0x100}[i%5]),
		Zone:    uint16([]int{0, 0, 0, 7}[i%4]),
		Status:  []Status{0, StatusSeenReply, StatusSeenReply | StatusAssured}[i/2%3],
	}
	switch i % 7 {
	case 0, 1, 2:
		f.Protocol, f.State = TCP, States()[i/7%int(numStates-1)]
		if f.State == StateNone {
			f.State = StateEstablished // the kernel makes no flow without a state
		}
	case 3, 4:
		f.Protocol = UDP
	case 5:
		f.Protocol = ICMP
	case 6:
		f.Protocol = SCTP
	}
	f.Family = []Family{IPv4, IPv4, IPv6}[i/3%3]
	f.Original = variedTuple(i, f.Family)
	if f.Protocol == ICMP {
		f.Original.ICMPType, f.Original.ICMPID = 8, uint16(i)
		if f.Family == IPv6 {
			f.Protocol, f.Original.ICMPType = ICMPv6, 128
		}
	}
	return f
}

func variedTuple(i int, family Family) Tuple {
	t := Tuple{
		SrcPort: uint16(20000 + i),
		DstPort: []uint16{22, 53, 80, 443, 8080}[i/5%5],
		Src:     netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 8)}),
		Dst:     netip.AddrFrom4([4]byte{198, 51, 100, byte(i % 3)}),
	}
	if family == IPv6 {
		t.Src = netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 2: 0x0d, 3: 0xb8, 15: byte(i % 8)})
		t.Dst = netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 2: 0x0d, 3: 0xb8, 4: 1, 15: byte(i % 3)})
	}
	return t
}

// dropCapabilities takes every right from the caller's thread.
func dropCapabilities(t *testing.T) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Error(err)
	}
}

// collect dumps into a slice.
func collect(t testing.TB, c *Client, filter *Filter) []Flow {
	t.Helper()
	var flows []Flow
	err := c.Dump(context.Background(), filter, func(f *Flow) error {
		flows = append(flows, *f)
		return nil
	})
	if err != nil {
		t.Errorf("%+v: %v", filter, err)
	}
	return flows
}
