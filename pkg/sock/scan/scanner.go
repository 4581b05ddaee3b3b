package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/procnet"
	"github.com/sockcensus/sockcensus/pkg/sock/sockdiag"
)

// A Scanner enumerates what a Query selects. It keeps one netlink socket open
// and no socket of the table.
type Scanner struct {
	query  Query
	tables []Table
	ns     *netns.Handle
	conn   *sockdiag.Conn
	// refused is why netlink cannot be asked, where that is known.
	refused error
	plan    Plan
}

// Open prepares the enumeration. It fails where the namespace cannot be
// looked into at all; whether a protocol can be listed shows when it is read.
func Open(q Query) (*Scanner, error) {
	s := &Scanner{query: q, tables: q.tables()}
	if q.NetNS.IsSet() {
		ns, err := q.NetNS.Open(q.Root.ProcRoot())
		if err != nil {
			return nil, err
		}
		s.ns = ns
	}
	if q.Source != Proc {
		s.conn, s.refused = s.dial()
		if s.refused != nil && (q.Source == Netlink || errors.Is(s.refused, fs.ErrPermission) && !s.canReadProc()) {
			err := s.refused
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// dial opens the netlink socket in the namespace of the query.
func (s *Scanner) dial() (*sockdiag.Conn, error) {
	if s.ns == nil {
		return sockdiag.Dial(0)
	}
	if s.ns.Fd() < 0 {
		return nil, s.noRight(fs.ErrPermission)
	}
	conn, err := sockdiag.Dial(s.ns.Fd())
	if errors.Is(err, fs.ErrPermission) {
		return nil, s.noRight(err)
	}
	return conn, err
}

// noRight says that entering the namespace takes a right, and what can be had
// without it, unless that is what the scanner does.
func (s *Scanner) noRight(err error) error {
	if s.query.Source == Netlink || !s.canReadProc() {
		return s.ns.Forbidden(err)
	}
	return &sock.PermissionError{
		What:  fmt.Sprintf("looking into network namespace %s by netlink", s.ns.Ref()),
		Right: "CAP_SYS_ADMIN", Err: err,
	}
}

// canReadProc reports whether /proc can tell about the namespace without
// entering it.
func (s *Scanner) canReadProc() bool { return s.ns == nil || s.ns.NetDir() != "" }

// Close gives back what Open took.
func (s *Scanner) Close() {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.ns != nil {
		s.ns.Close()
	}
}

// Plan tells how the sockets were found so far.
func (s *Scanner) Plan() Plan { return s.plan }

// Each calls yield for every socket that the query selects. The socket is
// reused: copy what has to outlive the call. An error of yield ends the
// enumeration and is returned. sock.ErrInterrupted comes after the last
// socket when the kernel reports that the table changed under the dump.
func (s *Scanner) Each(ctx context.Context, yield func(*sock.Socket) error) error {
	keep := s.query.Keep
	var interrupted error
	for _, t := range s.tables {
		err := s.walk(ctx, t, func(row *sock.Socket) error {
			if keep != nil && !keep(row) {
				return nil
			}
			return yield(row)
		})
		switch {
		case errors.Is(err, sock.ErrInterrupted):
			interrupted = err
		case err != nil:
			return err
		}
	}
	return interrupted
}

// attempts is how often an interrupted dump is made before its result is
// given up as a count.
const attempts = 3

// Count is Each for those who can start again: after an interrupted dump it
// calls reset and walks once more, a bounded number of times.
func (s *Scanner) Count(ctx context.Context, reset func(), yield func(*sock.Socket) error) error {
	var err error
	for range attempts {
		reset()
		if err = s.Each(ctx, yield); !errors.Is(err, sock.ErrInterrupted) {
			return err
		}
	}
	return err
}

// walk lists one table from the source that can.
func (s *Scanner) walk(ctx context.Context, t Table, yield func(*sock.Socket) error) error {
	if s.conn == nil {
		if s.query.Source == Auto {
			s.plan.note(fmt.Sprintf("read from /proc, because %v", s.refused))
		}
		return s.walkProc(ctx, t, yield)
	}
	rows := 0
	err := s.walkNetlink(ctx, t, func(row *sock.Socket) error {
		rows++
		return yield(row)
	})
	var missing *sock.NotSupportedError
	if rows > 0 || s.query.Source != Auto || !errors.As(err, &missing) {
		return err
	}
	procErr := s.walkProc(ctx, t, yield)
	switch {
	case procErr == nil:
		s.plan.note(fmt.Sprintf("%s read from /proc, because %v", t.Protocol, err))
		return nil
	case errors.As(procErr, &missing):
		return err // neither knows the protocol: the module is the better advice
	default:
		return fmt.Errorf("%w; and %w", err, procErr)
	}
}

func (s *Scanner) walkNetlink(ctx context.Context, t Table, yield func(*sock.Socket) error) error {
	return s.dump(ctx, s.request(t), yield)
}

// dump makes one walk by netlink and notes it in the plan.
func (s *Scanner) dump(ctx context.Context, request sockdiag.Request, yield func(*sock.Socket) error) error {
	stats, err := s.conn.Dump(ctx, request, yield)
	if err == nil || errors.Is(err, sock.ErrInterrupted) || stats.Received > 0 {
		s.plan.answered("netlink")
		s.plan.step(netlinkWalk{request, stats})
	}
	return err
}

func (s *Scanner) walkProc(ctx context.Context, t Table, yield func(*sock.Socket) error) error {
	if t.Protocol.HasStates() && t.States.Only(sock.BoundInactive) {
		return &sock.UndecidableError{Source: "proc", What: "state " + sock.BoundInactive.String()}
	}
	request := procnet.Request{Protocol: t.Protocol, Families: s.query.Families, States: t.States, Filter: s.query.Filter, Want: s.query.Need}
	err := s.inNamespace(func(dir string) error {
		return procnet.Open(dir).Dump(ctx, request, yield)
	})
	if err == nil {
		s.plan.answered("proc")
		if t.Protocol == sock.TCP { // what is bound and nothing more stands in none of its files
			s.plan.Untold |= t.States & sock.StatesOf(sock.BoundInactive)
		}
		s.plan.step(remark(t.Protocol.String() + ": the files of /proc/net line by line"))
	}
	return err
}

// inNamespace calls read with the directory that holds the tables of the
// query's namespace.
func (s *Scanner) inNamespace(read func(dir string) error) error {
	switch {
	case s.ns == nil:
		return read(s.query.Root.NetDir())
	case s.ns.NetDir() != "":
		return read(s.ns.NetDir())
	default:
		return s.ns.Do(func() error { return read(s.query.Root.NetDir()) })
	}
}

// InNetDir calls read with the directory that holds the network tables of the
// query's namespace, for the counters that stand beside the sockets.
func InNetDir(q Query, read func(dir string) error) error {
	s := &Scanner{query: q}
	if q.NetNS.IsSet() {
		ns, err := q.NetNS.Open(q.Root.ProcRoot())
		if err != nil {
			return err
		}
		s.ns = ns
		defer ns.Close()
	}
	return s.inNamespace(read)
}
