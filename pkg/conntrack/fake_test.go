package conntrack

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"testing"
)

func isMalformed(err error) bool { return errors.Is(err, ErrMalformed) }

// A fakeKernel answers requests from a script, one list of datagrams for each,
// and remembers what it was asked. Sequence numbers are filled in.
type fakeKernel struct {
	answers   [][][]byte
	sent      [][]byte
	queue     [][]byte
	receives  int
	cancelled chan struct{}
	onReceive func(n int) error
}

func (k *fakeKernel) client() *Client {
	k.cancelled = make(chan struct{})
	return &Client{dial: func() (transport, error) { return k, nil }}
}

func (k *fakeKernel) send(b []byte) error {
	k.sent = append(k.sent, append([]byte(nil), b...))
	m, _, err := nextMessage(b)
	if err != nil {
		return err
	}
	if len(k.answers) == 0 {
		return errors.New("the script has no more answers")
	}
	k.queue = nil
	for _, datagram := range k.answers[0] {
		k.queue = append(k.queue, numbered(datagram, m.seq))
	}
	k.answers = k.answers[1:]
	return nil
}

// numbered sets the sequence number of all messages that have none.
func numbered(datagram []byte, seq uint32) []byte {
	b := append([]byte(nil), datagram...)
	for rest := b; len(rest) >= headerLen; {
		if binary.NativeEndian.Uint32(rest[8:]) == 0 {
			binary.NativeEndian.PutUint32(rest[8:], seq)
		}
		length := min(max(align4(int(binary.NativeEndian.Uint32(rest))), headerLen), len(rest))
		rest = rest[length:]
	}
	return b
}

func (k *fakeKernel) receive(b []byte) (int, error) {
	k.receives++
	if k.onReceive != nil {
		if err := k.onReceive(k.receives); err != nil {
			return 0, err
		}
	}
	if len(k.queue) == 0 {
		<-k.cancelled // as the kernel does: wait
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, k.queue[0])
	if n < len(k.queue[0]) {
		return 0, ErrTruncated
	}
	k.queue = k.queue[1:]
	return n, nil
}

func (k *fakeKernel) cancel()                         { close(k.cancelled) }
func (k *fakeKernel) close() error                    { return nil }
func (k *fakeKernel) join(uint32) error               { return nil }
func (k *fakeKernel) leave(uint32) error              { return nil }
func (k *fakeKernel) setBuffer(size int) (int, error) { return size, nil }
func (k *fakeKernel) dropped() (uint64, bool)         { return 7, true }

func (k *fakeKernel) poll(b []byte) (int, error) {
	if len(k.queue) == 0 {
		return 0, errEmpty
	}
	return k.receive(b)
}

// fakeFlow is an entry as the kernel sends it, of an id, protocol and family.
func fakeFlow(id uint32, family Family, protocol Protocol, flags uint16) []byte {
	return appendMessage(nil, messageNew, 2|flags, 0, family, func(b []byte) []byte {
		b = appendNested(b, attrTupleOrig, func(b []byte) []byte {
			return appendNested(b, attrTupleProto, func(b []byte) []byte {
				return appendAttr8(b, attrProtoNum, uint8(protocol))
			})
		})
		return appendAttr32(b, attrID, id)
	})
}

func fakeDone(flags uint16) []byte {
	return fakeReply(typeDone, flags, 0)
}

func fakeError(errno syscall.Errno) []byte {
	return fakeReply(typeError, 0, errno)
}

func fakeReply(kind, flags uint16, errno syscall.Errno) []byte {
	b := appendMessage(nil, kind, 2|flags, 0, AnyFamily, nil)
	binary.NativeEndian.PutUint32(b[headerLen:], uint32(-int32(errno)))
	return b
}

// ids dumps and returns the ids of the flows.
func ids(c *Client, filter *Filter) (found []uint32, err error) {
	err = c.Dump(context.Background(), filter, func(f *Flow) error {
		found = append(found, f.ID)
		return nil
	})
	return found, err
}

// join concatenates messages into one datagram.
func join(messages ...[]byte) []byte {
	var b []byte
	for _, m := range messages {
		b = append(b, m...)
	}
	return b
}

func dumpOnce(t *testing.T, filter *Filter, datagrams ...[]byte) ([]uint32, error) {
	t.Helper()
	k := &fakeKernel{answers: [][][]byte{datagrams}}
	return ids(k.client(), filter)
}
