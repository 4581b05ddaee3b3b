package procnet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// A Source is a directory of tables. It can be used again and again, by one
// goroutine at a time.
type Source struct {
	dir       string
	bigEndian bool
	lines     *kernfs.Lines
}

// Open returns the source for a directory such as /proc/thread-self/net. Nothing
// is read yet.
func Open(netDir string) *Source {
	return &Source{dir: netDir, bigEndian: hostIsBigEndian()}
}

// A Request says which sockets to deliver.
type Request struct {
	Protocol sock.Protocol
	Families sock.Families // zero = all
	States   sock.StateSet // NoStates = all
	// Filter is what a socket has to match, nil = every socket.
	Filter filter.Expr
	// Want is what the caller will read from Known: parts that the tables lack are
	// an error before the first row instead of sockets without them.
	Want sock.Fields
	// Stats, where it is not nil, is told how the listing went.
	Stats *Stats
}

// Stats tells how a listing went.
type Stats struct {
	Rows int // rows read, matching or not
	// Missing are the tables that this kernel does not have although the request
	// would have read them, such as tcp6 where IPv6 is switched off.
	Missing []string
}

// Dump delivers the sockets that the request selects. The *sock.Socket is reused:
// copy what has to outlive a row. An error from yield ends the dump and is
// returned.
//
// Errors: [sock.UndecidableError], before the first row, where the tables do not
// tell what is asked; [sock.NotSupportedError] where the kernel has no table of
// the protocol, or none of IPv6 when nothing but IPv6 is asked for;
// [MalformedError] after the last row where lines could not be read.
func (s *Source) Dump(ctx context.Context, r Request, yield func(*sock.Socket) error) error {
	if err := r.undecidable(); err != nil {
		return err
	}
	all := tables(r.Protocol)
	if len(all) == 0 {
		return notSupported(r.Protocol)
	}
	if r.Stats == nil {
		r.Stats = new(Stats)
	}
	*r.Stats = Stats{}
	var malformed *MalformedError
	for _, t := range all {
		if !t.selected(r.Families) {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		t.bigEndian = s.bigEndian
		err := s.dumpTable(ctx, &t, &r, yield, &malformed)
		if errors.Is(err, fs.ErrNotExist) {
			if err := s.missing(&t, r.Families); err != nil {
				return err
			}
			r.Stats.Missing = append(r.Stats.Missing, t.name)
			continue
		}
		if err != nil {
			return err
		}
	}
	if malformed != nil {
		return malformed
	}
	return nil
}

// selected reports whether the table can hold sockets of the families. An
// IPv4 connection may be in either internet table.
func (t *table) selected(families sock.Families) bool {
	switch {
	case !t.protocol.Internet():
		return families.Has(sock.NoFamily)
	case t.protocol == sock.SCTP:
		return families.Has(sock.IPv4) || families.Has(sock.IPv6)
	case t.v6:
		return families.Has(sock.IPv4) || families.Has(sock.IPv6)
	}
	return families.Has(sock.IPv4)
}

func (s *Source) dumpTable(ctx context.Context, t *table, r *Request, yield func(*sock.Socket) error, malformed **MalformedError) error {
	path := filepath.Join(s.dir, t.name)
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if s.lines == nil {
		s.lines = kernfs.NewLines(file)
	} else {
		s.lines.Reset(file)
	}
	bad := func(number int, text []byte, problem string) {
		if *malformed == nil {
			*malformed = &MalformedError{Path: path, Line: number, Text: quotable(text), Problem: problem}
		}
		(*malformed).Count++
	}
	err = t.read(ctx, s.lines, func(row *sock.Socket) error {
		r.Stats.Rows++
		if !r.selects(row) {
			return nil
		}
		return yield(row)
	}, bad)
	if err != nil && errors.Is(err, kernfs.ErrTooLarge) {
		return &kernfs.FileError{Path: path, Err: err}
	}
	return err
}

func (r *Request) selects(s *sock.Socket) bool {
	if r.States != sock.NoStates && !r.States.Has(s.State) {
		return false
	}
	if !r.Families.Has(s.Family) {
		return false
	}
	return r.Filter == nil || r.Filter.Match(s)
}

// missing judges a table that is not there. That of IPv6 may be missing when IPv4
// is asked for as well: IPv6 is switched off and has no sockets. A directory that
// is gone, such as that of a process which has ended, is the system's own error.
func (s *Source) missing(t *table, families sock.Families) error {
	if _, err := os.Stat(s.dir); err != nil {
		return err
	}
	switch {
	case !t.v6:
		return notSupported(t.protocol)
	case families.Has(sock.IPv4):
		return nil
	}
	return fmt.Errorf("no IPv6 here, %s has no %s: %w", s.dir, t.name, notSupported(t.protocol))
}

func notSupported(p sock.Protocol) error {
	return &sock.NotSupportedError{Protocol: p, Module: moduleOf(p), Source: "proc", Err: fs.ErrNotExist}
}

// moduleOf is the kernel module whose loading makes the tables appear. The other
// protocols are not modules.
func moduleOf(p sock.Protocol) string {
	switch p {
	case sock.SCTP:
		return "sctp"
	case sock.Unix:
		return "unix"
	case sock.Packet:
		return "af_packet"
	}
	return ""
}
