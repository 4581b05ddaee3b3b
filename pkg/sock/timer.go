package sock

import "time"

// A TimerKind says which timer of a TCP socket runs (net/ipv4/inet_diag.c,
// idiag_timer).
type TimerKind uint8

// The timers.
const (
	TimerOff TimerKind = iota
	TimerRetransmit
	TimerKeepalive
	TimerTimeWait
	TimerPersist
)

// String returns the name that ss(8) prints.
func (k TimerKind) String() string {
	switch k {
	case TimerOff:
		return "off"
	case TimerRetransmit:
		return "on"
	case TimerKeepalive:
		return "keepalive"
	case TimerTimeWait:
		return "timewait"
	case TimerPersist:
		return "persist"
	default:
		return "unknown"
	}
}

// A Timer is the timer of a TCP socket that runs now.
type Timer struct {
	Kind TimerKind
	// Expires is the time until the timer fires.
	Expires time.Duration
	// Retransmits counts the retransmissions, probes or keepalives so far.
	Retransmits uint8
}
