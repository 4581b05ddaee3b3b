package sockdiag

import (
	"encoding/binary"
	"io"
	"os"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// A replay is a transport that answers every request with recorded datagrams.
type replay struct {
	walks [][][]byte // the datagrams of each walk
	queue [][]byte
	// What was sent, and what happens instead of the recorded answer.
	sent     []sentRequest
	sequence uint32
	sender   uint32
	truncate bool
	fail     error
	closed   bool
	expired  bool
}

type sentRequest struct {
	kind uint16
	body []byte
}

func (r *replay) send(kind, _ uint16, body []byte) (uint32, error) {
	r.sent = append(r.sent, sentRequest{kind, append([]byte(nil), body...)})
	if len(r.walks) == 0 {
		return 0, io.EOF
	}
	r.queue, r.walks = r.walks[0], r.walks[1:]
	if r.sequence != 0 || len(r.queue) == 0 || len(r.queue[0]) < headerSize {
		return r.sequence, nil
	}
	return binary.NativeEndian.Uint32(r.queue[0][8:]), nil
}

func (r *replay) receive(b []byte) (datagram, error) {
	switch {
	case r.expired:
		return datagram{}, os.ErrDeadlineExceeded
	case r.fail != nil:
		return datagram{}, r.fail
	case len(r.queue) == 0:
		return datagram{}, io.ErrUnexpectedEOF
	}
	n := copy(b, r.queue[0])
	r.queue = r.queue[1:]
	return datagram{size: n, truncated: r.truncate, sender: r.sender}, nil
}

func (r *replay) setDeadline(t time.Time) error {
	r.expired = !t.IsZero()
	return nil
}

func (r *replay) close() error {
	r.closed = true
	return nil
}

// Replay returns a Conn that answers every walk from recorded datagrams.
func Replay(walks ...[][]byte) *Conn {
	c, _ := replayConn(&replay{walks: walks})
	return c
}

func replayConn(r *replay) (*Conn, *replay) {
	c, err := newConn(func() (transport, error) { return r, nil })
	if err != nil {
		panic(err)
	}
	return c, r
}

// A recorder keeps what the kernel answers.
type recorder struct {
	transport
	walks [][][]byte
}

func (r *recorder) send(kind, flags uint16, body []byte) (uint32, error) {
	r.walks = append(r.walks, nil)
	return r.transport.send(kind, flags, body)
}

func (r *recorder) receive(b []byte) (datagram, error) {
	got, err := r.transport.receive(b)
	if err == nil {
		last := len(r.walks) - 1
		r.walks[last] = append(r.walks[last], append([]byte(nil), b[:got.size]...))
	}
	return got, err
}

// Record makes the Conn keep what the kernel answers, and returns a function
// that returns it.
func (c *Conn) Record() (recorded func() socktest.Walks) {
	r := &recorder{transport: c.link}
	c.link = r
	return func() socktest.Walks { return r.walks }
}

// everything asks for all the parts that there are.
const everything = sock.FieldMemory | sock.FieldTCPInfo | sock.FieldMark | sock.FieldCgroup | sock.FieldV6Only
