package conntrack

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// A Flow is one entry of the table. It is a plain value: an assignment copies
// all of it.
type Flow struct {
	Family   Family
	Protocol Protocol
	State    State  // TCP only; StateUnknown where the kernel sent none
	Status   Status // see StatusKnown

	Original Tuple // as the first packet had it
	Reply    Tuple // as answers have it; differs from a mirrored Original under NAT

	OriginalTraffic Traffic // packets of the original direction
	ReplyTraffic    Traffic

	Mark uint32 // the kernel sends no mark that is 0
	ID   uint32 // stays the same for the life of an entry; not unique over time

	Zone          uint16
	ZoneDirection ZoneDirection

	Timeout time.Duration // until the entry expires; see TimeoutKnown
	Start   time.Time     // zero unless net.netfilter.nf_conntrack_timestamp was 1 when it began
	Stop    time.Time     // in a destroy event, likewise
	Labels  Labels

	StatusKnown  bool
	TimeoutKnown bool
}

// A Tuple identifies a flow in one direction.
type Tuple struct {
	Src, Dst netip.Addr

	// SrcPort and DstPort hold the ports where Protocol.HasPorts, and the
	// keys of a GRE flow.
	SrcPort, DstPort uint16

	// The ICMP fields are set where Protocol.IsICMP.
	ICMPType, ICMPCode uint8
	ICMPID             uint16
}

// Traffic counts one direction of a flow. It is Known only where
// net.netfilter.nf_conntrack_acct was 1 when the flow began.
type Traffic struct {
	Packets uint64
	Bytes   uint64
	Known   bool
}

// A ZoneDirection says which of a flow's directions its zone separates.
type ZoneDirection uint8

// Directions of a zone.
const (
	ZoneBoth ZoneDirection = iota
	ZoneOriginal
	ZoneReply
)

// Labels are the 128 connection labels of a flow.
type Labels struct{ words [2]uint64 }

// Bits lists the numbers of the labels that are set, in rising order.
func (l Labels) Bits() []int {
	var bits []int
	for n := range 128 {
		if l.words[n/64]&(1<<(n%64)) != 0 {
			bits = append(bits, n)
		}
	}
	return bits
}

// IsZero says that no label is set.
func (l Labels) IsZero() bool { return l == Labels{} }

// labelsFromWire reads the kernel's bitmap, which is an array of native longs.
func labelsFromWire(b []byte) Labels {
	var padded [16]byte
	copy(padded[:], b)
	return Labels{words: [2]uint64{
		binary.NativeEndian.Uint64(padded[:8]),
		binary.NativeEndian.Uint64(padded[8:]),
	}}
}

// Duration is how long the flow has lived: until it stopped, or until now
// where it has not. It is not known without a Start.
func (f *Flow) Duration(now time.Time) (time.Duration, bool) {
	switch {
	case f.Start.IsZero():
		return 0, false
	case !f.Stop.IsZero():
		return f.Stop.Sub(f.Start), true
	}
	return now.Sub(f.Start), true
}

// NAT says which end's address is translated.
func (f *Flow) NAT() (src, dst bool) {
	return f.Status&StatusSrcNAT != 0, f.Status&StatusDstNAT != 0
}
