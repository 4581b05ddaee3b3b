package sockdiag

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// These build netlink messages by hand.

const testSequence = 77

func wire(kind, flags uint16, sequence uint32, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(headerSize+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = append(b, 0, 0, 0, 0)
	return append(b, body...)
}

func row(kind uint16, body []byte) []byte { return wire(kind, 2, testSequence, body) }

func code(errno syscall.Errno) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
}

func done() []byte                     { return wire(typeDone, 2, testSequence, code(0)) }
func doneWith(e syscall.Errno) []byte  { return wire(typeDone, 2, testSequence, code(e)) }
func errorWith(e syscall.Errno) []byte { return wire(typeError, 0, testSequence, code(e)) }

// inetRow encodes a struct inet_diag_msg.
func inetRow(family, state byte, local, peer netip.AddrPort, attributes ...byte) []byte {
	b := make([]byte, inetMsgSize, inetMsgSize+len(attributes))
	b[0], b[1] = family, state
	binary.BigEndian.PutUint16(b[4:], local.Port())
	binary.BigEndian.PutUint16(b[6:], peer.Port())
	copy(b[8:24], local.Addr().AsSlice())
	copy(b[24:40], peer.Addr().AsSlice())
	binary.NativeEndian.PutUint32(b[40:], 3)           // interface
	binary.NativeEndian.PutUint32(b[44:], 0x11223344)  // cookie
	binary.NativeEndian.PutUint32(b[48:], 0x55)        //
	binary.NativeEndian.PutUint32(b[52:], 1500)        // expires
	binary.NativeEndian.PutUint32(b[56:], 10)          // queues
	binary.NativeEndian.PutUint32(b[60:], 20)          //
	binary.NativeEndian.PutUint32(b[64:], 1000)        // uid
	binary.NativeEndian.PutUint32(b[68:], 0xffff_0001) // inode
	return append(b, attributes...)
}

var (
	testLocal = netip.MustParseAddrPort("192.0.2.1:443")
	testPeer  = netip.MustParseAddrPort("198.51.100.7:50000")
)

func tcpRow() []byte { return row(getByFamily, inetRow(familyInet, 1, testLocal, testPeer)) }

func answer(messages ...[]byte) [][]byte {
	var datagram []byte
	for _, m := range messages {
		datagram = append(datagram, m...)
	}
	return [][]byte{datagram}
}

func count(c *Conn, r Request) (rows int, stats Stats, err error) {
	stats, err = c.Dump(context.Background(), r, func(*sock.Socket) error {
		rows++
		return nil
	})
	return rows, stats, err
}

