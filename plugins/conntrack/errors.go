package main

import (
	"errors"
	"os"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
)

// A rightError says which right is missing and the ways to give it.
type rightError struct{ err error }

func (e *rightError) Error() string {
	binary, err := os.Executable()
	if err != nil {
		binary = "the conntrack binary"
	}
	return "CAP_NET_ADMIN is needed to see flows and events: call it through sudo, " +
		"or give it the capability with setcap cap_net_admin+ep " + binary +
		", or under Munin set user root in plugin-conf.d"
}

// Unwrap is the error that the tracker gave.
func (e *rightError) Unwrap() error { return e.err }

// errInterrupted says what a table that changes means for a count.
var errInterrupted = errors.New("the connection-tracking table changed under every one of three dumps, so there is no exact count: try again")

// errNoStatistics is a kernel built without CONFIG_NF_CONNTRACK_PROCFS.
var errNoStatistics = errors.New("this kernel shows no statistics of the tracker below /proc: read them with --source netlink, which needs CAP_NET_ADMIN")

// errStopped ends a dump whose reader has gone.
var errStopped = errors.New("stopped")

// explained gives the tracker's errors the words that fit here.
func explained(err error) error {
	switch {
	case errors.Is(err, conntrack.ErrPermission):
		return &rightError{err}
	case errors.Is(err, conntrack.ErrNotLoaded):
		return conntrack.ErrNotLoaded
	default:
		return err
	}
}
