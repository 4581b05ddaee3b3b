package sock

import (
	"errors"
	"fmt"
)

// ErrInterrupted reports that the table changed under a dump so that rows may
// be missing or doubled, and that bounded retries did not mend it. The rows
// that were delivered are real.
var ErrInterrupted = errors.New("the kernel interrupted the dump: the socket table changed while it was read")

// A NotSupportedError reports that this kernel cannot list a protocol.
type NotSupportedError struct {
	Protocol Protocol
	// Module is the kernel module that would help, such as "udp_diag".
	Module string
	// Source is where the protocol was looked for: "netlink" or "proc".
	Source string
	Err    error
}

func (e *NotSupportedError) Error() string {
	if e.Module == "" {
		return fmt.Sprintf("%s sockets cannot be listed from %s on this kernel", e.Protocol, e.Source)
	}
	return fmt.Sprintf("this kernel cannot list %s sockets from %s: module %s is missing (try: modprobe %s)",
		e.Protocol, e.Source, e.Module, e.Module)
}

// Unwrap returns the kernel's own error.
func (e *NotSupportedError) Unwrap() error { return e.Err }

// A PermissionError reports that a question needs a right the caller lacks.
type PermissionError struct {
	// What was asked for, such as "the mark of a socket".
	What string
	// Right is the capability that allows it, such as "CAP_NET_ADMIN".
	Right string
	Err   error
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("%s needs %s (run as root)", e.What, e.Right)
}

// Unwrap returns the kernel's own error.
func (e *PermissionError) Unwrap() error { return e.Err }

// An UndecidableError reports that a source does not tell what a selection
// asks about, so that any answer would be a guess.
type UndecidableError struct {
	Source string // "netlink" or "proc"
	What   string // such as "cookie, mark"
}

func (e *UndecidableError) Error() string {
	if e.Source == "proc" {
		return fmt.Sprintf("source proc cannot decide: %s; netlink can (--source netlink)", e.What)
	}
	return fmt.Sprintf("source %s cannot decide: %s", e.Source, e.What)
}