func TestHostileReplies(t *testing.T) {
	resized := func(size uint32) []byte {
		b := tcpRow()
		binary.NativeEndian.PutUint32(b, size)
		return b
	}
	attribute := func(header ...byte) []byte {
		return row(getByFamily, inetRow(familyInet, 10, testLocal, testPeer, header...))
	}
	tests := map[string]struct {
		answer    [][]byte
		malformed bool
		is        error
		rows      int
	}{
		"good":                       {answer: answer(tcpRow(), done()), rows: 1},
		"done without a code":        {answer: answer(wire(typeDone, 2, testSequence, nil))},
		"done with a length":         {answer: answer(wire(typeDone, 2, testSequence, binary.NativeEndian.AppendUint32(nil, 20)))},
		"noop":                       {answer: answer(wire(typeNoop, 0, testSequence, nil), tcpRow(), done()), rows: 1},
		"acknowledgement":            {answer: answer(errorWith(0), tcpRow(), done()), rows: 1},
		"unknown message":            {answer: answer(row(99, []byte("????")), tcpRow(), done()), rows: 1},
		"length 0":                   {answer: answer(resized(0), done()), malformed: true},
		"length below the header":    {answer: answer(resized(15), done()), malformed: true},
		"length beyond the datagram": {answer: answer(resized(4096)), malformed: true},
		"huge length":                {answer: answer(resized(0xffff_ffff)), malformed: true},
		"header cut short":           {answer: answer(tcpRow()[:10]), malformed: true},
		"short row":                  {answer: answer(row(getByFamily, make([]byte, inetMsgSize-1)), done()), malformed: true},
		"unknown family":             {answer: answer(row(getByFamily, make([]byte, inetMsgSize)), done()), malformed: true},
		"empty datagram":             {answer: [][]byte{{}}, malformed: true},
		"missing done":               {answer: answer(tcpRow()), is: io.ErrUnexpectedEOF, rows: 1},
		"wrong sequence":             {answer: answer(tcpRow(), wire(getByFamily, 2, 5, inetRow(familyInet, 1, testLocal, testPeer)), wire(typeDone, 2, 5, code(0))), is: io.ErrUnexpectedEOF, rows: 1},
		"done code cut short":        {answer: answer(wire(typeDone, 2, testSequence, []byte{1, 2})), malformed: true},
		"error cut short":            {answer: answer(wire(typeError, 2, testSequence, nil)), malformed: true},
		"overrun":                    {answer: answer(tcpRow(), wire(typeOverrun, 2, testSequence, nil)), malformed: true, rows: 1},
		"error after rows":           {answer: answer(tcpRow(), errorWith(syscall.ENOMEM)), is: syscall.ENOMEM, rows: 1},
		"done with error after rows": {answer: answer(tcpRow(), doneWith(syscall.ENOENT)), is: syscall.ENOENT, rows: 1},
		"busy":                       {answer: answer(errorWith(syscall.EBUSY)), is: syscall.EBUSY},
		"attribute of length 0":      {answer: answer(attribute(0, 0, 15, 0), done()), malformed: true},
		"attribute too long":         {answer: answer(attribute(200, 0, 15, 0, 1, 2, 3, 4), done()), malformed: true},
		"short known attribute":      {answer: answer(attribute(5, 0, 15, 0, 1, 0, 0, 0), done()), rows: 1},
		"unknown attribute":          {answer: answer(attribute(8, 0, 99, 0, 1, 2, 3, 4), done()), rows: 1},
		"rest below an attribute":    {answer: answer(attribute(1, 2, 3, 4), done()), malformed: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, r := replayConn(&replay{walks: [][][]byte{test.answer}, sequence: testSequence})
			rows, _, err := count(c, Request{})
			var bad *MalformedError
			switch {
			case test.malformed != errors.As(err, &bad):
				t.Errorf("got %v (%T), malformed: %v", err, err, test.malformed)
			case test.is != nil && !errors.Is(err, test.is):
				t.Errorf("got %v, want %v", err, test.is)
			case test.is == nil && !test.malformed && err != nil:
				t.Errorf("got %v", err)
			}
			if rows != test.rows {
				t.Errorf("%d rows, want %d", rows, test.rows)
			}
			var refused *OpError
			if inTheMiddle := err != nil && !(errors.As(err, &refused) && errors.Is(err, syscall.EBUSY)); r.closed != inTheMiddle {
				t.Errorf("socket closed: %v, after %v", r.closed, err)
			}
		})
	}
}

func TestReceiveFailures(t *testing.T) {
	for name, r := range map[string]*replay{
		"no buffer space":   {fail: syscall.ENOBUFS},
		"longer than it is": {truncate: true},
	} {
		r.walks, r.sequence = [][][]byte{answer(tcpRow(), done())}, testSequence
		c, _ := replayConn(r)
		rows, _, err := count(c, Request{})
		var op *OpError
		var bad *MalformedError
		if rows != 0 || !errors.As(err, &op) && !errors.As(err, &bad) || r.fail != nil && !errors.Is(err, r.fail) {
			t.Errorf("%s: %d rows, %v", name, rows, err)
		}
		if !r.closed {
			t.Errorf("%s: the socket is still in use", name)
		}
	}
}

func TestForeignSenderIsIgnored(t *testing.T) {
	c, _ := replayConn(&replay{walks: [][][]byte{answer(tcpRow(), done())}, sequence: testSequence, sender: 4711})
	if rows, _, err := count(c, Request{}); rows != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d rows, %v; want none of a sender that is not the kernel", rows, err)
	}
}

func TestInterruptedDump(t *testing.T) {
	marked := wire(getByFamily, 2|flagInterrupted, testSequence, inetRow(familyInet, 1, testLocal, testPeer))
	for name, messages := range map[string][][]byte{
		"row":  {tcpRow(), marked, tcpRow(), done()},
		"done": {tcpRow(), tcpRow(), tcpRow(), wire(typeDone, 2|flagInterrupted, testSequence, code(0))},
	} {
		c, r := replayConn(&replay{walks: [][][]byte{answer(messages...), answer(tcpRow(), done())}, sequence: testSequence})
		rows, _, err := count(c, Request{})
		if rows != 3 || !errors.Is(err, sock.ErrInterrupted) {
			t.Errorf("%s: %d rows, %v; want 3 and ErrInterrupted", name, rows, err)
		}
		if r.closed {
			t.Errorf("%s: the socket was closed, although the dump ended", name)
		}
		if rows, _, err = count(c, Request{}); rows != 1 || err != nil {
			t.Errorf("%s: again: %d rows, %v", name, rows, err)
		}
	}
}

