package opens

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// capture watches SYN+ACKs: those that leave answer an incoming connection, those
// that arrive an outgoing one. A handshake that is never completed shows too.
type capture struct {
	query Query
	fd    int
	lost  uint64
	local map[netip.Addr]bool
	asked time.Duration // when local was read
	seen  map[packet]time.Duration
}

const (
	captureBuffer = 8 << 20
	// repeat is how long the same answer, by its sequence number too, counts as a
	// repetition: sent again, or seen again on the device below a bridge or bond.
	repeat  = 30 * time.Second
	maxSeen = 1 << 16
)

func watchCapture(q Query) (*capture, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			return nil, failure(ErrPermission, err, "capturing packets instead needs CAP_NET_RAW (run as root)")
		}
		return nil, failure(ErrRefused, err, "capturing packets instead is refused: ", err.Error())
	}
	w := &capture{query: q, fd: fd, seen: map[packet]time.Duration{}}
	filter := synAckFilter()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// Bound to a protocol only after the filter is there: nothing else gets in.
	every := binary.BigEndian.Uint16(order.AppendUint16(nil, unix.ETH_P_ALL))
	err = errors.Join(
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: every}),
	)
	if err != nil {
		_ = w.Close()
		return nil, failure(ErrRefused, err, "capturing packets instead is refused: ", err.Error())
	}
	// More than the limit of others is for CAP_NET_ADMIN; what is lost is said.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer)
	return w, nil
}

// synAckFilter is classic BPF on a packet from the network header on.
func synAckFilter() []unix.SockFilter {
	const (
		loadByte, loadHalf, loadIndexed = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, unix.BPF_LD | unix.BPF_B | unix.BPF_IND
		headLength                      = unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH
		and                             = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
		equal, anyBit                   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret                             = unix.BPF_RET | unix.BPF_K
	)
	// Jumps count from the next instruction; 16 refuses, 17 accepts.
	return []unix.SockFilter{
		0:  {Code: loadByte, K: 0}, // version
		1:  {Code: and, K: 0xf0},
		2:  {Code: equal, K: 0x40, Jt: 4 - 3},
		3:  {Code: equal, K: 0x60, Jt: 11 - 4, Jf: 16 - 4},
		4:  {Code: loadByte, K: 9}, // IPv4: protocol
		5:  {Code: equal, K: unix.IPPROTO_TCP, Jf: 16 - 6},
		6:  {Code: loadHalf, K: 6}, // fragment offset
		7:  {Code: anyBit, K: 0x1fff, Jt: 16 - 8},
		8:  {Code: headLength, K: 0},
		9:  {Code: loadIndexed, K: 13}, // flags
		10: {Code: unix.BPF_JMP | unix.BPF_JA, K: 14 - 11},
		11: {Code: loadByte, K: 6}, // IPv6: next header
		12: {Code: equal, K: unix.IPPROTO_TCP, Jf: 16 - 13},
		13: {Code: loadByte, K: 40 + 13}, // flags
		14: {Code: and, K: 0x17},
		15: {Code: equal, K: 0x12, Jt: 17 - 16},
		16: {Code: ret, K: 0},
		17: {Code: ret, K: 128},
	}
}

// Run implements [Watcher].
func (w *capture) Run(ctx context.Context, visit func(Event) error) error {
	buffer := make([]byte, 256)
	poll := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	for ctx.Err() == nil {
		n, from, err := unix.Recvfrom(w.fd, buffer, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			const ms = 100 // how late the end of the context is seen
			if _, err := unix.Poll(poll, ms); err != nil && !errors.Is(err, unix.EINTR) {
				return readFailure(err)
			}
			continue
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN):
			continue
		case err != nil:
			return readFailure(err)
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if !ok {
			continue
		}
		if event, ok := w.event(buffer[:n], link.Pkttype); ok && w.query.wants(event.Service) {
			if err := visit(event); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *capture) event(data []byte, kind uint8) (e Event, ok bool) {
	p, ok := parsePacket(data)
	if !ok {
		return Event{}, false
	}
	e.Time = sinceBoot()
	switch kind {
	case unix.PACKET_OUTGOING:
		e.Service, e.Addr, e.Other = Service{p.from.Port(), In}, p.to.Addr(), p.to.Port()
		ok = w.isLocal(p.from.Addr(), e.Time)
	case unix.PACKET_HOST:
		e.Service, e.Addr, e.Other = Service{p.from.Port(), Out}, p.from.Addr(), p.to.Port()
		ok = w.isLocal(p.to.Addr(), e.Time)
		p.from, p.to = p.to, p.from // loopback shows the same packet as both
	default:
		return Event{}, false
	}
	return e, ok && !w.repeated(p, e.Time)
}

// isLocal tells what is ours from what we forward. Addresses come and go: a miss
// looks again, once a second.
func (w *capture) isLocal(addr netip.Addr, now time.Duration) bool {
	if addr.IsLoopback() || w.local[addr] {
		return true
	}
	if w.local == nil || now-w.asked > time.Second {
		w.local, w.asked = localAddresses(), now
	}
	return w.local[addr]
}

func localAddresses() map[netip.Addr]bool {
	local := map[netip.Addr]bool{}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return local
	}
	for _, item := range list {
		if prefix, err := netip.ParsePrefix(item.String()); err == nil {
			local[prefix.Addr().Unmap()] = true
		}
	}
	return local
}

func (w *capture) repeated(p packet, now time.Duration) bool {
	if last, ok := w.seen[p]; ok && now-last < repeat {
		return true
	}
	if len(w.seen) >= maxSeen {
		for old, last := range w.seen {
			if now-last >= repeat {
				delete(w.seen, old)
			}
		}
		if len(w.seen) >= maxSeen {
			clear(w.seen)
		}
	}
	w.seen[p] = now
	return false
}

// Lost implements [Watcher].
func (w *capture) Lost() uint64 {
	// Reading the statistics sets them to zero.
	if stats, err := unix.GetsockoptTpacketStats(w.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		w.lost += uint64(stats.Drops)
	}
	return w.lost
}

// Source implements [Watcher].
func (w *capture) Source() string { return "captured SYN+ACKs, answered attempts" }

// Close ends the capture.
func (w *capture) Close() error { return unix.Close(w.fd) }
