package sockdiag

import (
	"context"
	"errors"
	"os"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// A dump is one call of Conn.Dump.
type dump struct {
	conn        *Conn
	ctx         context.Context
	request     *Request
	states      sock.StateSet
	stats       *Stats
	yield       func(*sock.Socket) error
	rest        filter.Expr // what the kernel does not decide of the present walk
	attributes  bool
	interrupted bool
}

// run makes the walks. A kernel too old for the request that walks both
// families at once is asked for each family.
func (d *dump) run() error {
	legacy := !d.conn.twoWalks
	err := d.walkAll(d.request.walks(legacy))
	var refused *refusal
	if legacy && d.stats.OneWalk && errors.As(err, &refused) && refused.missing() {
		d.conn.twoWalks = true
		d.stats.OneWalk = false
		d.stats.Retries++
		err = d.walkAll(d.request.walks(false))
	}
	if errors.As(err, &refused) {
		marks := filter.Needs(d.request.Filter).Has(sock.FieldMark)
		return refused.explain(d.request.Protocol, marks)
	}
	return err
}

func (d *dump) walkAll(walks []walk) error {
	for _, w := range walks {
		d.stats.OneWalk = w.kind == getTCP
		err := d.walk(w, !d.request.NoBytecode)
		var refused *refusal
		if d.stats.Bytecode && errors.As(err, &refused) && refused.missing() && !d.request.NoBytecode {
			// An operation of the bytecode that this kernel lacks.
			d.stats.Retries++
			err = d.walk(w, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walk makes one dump.
func (d *dump) walk(w walk, bytecode bool) error {
	body, err := d.encode(w, bytecode)
	if err != nil {
		return err
	}
	sequence, err := d.conn.link.send(w.kind, flagRequest|flagDump, body)
	if err != nil {
		return d.fail(&OpError{Op: "send", Err: err})
	}
	d.stats.Walks++
	if d.conn.buffer == nil {
		d.conn.buffer = make([]byte, bufferSize)
	}
	for done := false; !done; {
		if done, err = d.receive(sequence); err != nil {
			return d.fail(err)
		}
	}
	return nil
}

// fail closes the netlink socket after an error in the middle of a dump.
func (d *dump) fail(err error) error {
	var refused *refusal
	if !errors.As(err, &refused) {
		d.conn.hangUp()
	}
	return err
}

// encode returns the request of a walk and notes what is left to match here.
func (d *dump) encode(w walk, bytecode bool) ([]byte, error) {
	r := d.request
	body := make([]byte, 0, 128)
	d.rest = r.Filter
	switch r.Protocol {
	case sock.Unix:
		body = r.appendUnix(body)
	case sock.Packet:
		body = r.appendPacket(body)
	default:
		code, rest, err := r.compile(w, bytecode)
		if err != nil {
			return nil, err
		}
		d.rest = rest
		d.stats.Bytecode = len(code) > 0
		body = r.appendInet(body, w, code)
	}
	d.stats.Rest = d.rest
	const inAttributes = sock.FieldMemory | sock.FieldTCPInfo | sock.FieldMark | sock.FieldCgroup | sock.FieldV6Only
	d.attributes = (r.Want|filter.Needs(d.rest))&inAttributes != 0
	return body, nil
}

// receive reads one datagram and handles its messages. It reports true at the
// end of the dump.
func (d *dump) receive(sequence uint32) (done bool, err error) {
	got, err := d.conn.link.receive(d.conn.buffer)
	if ended := d.ctx.Err(); ended != nil {
		return false, ended
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, context.DeadlineExceeded
	case err != nil:
		return false, &OpError{Op: "receive", Err: err}
	case got.truncated || got.size > len(d.conn.buffer):
		return false, malformed("a datagram is longer than the kernel makes them")
	case got.size == 0:
		return false, malformed("a datagram is empty")
	case got.sender != 0:
		return false, nil // not from the kernel
	}
	for b := d.conn.buffer[:got.size]; len(b) > 0; {
		var m message
		if m, b, err = nextMessage(b); err != nil {
			return false, err
		}
		if m.sequence != sequence {
			continue // belongs to another request
		}
		if done, err = d.message(&m); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

func (d *dump) message(m *message) (done bool, err error) {
	if m.flags&flagInterrupted != 0 {
		d.interrupted = true
	}
	switch m.kind {
	case typeNoop:
		return false, nil
	case typeOverrun:
		return false, malformed("the kernel reports that rows were lost")
	case typeDone, typeError:
		errno, err := m.errno()
		switch {
		case err != nil:
			return false, err
		case errno != 0 && d.stats.Received == 0:
			return false, &refusal{errno}
		case errno != 0:
			return false, &OpError{Op: "dump", Err: errno}
		}
		return m.kind == typeDone, nil
	case getTCP, getByFamily: // a row has the type of its request
		d.stats.Received++
		return false, d.socket(m.body)
	default:
		return false, nil
	}
}

// socket decodes a row and yields it if it is wanted.
func (d *dump) socket(b []byte) (err error) {
	s, keep := &d.conn.row, true
	switch d.request.Protocol {
	case sock.Unix:
		err = parseUnix(b, s)
	case sock.Packet:
		err = parsePacket(b, s)
	case sock.SCTP:
		keep, err = parseSCTP(b, s)
	default:
		err = parseInet(b, s, d.request.Protocol, d.attributes)
	}
	if err != nil || !keep || !d.wants(s) {
		return err
	}
	d.stats.Rows++
	return d.yield(s)
}

// wants repeats what the kernel was asked, since not every protocol compares
// all of it, and matches the rest.
func (d *dump) wants(s *sock.Socket) bool {
	r := d.request
	switch {
	case d.states != sock.AllStates && !d.states.Has(s.State),
		!r.Families.Has(s.Family),
		r.LocalPort != 0 && s.Local.Port() != r.LocalPort,
		r.PeerPort != 0 && s.Peer.Port() != r.PeerPort:
		return false
	}
	return d.rest == nil || d.rest.Match(s)
}
