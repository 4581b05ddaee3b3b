package sock

import "time"

// TCPInfo is the part of struct tcp_info (include/uapi/linux/tcp.h) that
// people ask about. Fields that an older kernel does not report are zero.
type TCPInfo struct {
	RTT, RTTVariance              time.Duration
	MinRTT                        time.Duration
	LastDataSent                  time.Duration // since data was last sent
	LastDataReceived              time.Duration
	LastAckReceived               time.Duration
	BusyTime                      time.Duration // total time with data to send, Linux 4.10
	BytesAcked, BytesReceived     uint64
	BytesSent, BytesRetransmitted uint64
	SegmentsOut, SegmentsIn       uint32
	Retransmits                   uint32 // total
	CongestionWindow              uint32
	PMTU, SendMSS, RecvMSS        uint32
	DeliveryRate                  uint64 // bytes per second
}
