package opens

import (
	"context"
	"errors"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// Watch opens a watcher of the namespace: an eBPF program with a ring buffer (root:
// CAP_BPF, CAP_NET_ADMIN), or where that may not load a capture of SYN+ACKs
// (CAP_NET_RAW). Neither needs counting to be switched on. Where neither may be, the
// error names both reasons.
func Watch(c Config, q Query) (Watcher, error) {
	ring, err := watchRing(c, q)
	if err == nil {
		return ring, nil
	}
	if !choosesNFT(err) {
		return nil, err
	}
	if q.Namespace != 0 {
		if here, hereErr := namespaceID(); hereErr != nil || here != q.Namespace {
			return nil, failure(ErrRefused, err, err.Error(), "; and packets can be captured in the own network namespace only")
		}
	}
	packets, captureErr := watchCapture(q)
	if captureErr != nil {
		return nil, failure(ErrPermission, errors.Join(err, captureErr), err.Error(), "; ", captureErr.Error())
	}
	return packets, nil
}

// An event in the ring: the peer's key, the time, and the other port as a u64.
const (
	eventSize  = peerKeySize + 16
	eventTime  = peerKeySize
	eventOther = peerKeySize + 8

	// ringSize holds about 70,000 events of 8 bytes head and 48 of ours. It is a
	// power of two and a multiple of every page size there is.
	ringSize = 4 << 20
)

func decodeEvent(data []byte) (namespace uint64, e Event, ok bool) {
	if len(data) < eventSize {
		return 0, Event{}, false
	}
	key := [peerKeySize]byte(data)
	namespace, e.Service = keyService(key[:])
	e.Addr = keyAddr(&key)
	e.Time = time.Duration(order.Uint64(data[eventTime:]))
	e.Other = uint16(order.Uint64(data[eventOther:]))
	return namespace, e, true
}

// ring is a program of its own beside the one that counts, so that counting costs
// nothing more while nobody watches, and several may watch.
type ring struct {
	query    Query
	events   *ebpf.Map
	lost     *ebpf.Map
	program  *ebpf.Program
	attached link.Link
	reader   *ringbuf.Reader
}

func watchRing(c Config, q Query) (*ring, error) {
	namespace, err := namespaceOf(q)
	if err != nil {
		return nil, failure(ErrRefused, err, err.Error())
	}
	w := &ring{query: q}
	if err := w.start(c, namespace); err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

func (w *ring) start(c Config, namespace uint64) (err error) {
	if w.events, err = ebpf.NewMap(&ebpf.MapSpec{Name: "opens_events", Type: ebpf.RingBuf, MaxEntries: ringSize}); err != nil {
		return refused("make the ring of events", err)
	}
	if w.lost, err = ebpf.NewMap(specs(1)[lostName]); err != nil {
		return refused("make the ring of events", err)
	}
	if w.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "opens_watch", Type: ebpf.SockOps, AttachType: ebpf.AttachCGroupSockOps,
		Instructions: watchProgram(w.events, w.lost, namespace), License: "Apache-2.0",
	}); err != nil {
		return refused("load the watching program", err)
	}
	if w.reader, err = ringbuf.NewReader(w.events); err != nil {
		return refused("read the ring of events", err)
	}
	root, err := c.cgroupRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	w.attached, err = link.AttachRawLink(link.RawLinkOptions{
		Target: int(root.Fd()), Program: w.program, Attach: ebpf.AttachCGroupSockOps,
	})
	if err != nil {
		return refused("attach the watching program to cgroup2", err)
	}
	return nil
}

// watchProgram writes one event for each completed handshake of the namespace.
func watchProgram(events, lost *ebpf.Map, namespace uint64) asm.Instructions {
	const at = stackKey - 16 + peerKeySize // behind the key, once it is moved down
	return join(
		keyAt(stackKey-16),
		asm.Instructions{
			asm.LoadImm(asm.R1, int64(namespace), asm.DWord),
			asm.JNE.Reg(asm.R0, asm.R1, "exit"),
			asm.FnKtimeGetBootNs.Call(),
			asm.StoreMem(asm.RFP, at, asm.R0, asm.DWord),
			asm.LoadMem(asm.R1, asm.R6, ctxOp, asm.Word),
			asm.JEq.Imm(asm.R1, opPassiveEstablished, "accepted"),
			asm.LoadMem(asm.R2, asm.R6, ctxLocalPort, asm.Word),
			asm.Ja.Label("write"),
			asm.LoadMem(asm.R2, asm.R6, ctxRemotePort, asm.Word).WithSymbol("accepted"),
			asm.HostTo(asm.BE, asm.R2, asm.Word),
			asm.StoreMem(asm.RFP, at+8, asm.R2, asm.DWord).WithSymbol("write"),
			asm.LoadMapPtr(asm.R1, events.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, stackKey-16),
			asm.Mov.Imm(asm.R3, eventSize),
			asm.Mov.Imm(asm.R4, 0),
			asm.FnRingbufOutput.Call(),
			asm.JEq.Imm(asm.R0, 0, "exit"),
		},
		loseAt("full", lost),
		asm.Instructions{
			asm.Mov.Imm(asm.R0, 1).WithSymbol("exit"),
			asm.Return(),
		},
	)
}

// Run implements [Watcher].
func (w *ring) Run(ctx context.Context, visit func(Event) error) error {
	// Flush wakes the reader, which may be sleeping, once it has read what is there.
	defer context.AfterFunc(ctx, func() { _ = w.reader.Flush() })()
	var record ringbuf.Record
	for {
		err := w.reader.ReadInto(&record)
		if errors.Is(err, ringbuf.ErrFlushed) {
			return nil
		}
		if err != nil {
			return readFailure(err)
		}
		_, event, ok := decodeEvent(record.RawSample)
		if !ok || !w.query.wants(event.Service) {
			continue
		}
		if err := visit(event); err != nil {
			return err
		}
	}
}

// Lost implements [Watcher].
func (w *ring) Lost() uint64 {
	var value [lostSize]byte
	if err := w.lost.Lookup(uint32(0), &value); err != nil {
		return 0
	}
	return order.Uint64(value[:])
}

// Source implements [Watcher].
func (w *ring) Source() string { return "eBPF ring buffer, completed handshakes" }

// Close ends the program.
func (w *ring) Close() error {
	var errs []error
	if w.attached != nil {
		errs = append(errs, w.attached.Close())
	}
	if w.reader != nil {
		errs = append(errs, w.reader.Close())
	}
	if w.program != nil {
		errs = append(errs, w.program.Close())
	}
	for _, m := range [...]*ebpf.Map{w.events, w.lost} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}