func TestMissingModules(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOENT, syscall.EOPNOTSUPP, syscall.ECONNREFUSED, syscall.EINVAL} {
		for _, p := range sock.Protocols() {
			for _, reply := range [][]byte{doneWith(errno), errorWith(errno)} {
				walks := [][][]byte{answer(reply), answer(reply), answer(reply)}
				c, r := replayConn(&replay{walks: walks, sequence: testSequence})
				_, _, err := count(c, Request{Protocol: p})
				var missing *sock.NotSupportedError
				if !errors.As(err, &missing) || missing.Module != module(p) || missing.Protocol != p || !errors.Is(err, errno) {
					t.Errorf("%s, %v: %v", p, errno, err)
				}
				if want := p == sock.TCP; len(r.sent) > 1 != want {
					t.Errorf("%s, %v: %d requests", p, errno, len(r.sent))
				}
			}
		}
	}
}

// TestOneWalkRefused: a kernel without TCPDIAG_GETSOCK is asked for each
// family, then and from then on.
func TestOneWalkRefused(t *testing.T) {
	ok := answer(tcpRow(), done())
	c, r := replayConn(&replay{walks: [][][]byte{answer(errorWith(syscall.EINVAL)), ok, ok, ok, ok}, sequence: testSequence})
	rows, stats, err := count(c, Request{})
	if rows != 2 || err != nil || stats.Retries != 1 || stats.OneWalk || stats.Walks != 3 {
		t.Errorf("%d rows, %+v, %v", rows, stats, err)
	}
	if rows, stats, err = count(c, Request{}); rows != 2 || err != nil || stats.Walks != 2 {
		t.Errorf("again: %d rows, %+v, %v", rows, stats, err)
	}
	var kinds []uint16
	for _, s := range r.sent {
		kinds = append(kinds, s.kind)
	}
	if want := []uint16{getTCP, getByFamily, getByFamily, getByFamily, getByFamily}; !equal(kinds, want) {
		t.Errorf("requests %v, want %v", kinds, want)
	}
}

func equal(a, b []uint16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestBytecodeRefused: a kernel that lacks an operation is asked without.
func TestBytecodeRefused(t *testing.T) {
	e := filter.Cgroup{ID: 5}
	cgroup := appendAttribute(nil, attrCgroup, binary.NativeEndian.AppendUint64(nil, 5))
	other := appendAttribute(nil, attrCgroup, binary.NativeEndian.AppendUint64(nil, 6))
	c, r := replayConn(&replay{sequence: testSequence, walks: [][][]byte{answer(errorWith(syscall.EINVAL)), answer(
		row(getByFamily, inetRow(familyInet, 1, testLocal, testPeer, cgroup...)),
		row(getByFamily, inetRow(familyInet, 1, testLocal, testPeer, other...)), done())}})
	rows, stats, err := count(c, Request{Filter: e})
	if rows != 1 || err != nil || stats.Retries != 1 || stats.Bytecode || stats.Rest != filter.Expr(e) {
		t.Errorf("%d rows, %+v, %v", rows, stats, err)
	}
	if len(r.sent) != 2 || len(r.sent[0].body) <= len(r.sent[1].body) {
		t.Errorf("requests: %v; want one with bytecode and one without", r.sent)
	}
	c, _ = replayConn(&replay{sequence: testSequence, walks: [][][]byte{answer(errorWith(syscall.EINVAL)), answer(done())}})
	var undecidable *sock.UndecidableError
	if _, _, err := count(c, Request{Protocol: sock.UDP, Filter: filter.Autobound{}}); !errors.As(err, &undecidable) {
		t.Errorf("autobound without bytecode: %v", err)
	}
}

func TestMarksRefused(t *testing.T) {
	for name, e := range map[string]filter.Expr{
		"kernel": filter.Mark{Value: 1, Mask: 1},
		"user":   filter.Or{Left: filter.Mark{Value: 1, Mask: 1}, Right: filter.User(0)},
	} {
		c, r := replayConn(&replay{sequence: testSequence, walks: [][][]byte{answer(errorWith(syscall.EPERM))}})
		_, _, err := count(c, Request{Filter: e})
		var denied *sock.PermissionError
		if !errors.As(err, &denied) || denied.Right != "CAP_NET_ADMIN" || !errors.Is(err, syscall.EPERM) {
			t.Errorf("%s: %v", name, err)
		}
		if len(r.sent) != 1 || len(r.sent[0].body) <= 60 {
			t.Errorf("%s: the kernel was not asked about marks", name)
		}
	}
}

func TestUndecidableFilters(t *testing.T) {
	for _, p := range []sock.Protocol{sock.Unix, sock.Packet} {
		c, r := replayConn(&replay{})
		var undecidable *sock.UndecidableError
		if _, _, err := count(c, Request{Protocol: p, Filter: filter.Mark{Value: 1, Mask: 1}}); !errors.As(err, &undecidable) || len(r.sent) != 0 {
			t.Errorf("mark of %s sockets: %v", p, err)
		}
	}
}

func TestYieldStopsTheDump(t *testing.T) {
	full := answer(tcpRow(), tcpRow(), done())
	c, r := replayConn(&replay{walks: [][][]byte{full, full}, sequence: testSequence})
	stop := errors.New("enough")
	stats, err := c.Dump(context.Background(), Request{}, func(*sock.Socket) error { return stop })
	if err != stop || stats.Rows != 1 || !r.closed {
		t.Errorf("%v, %+v, closed %v", err, stats, r.closed)
	}
	if rows, _, err := count(c, Request{}); rows != 2 || err != nil {
		t.Errorf("after that: %d rows, %v", rows, err)
	}
}

func TestDumpInADump(t *testing.T) {
	full := answer(tcpRow(), done())
	c, _ := replayConn(&replay{walks: [][][]byte{full, full}, sequence: testSequence})
	_, err := c.Dump(context.Background(), Request{}, func(*sock.Socket) error {
		if _, _, err := count(c, Request{}); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if rows, _, err := count(c, Request{}); rows != 1 || err != nil {
		t.Errorf("after that: %d rows, %v", rows, err)
	}
}

func TestPanicInADump(t *testing.T) {
	full := answer(tcpRow(), done())
	c, r := replayConn(&replay{walks: [][][]byte{full, full}, sequence: testSequence})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of yield is lost")
			}
		}()
		_, _ = c.Dump(context.Background(), Request{}, func(*sock.Socket) error { panic("in the middle") })
	}()
	if rows, _, err := count(c, Request{}); !r.closed || rows != 1 || err != nil {
		t.Errorf("after that: closed %v, %d rows, %v", r.closed, rows, err)
	}
}

func TestMessagesOfErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{malformed("an internet socket is cut short"), "the kernel's reply about sockets cannot be read: an internet socket is cut short"},
		{&OpError{Op: "receive", Err: syscall.ENOBUFS}, "netlink receive of the socket table failed: no buffer space available"},
		{(&refusal{syscall.ENOENT}).explain(sock.Raw, false), "this kernel cannot list raw sockets from netlink: module raw_diag is missing (try: modprobe raw_diag)"},
		{(&refusal{syscall.EPERM}).explain(sock.TCP, true), "selecting sockets by their mark needs CAP_NET_ADMIN (run as root)"},
		{(&refusal{syscall.EPERM}).explain(sock.TCP, false), "netlink dump of the socket table failed: operation not permitted"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestContext(t *testing.T) {
	full := answer(tcpRow(), done())
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	c, r := replayConn(&replay{walks: [][][]byte{full, full}, sequence: testSequence})
	if _, err := c.Dump(canceled, Request{}, nil); err != context.Canceled || len(r.sent) != 0 {
		t.Errorf("canceled before: %v", err)
	}
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := c.Dump(late, Request{}, nil); err != context.DeadlineExceeded {
		t.Errorf("late: %v", err)
	}
	if rows, _, err := count(c, Request{}); rows != 1 || err != nil {
		t.Errorf("after that: %d rows, %v", rows, err)
	}
}

func TestClosed(t *testing.T) {
	c, r := replayConn(&replay{})
	if err := c.Close(); err != nil || !r.closed {
		t.Errorf("close: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
	if _, _, err := count(c, Request{}); !errors.Is(err, ErrClosed) {
		t.Errorf("dump: %v", err)
	}
	if _, err := newConn(func() (transport, error) { return nil, syscall.EMFILE }); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("dial: %v", err)
	}
}

func TestFamiliesWithoutAddresses(t *testing.T) {
	for _, p := range []sock.Protocol{sock.Unix, sock.Packet} {
		c, r := replayConn(&replay{})
		rows, _, err := count(c, Request{Protocol: p, Families: sock.Families(0).Set(sock.IPv4)})
		if rows != 0 || err != nil || len(r.sent) != 0 {
			t.Errorf("IPv4 %s sockets: %d, %v, %d requests", p, rows, err, len(r.sent))
		}
	}
}
