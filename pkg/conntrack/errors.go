package conntrack

import (
	"errors"
	"strconv"
)

// What can go wrong, to be matched with errors.Is.
var (
	// ErrPermission says that the caller lacks CAP_NET_ADMIN.
	ErrPermission = errors.New("CAP_NET_ADMIN is needed to read the connection-tracking table: " +
		"run as root, through sudo, or give the program the capability with setcap cap_net_admin+ep")

	// ErrNamespacePermission says that another network namespace may not be
	// entered.
	ErrNamespacePermission = errors.New("CAP_SYS_ADMIN is needed to look into another network namespace: run as root or through sudo")

	// ErrNotLoaded says that this kernel has no connection tracking now.
	ErrNotLoaded = errors.New("connection tracking is not loaded: a firewall rule that uses it " +
		"(nftables ct state, iptables -m conntrack, NAT) loads it, and so does modprobe nf_conntrack")

	// ErrNoNetlink says that the tracker is there but its netlink interface
	// is not.
	ErrNoNetlink = errors.New("the kernel does not answer about flows: load its interface with modprobe nf_conntrack_netlink")

	// ErrInterrupted says that the table changed so that entries may be
	// missing or double. Every entry that the kernel sent was delivered.
	ErrInterrupted = errors.New("the connection-tracking table changed while it was read, so entries may be missing or double: try again")

	// ErrMalformed says that bytes are not what ctnetlink sends.
	ErrMalformed = errors.New("malformed ctnetlink message")

	// ErrNotSupported says that this operating system has no ctnetlink.
	ErrNotSupported = errors.New("connection tracking can be read on Linux only")

	// ErrTruncated says that a message was larger than the receive buffer.
	ErrTruncated = errors.New("a netlink message is larger than the receive buffer")
)

// An OpError is a failed operation on the tracker. Reason is one of the
// package's errors, or nil; Err is what the system said.
type OpError struct {
	Op     string
	Reason error
	Err    error
}

// Error implements error. The reason, where there is one, is a sentence that
// says what to do, so the system's own words are left out then.
func (e *OpError) Error() string {
	if e.Reason != nil {
		return "conntrack " + e.Op + ": " + e.Reason.Error()
	}
	return "conntrack " + e.Op + ": " + e.Err.Error()
}

// Unwrap makes both the reason and the system's error visible to errors.Is.
func (e *OpError) Unwrap() []error {
	var all []error
	if e.Reason != nil {
		all = append(all, e.Reason)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}

// malformed is an ErrMalformed that says which attribute it was.
func malformed(what string, length int) error {
	return &OpError{Op: "decode", Err: &malformedError{what: what, length: length}}
}

type malformedError struct {
	what   string
	length int
}

func (e *malformedError) Error() string {
	return ErrMalformed.Error() + ": " + e.what + " of " + strconv.Itoa(e.length) + " bytes"
}

func (e *malformedError) Is(target error) bool { return target == ErrMalformed }
