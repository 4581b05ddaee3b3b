package sockdiag

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// bufferSize holds the largest datagram that the kernel makes of a dump.
const bufferSize = 32 << 10

// A Conn asks the kernel for sockets. It is for one goroutine at a time.
type Conn struct {
	dial    func() (transport, error)
	release func() error
	// link is nil when the next dump has to open a new socket, because the
	// last one was left before its end.
	link   transport
	closed bool
	busy   bool

	buffer []byte
	row    sock.Socket
	// twoWalks tells that the kernel refused the request for both families.
	twoWalks bool
}

// Dial opens a netlink socket in the network namespace that the descriptor
// netns is open on, which takes CAP_SYS_ADMIN; 0 means the namespace of the
// calling thread. A failure is an *OpError.
func Dial(netns int) (*Conn, error) {
	fd, release, err := keepNamespace(netns)
	if err != nil {
		return nil, &OpError{Op: "dial", Err: err}
	}
	c, err := newConn(func() (transport, error) { return dialLink(fd) })
	if err != nil {
		return nil, errors.Join(err, release())
	}
	c.release = release
	return c, nil
}

// newConn makes a Conn on what dial opens.
func newConn(dial func() (transport, error)) (*Conn, error) {
	link, err := dial()
	if err != nil {
		return nil, &OpError{Op: "dial", Err: err}
	}
	return &Conn{dial: dial, link: link, release: func() error { return nil }}, nil
}

// Close closes the netlink socket.
func (c *Conn) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	return errors.Join(c.hangUp(), c.release())
}

// hangUp closes the socket and with it a dump that is under way: that is
// cheaper than to read the rest.
func (c *Conn) hangUp() error {
	if c.link == nil {
		return nil
	}
	err := c.link.close()
	c.link = nil
	return err
}

// Dump calls yield for every socket that r asks for. The socket is reused:
// copy what has to outlive the call. An error of yield ends the dump and is
// returned as it is. The Conn can be used again after any error.
//
// Known of each socket says which parts of it hold a value. What was not
// wanted may be known nevertheless.
//
// Errors before the first row, besides those of yield and the context's:
//   - *sock.NotSupportedError when this kernel cannot list the protocol
//   - *sock.PermissionError when r.Filter asks for marks without CAP_NET_ADMIN
//   - *sock.UndecidableError when r.Filter asks what the kernel does not tell
//
// After the last row: sock.ErrInterrupted, wrapped, when the kernel says that
// the table changed under the dump. Every row was yielded by then and cannot be
// taken back, so it is the caller who starts again, or not.
//
// At any time: *OpError, *MalformedError.
func (c *Conn) Dump(ctx context.Context, r Request, yield func(*sock.Socket) error) (Stats, error) {
	switch {
	case c.closed:
		return Stats{}, ErrClosed
	case c.busy:
		return Stats{}, ErrBusy
	}
	c.busy = true
	returned := false
	defer func() {
		c.busy = false
		if !returned { // yield panicked, and the dump is still under way
			c.hangUp()
		}
	}()
	stats, err := c.dump(ctx, &r, yield)
	returned = true
	return stats, err
}

func (c *Conn) dump(ctx context.Context, r *Request, yield func(*sock.Socket) error) (Stats, error) {
	var stats Stats
	if err := decidable(r); err != nil {
		return stats, err
	}
	if err := ctx.Err(); err != nil {
		return stats, err
	}
	stop, err := c.watch(ctx)
	if err != nil {
		return stats, err
	}
	c.row = sock.Socket{}
	d := dump{conn: c, ctx: ctx, request: r, stats: &stats, yield: yield, states: r.states()}
	err = d.run()
	if stopErr := stop(); err == nil && stopErr != nil {
		c.hangUp()
	}
	if d.interrupted && err == nil {
		err = fmt.Errorf("%s sockets: %w", r.Protocol, sock.ErrInterrupted)
	}
	return stats, err
}

// decidable returns an error if the kernel tells too little about sockets of
// the protocol to match the filter.
func decidable(r *Request) error {
	lacks := sock.Fields(0)
	switch r.Protocol {
	case sock.Unix:
		lacks = sock.FieldMark | sock.FieldCgroup
	case sock.Packet:
		lacks = sock.FieldMark | sock.FieldCgroup
	}
	if lacks &= filter.Needs(r.Filter); lacks != 0 {
		return &sock.UndecidableError{Source: "netlink", What: fmt.Sprintf("%s of %s sockets", lacks, r.Protocol)}
	}
	return nil
}
