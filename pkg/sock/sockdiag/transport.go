package sockdiag

import "time"

// A transport carries netlink datagrams. Tests replay dumps through one of
// their own.
type transport interface {
	// send sends one request and returns the sequence number that it got.
	send(kind, flags uint16, body []byte) (sequence uint32, err error)
	// receive reads one datagram into b.
	receive(b []byte) (datagram, error)
	// setDeadline makes receive fail with os.ErrDeadlineExceeded after t, also
	// one that already waits. The zero time means never.
	setDeadline(t time.Time) error
	close() error
}

// A datagram is what is known of one that was received.
type datagram struct {
	size      int
	truncated bool   // it was longer than the buffer
	sender    uint32 // netlink port: 0 is the kernel
}
