package sockdiag

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A MalformedError reports a reply that does not have the form that the kernel
// promises.
type MalformedError struct {
	Problem string
}

func (e *MalformedError) Error() string {
	return "the kernel's reply about sockets cannot be read: " + e.Problem
}

func malformed(problem string) error { return &MalformedError{problem} }

// An OpError reports a netlink operation that failed: "dial", "send",
// "receive", or "dump" when the kernel gave the error itself.
type OpError struct {
	Op  string
	Err error
}

func (e *OpError) Error() string {
	return fmt.Sprintf("netlink %s of the socket table failed: %v", e.Op, e.Err)
}

// Unwrap returns the error of the operating system.
func (e *OpError) Unwrap() error { return e.Err }

// ErrClosed reports the use of a Conn after Close.
var ErrClosed = errors.New("the netlink connection for sockets is closed")

// ErrBusy reports a Dump from within the yield of another one: use a second
// Conn.
var ErrBusy = errors.New("the netlink connection for sockets is in the middle of a dump")

// A refusal is an error number with which the kernel answered a request before
// any row.
type refusal struct{ errno syscall.Errno }

func (e *refusal) Error() string { return e.errno.Error() }

// missing reports whether the kernel refused because it does not know what was
// asked for, rather than because of who asked or how busy it is.
func (e *refusal) missing() bool {
	switch e.errno {
	case syscall.ENOENT, syscall.EOPNOTSUPP, syscall.ECONNREFUSED, syscall.EINVAL, syscall.EPROTONOSUPPORT, syscall.EAFNOSUPPORT:
		return true
	default:
		return false
	}
}

// explain turns the kernel's refusal into what it means for the caller.
func (e *refusal) explain(p sock.Protocol, marks bool) error {
	switch {
	case marks && (e.errno == syscall.EPERM || e.errno == syscall.EACCES):
		return &sock.PermissionError{What: "selecting sockets by their mark", Right: "CAP_NET_ADMIN", Err: e.errno}
	case e.missing():
		return &sock.NotSupportedError{Protocol: p, Module: module(p), Source: "netlink", Err: e.errno}
	default:
		return &OpError{Op: "dump", Err: e.errno}
	}
}

// module names the kernel module that lists a protocol. UDP-Lite is part of
// udp_diag.
func module(p sock.Protocol) string {
	switch p {
	case sock.UDPLite:
		return "udp_diag"
	case sock.Packet:
		return "af_packet_diag"
	default:
		return p.String() + "_diag"
	}
}
