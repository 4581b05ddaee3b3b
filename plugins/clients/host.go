package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// A host is where connections are looked at: this one, or one that a test
// makes up.
type host interface {
	// open prepares looking at the socket table.
	open(q scan.Query) (table, error)
	// boot and namespace name whose cookies the table shows.
	boot(q scan.Query) ([16]byte, error)
	namespace(q scan.Query) (uint64, error)
	// clock is the time since boot, with and without the time spent suspended.
	clock() (sinceBoot, uptime time.Duration, err error)
	// sleep waits for a while, or until the context ends.
	sleep(ctx context.Context, d time.Duration) error
}

// A table is a socket table that can be looked at several times.
type table interface {
	Count(ctx context.Context, reset func(), yield func(*sock.Socket) error) error
	Plan() scan.Plan
	Close()
}

// kernel is the host that we run on.
type kernel struct{}

func (kernel) open(q scan.Query) (table, error) { return scan.Open(q) }

func (kernel) clock() (sinceBoot, uptime time.Duration, err error) {
	if uptime, err = monotonic(); err != nil {
		return 0, 0, err
	}
	sinceBoot, err = state.BootClock()
	return sinceBoot, uptime, err
}

func (kernel) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (kernel) boot(q scan.Query) (id [16]byte, err error) {
	text, err := q.Root.BootID()
	if err != nil {
		return id, err
	}
	digits, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(digits) != len(id) {
		return id, fmt.Errorf("the boot id of the kernel reads %s, which is none", quote.Text(text))
	}
	copy(id[:], digits)
	return id, nil
}

// namespace is the cookie of the network namespace, or on kernels that have none
// (before Linux 5.14) a number made of its inode. An inode's number is given
// again. That matters before Linux 5.4, where each namespace counts the cookies of
// its sockets anew: there a namespace in the place of another, as that of a
// container after a restart, can inherit the other's ages.
func (kernel) namespace(q scan.Query) (uint64, error) {
	if !q.NetNS.IsSet() {
		return namespaceOr(netns.Current)
	}
	handle, err := q.NetNS.Open(q.Root.ProcRoot())
	if err != nil {
		return 0, err
	}
	defer handle.Close()
	var cookie uint64
	err = handle.Do(func() (err error) {
		cookie, err = namespaceOr(func() (netns.ID, error) { return handle.ID(), nil })
		return err
	})
	return cookie, err
}

func namespaceOr(identify func() (netns.ID, error)) (uint64, error) {
	cookie, err := netns.Cookie()
	if !errors.Is(err, errors.ErrUnsupported) {
		return cookie, err
	}
	id, err := identify()
	if err != nil {
		return 0, err
	}
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%d %d", id.Device, id.Inode)
	return hash.Sum64(), nil
}
