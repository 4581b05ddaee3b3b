package sockdiag

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// info reads struct tcp_info (include/uapi/linux/tcp.h). It grows with every
// few kernels, only at its end: what lies beyond the value is zero.
type info []byte

func (b info) u32(offset int) uint32 {
	if len(b) < offset+4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b[offset:])
}

func (b info) u64(offset int) uint64 {
	if len(b) < offset+8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b[offset:])
}

func (b info) milliseconds(offset int) time.Duration {
	return time.Duration(b.u32(offset)) * time.Millisecond
}

func (b info) microseconds(offset int) time.Duration {
	return time.Duration(b.u32(offset)) * time.Microsecond
}

// setTCPInfo decodes what the first version of the structure, 104 bytes, and
// later ones hold. A shorter one does not exist.
func setTCPInfo(s *sock.Socket, value []byte) {
	const first = 104
	if len(value) < first {
		return
	}
	b := info(value)
	s.Known |= sock.FieldTCPInfo
	s.TCPInfo = sock.TCPInfo{
		SendMSS:          b.u32(16),
		RecvMSS:          b.u32(20),
		LastDataSent:     b.milliseconds(44),
		LastDataReceived: b.milliseconds(52),
		LastAckReceived:  b.milliseconds(56),
		PMTU:             b.u32(60),
		RTT:              b.microseconds(68),
		RTTVariance:      b.microseconds(72),
		CongestionWindow: b.u32(80),
		Retransmits:      b.u32(100),

		BytesAcked:         b.u64(120),
		BytesReceived:      b.u64(128),
		SegmentsOut:        b.u32(136),
		SegmentsIn:         b.u32(140),
		MinRTT:             minRTT(b),
		DeliveryRate:       b.u64(160),
		BusyTime:           busyTime(b),
		BytesSent:          b.u64(200),
		BytesRetransmitted: b.u64(208),
	}
}

// minRTT is all ones as long as nothing was measured.
func minRTT(b info) time.Duration {
	const offset = 148
	if b.u32(offset) == math.MaxUint32 {
		return 0
	}
	return b.microseconds(offset)
}

func busyTime(b info) time.Duration {
	return time.Duration(min(b.u64(168), math.MaxInt64/uint64(time.Microsecond))) * time.Microsecond
}
