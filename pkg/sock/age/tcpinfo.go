package age

import (
	"math"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// slack is what the kernel's times may be too long by. They are differences of
// jiffies, the longest of which is 10 ms (CONFIG_HZ=100), and a virtual machine
// that was not run for a while counts some of them late: 14 ms were seen.
const slack = 50 * time.Millisecond

// OfTCPInfo is what the kernel's own times prove: the least age of a connection on
// which nothing happened for a while. uptime is the time since boot without
// suspend (CLOCK_MONOTONIC), read after the socket.
//
// A connection starts these times when its handshake is complete, so they prove
// an age even if nothing was ever sent. Where a kernel has not set one of them, it
// shows the time since its counter of jiffies was 0, which is five minutes after
// boot; kernels before 4.11 do so with LastDataReceived of a connection that has
// received nothing, and every kernel does before a handshake. A value that could
// be this, or that is longer than the host is up, proves nothing.
//
// Of these times the kernel keeps BusyTime when a program disconnects a socket
// (connect(2) to AF_UNSPEC), and hands it on to what is accepted if it listens
// then. So it counts only for a connection that has sent something itself; of one
// on a socket that had another life before, that may still be too much.
//
// Kernel: net/ipv4/tcp.c, tcp_get_info; net/ipv4/tcp_minisocks.c,
// tcp_create_openreq_child; net/ipv4/tcp_input.c, tcp_finish_connect.
func OfTCPInfo(s *sock.Socket, uptime time.Duration) Age {
	a := Unknown()
	if !s.Known.Has(sock.FieldTCPInfo) || !hasTimes(s.State) {
		return a
	}
	info := &s.TCPInfo
	for _, idle := range [...]time.Duration{info.LastDataSent, info.LastDataReceived, info.LastAckReceived} {
		if idle <= uptime && !sinceNever(idle, uptime) {
			a.Min = max(a.Min, idle-slack)
		}
	}
	if info.BusyTime <= uptime && hasSent(info) {
		a.Min = max(a.Min, info.BusyTime-slack)
	}
	return a
}

// hasSent reports whether a connection has sent data. BytesSent needs Linux 4.19,
// and in BytesAcked the SYN counts as one.
func hasSent(info *sock.TCPInfo) bool { return info.BytesSent > 0 || info.BytesAcked > 1 }

// hasTimes reports whether a socket in that state has completed a handshake and
// still has its times.
func hasTimes(s sock.State) bool {
	switch s {
	case sock.Established, sock.FinWait1, sock.FinWait2, sock.CloseWait, sock.LastAck, sock.Closing:
		return true
	}
	return false
}

// The kernel starts its jiffies at five minutes before an overflow, to make
// overflows happen (INITIAL_JIFFIES, include/linux/jiffies.h), and shows times as
// 32 bits of milliseconds.
const (
	jiffiesZero = 300 * time.Second
	wrap        = (math.MaxUint32 + 1) * time.Millisecond
	// tolerance is for the time between reading the socket and the clock.
	tolerance = 3 * time.Second
	// drift is for old kernels whose jiffies lose ticks: a part of the uptime.
	drift = 10_000
)

// sinceNever reports whether an idle time may be the one of a timestamp that was
// never set.
func sinceNever(idle, uptime time.Duration) bool {
	off := (uptime - jiffiesZero - idle) % wrap
	if off < 0 {
		off += wrap
	}
	margin := tolerance + uptime/drift
	return off <= margin || off >= wrap-margin
}
