package opens

import (
	"context"
	"net/netip"
	"time"
)

// An Event is one connection as it opens.
type Event struct {
	Service
	Addr  netip.Addr    // the peer; an IPv4 address is never in its mapped form
	Other uint16        // the port that is not the service's
	Time  time.Duration // since boot
}

// A Watcher hands over connections as they open. It takes part in no counting:
// nothing of it is pinned, and it ends with its process.
type Watcher interface {
	// Run calls visit for each connection until the context ends, which is no error,
	// or visit returns one.
	Run(ctx context.Context, visit func(Event) error) error
	// Lost is how many connections came faster than they were handed over.
	Lost() uint64
	// Source says in a few words where the events come from.
	Source() string
	Close() error
}
