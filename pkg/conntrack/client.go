package conntrack

import (
	"context"
	"errors"
)

// bufferSize holds the largest message of a dump: the kernel fills at most
// 32 KiB at a time.
const bufferSize = 32 << 10

// A Config says which table a Client reads. The zero value is the table of the
// network namespace of the calling thread.
type Config struct {
	// NetNS is an open file descriptor of another network namespace, such as
	// /run/netns/NAME or /proc/PID/ns/net; 0 is the caller's own. Entering
	// one needs CAP_SYS_ADMIN. It must stay open while the Client is used.
	NetNS int

	// NoKernelFilter decides every condition but the family in user space,
	// as happens by itself on kernels that cannot. The results are the same.
	NoKernelFilter bool
}

// A Client asks the tracker over netlink. Every call needs CAP_NET_ADMIN and
// opens a socket of its own, so a Client may be used from several goroutines
// and needs no closing.
type Client struct {
	config Config
	dial   func() (transport, error)
}

// A transport is a netlink socket that speaks to the kernel.
type transport interface {
	send(b []byte) error

	// receive waits for the next datagram and reads it into b.
	receive(b []byte) (int, error)

	// cancel makes a waiting receive, and every later one, fail.
	cancel()

	close() error
}

// New makes a Client. It talks to nobody yet.
func New(config Config) *Client {
	return &Client{config: config, dial: func() (transport, error) { return dial(config.NetNS) }}
}

// A session is one request and its replies on a socket of their own.
type session struct {
	ctx  context.Context
	op   string
	t    transport
	stop func() bool
	seq  uint32
	buf  []byte
}

// open starts a session that ends when the context does.
func (c *Client) open(ctx context.Context, op string) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, &OpError{Op: op, Err: err}
	}
	t, err := c.dial()
	if err != nil {
		return nil, explain(op, err)
	}
	return &session{
		ctx:  ctx,
		op:   op,
		t:    t,
		stop: context.AfterFunc(ctx, t.cancel),
		buf:  make([]byte, bufferSize),
	}, nil
}

func (s *session) close() {
	s.stop()
	s.t.close()
}

// fail explains an error: the context's, where it was the reason.
func (s *session) fail(err error) error {
	if cause := context.Cause(s.ctx); cause != nil {
		return &OpError{Op: s.op, Err: cause}
	}
	return explain(s.op, err)
}

// errStop ends a walk over replies early, without being an error.
var errStop = errors.New("stop")

// request sends one request and calls fn with each message of the answer. The
// answer of a dump ends with "done", any other with its only message.
func (s *session) request(marshal func(b []byte, seq uint32) []byte, fn func(message) error) error {
	s.seq++
	if err := s.t.send(marshal(nil, s.seq)); err != nil {
		return err
	}
	interrupted := false
	for {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		n, err := s.t.receive(s.buf)
		if err != nil {
			return err
		}
		done, err := s.datagram(s.buf[:n], &interrupted, fn)
		switch {
		case err == errStop:
			return nil
		case err != nil:
			return err
		case done && interrupted:
			return ErrInterrupted
		case done:
			return nil
		}
	}
}

// datagram walks over the messages of one datagram.
func (s *session) datagram(b []byte, interrupted *bool, fn func(message) error) (done bool, err error) {
	for len(b) > 0 {
		var m message
		m, b, err = nextMessage(b)
		if err != nil {
			return false, err
		}
		if m.seq != s.seq {
			continue // the rest of something else
		}
		*interrupted = *interrupted || m.flags&flagInterrupted != 0
		if m.kind == typeDone || m.kind == typeError {
			return true, replyError(m)
		}
		if err := fn(m); err != nil {
			return false, err
		}
	}
	return false, nil
}
