package opens

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net/netip"
	"time"
)

// The snapshot is a file in network byte order, so that it may travel:
//
//	magic "sockcensus opens\n" and the version as one byte
//	boot id (length as one byte, text), method (the same)
//	generation, namespace, since, taken, wall (ns since 1970), in opens, in rest,
//	out opens, out rest, lost: u64 each; number of totals, number of peers: u32
//	totals: port u16, direction u16, opens, overflow, first, last u64
//	peers: port u16, direction u16, address 16 bytes, opens, first, last u64
//	CRC-32 (IEEE) of all before it: u32
const (
	snapshotMagic   = "sockcensus opens\n"
	snapshotVersion = 1
	totalRecord     = 4 + 4*8
	peerRecord      = 4 + 16 + 3*8
)

// WriteTo writes the sample in the form that ReadSample reads.
func (s *Sample) WriteTo(w io.Writer) (n int64, err error) {
	out := &sampleWriter{w: bufio.NewWriterSize(w, 32<<10)}
	out.header(s)
	for i := range s.Totals {
		out.total(&s.Totals[i])
	}
	for i := range s.Peers {
		out.peer(&s.Peers[i])
	}
	out.put(binary.BigEndian.AppendUint32(nil, out.sum))
	if out.err == nil {
		out.err = out.w.Flush()
	}
	return out.n, out.err
}

type sampleWriter struct {
	w   *bufio.Writer
	buf [64]byte
	sum uint32
	n   int64
	err error
}

func (o *sampleWriter) put(b []byte) {
	if o.err != nil {
		return
	}
	o.sum = crc32.Update(o.sum, crc32.IEEETable, b)
	n, err := o.w.Write(b)
	o.n += int64(n)
	o.err = err
}

func (o *sampleWriter) numbers(b []byte, numbers ...uint64) {
	for _, number := range numbers {
		b = binary.BigEndian.AppendUint64(b, number)
	}
	o.put(b)
}

func (o *sampleWriter) header(s *Sample) {
	o.put([]byte(snapshotMagic))
	o.put([]byte{snapshotVersion})
	for _, text := range [...]string{s.Epoch.Boot, string(s.Method)} {
		text = text[:min(len(text), maxBoot)]
		o.put([]byte{byte(len(text))})
		o.put([]byte(text))
	}
	o.numbers(nil, s.Epoch.Generation, s.Epoch.Namespace, uint64(s.Since), uint64(s.Taken), uint64(s.Wall.UnixNano()),
		s.In.Opens, s.In.Rest, s.Out.Opens, s.Out.Rest, s.Lost)
	b := binary.BigEndian.AppendUint32(o.buf[:0], uint32(len(s.Totals)))
	o.put(binary.BigEndian.AppendUint32(b, uint32(len(s.Peers))))
}

func appendService(b []byte, s Service) []byte {
	b = binary.BigEndian.AppendUint16(b, s.Port)
	return binary.BigEndian.AppendUint16(b, uint16(s.Direction))
}

func (o *sampleWriter) total(t *Total) {
	o.numbers(appendService(o.buf[:0], t.Service), t.Opens, t.Overflow, uint64(t.First), uint64(t.Last))
}

func (o *sampleWriter) peer(p *Peer) {
	ip := p.Addr.As16()
	o.numbers(append(appendService(o.buf[:0], p.Service), ip[:]...), p.Opens, uint64(p.First), uint64(p.Last))
}

// ReadSample reads what WriteTo wrote. Anything else, or a part of it, is
// ErrSnapshot; ErrNewer is a version that this program does not know. Memory grows
// with what is really there, whatever the head promises.
func ReadSample(r io.Reader) (*Sample, error) {
	in := &sampleReader{r: bufio.NewReaderSize(r, 32<<10)}
	s, totals, peers := in.header()
	for ; totals > 0 && in.err == nil; totals-- {
		s.Totals = append(s.Totals, in.total())
	}
	for ; peers > 0 && in.err == nil; peers-- {
		s.Peers = append(s.Peers, in.peer())
	}
	sum := in.sum
	if in.u32() != sum && in.err == nil {
		in.err = errDamaged
	}
	if in.err == nil {
		if _, err := in.r.ReadByte(); !errors.Is(err, io.EOF) {
			in.err = errDamaged
		}
	}
	if in.err != nil {
		return nil, snapshotFailure(in.err)
	}
	return s, nil
}

var errDamaged = errors.New("it is damaged")

func snapshotFailure(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = errDamaged
	}
	return failure(ErrSnapshot, err, "the snapshot of the counters cannot be used: ", err.Error())
}

type sampleReader struct {
	r   *bufio.Reader
	buf [64]byte
	sum uint32
	err error
}

// take reads n bytes, at most a buffer, which are valid until the next call; zeros
// after an error.
func (in *sampleReader) take(n int) []byte {
	b := in.buf[:n]
	if in.err == nil {
		_, in.err = io.ReadFull(in.r, b)
	}
	if in.err != nil {
		clear(b)
		return b
	}
	in.sum = crc32.Update(in.sum, crc32.IEEETable, b)
	return b
}

func (in *sampleReader) u32() uint32 { return binary.BigEndian.Uint32(in.take(4)) }
func (in *sampleReader) u64() uint64 { return binary.BigEndian.Uint64(in.take(8)) }

// span is a time since boot, which cannot be negative.
func (in *sampleReader) span() time.Duration {
	n := in.u64()
	if n > 1<<63-1 {
		in.fail()
		return 0
	}
	return time.Duration(n)
}

func (in *sampleReader) fail() {
	if in.err == nil {
		in.err = errDamaged
	}
}

func (in *sampleReader) text() string {
	n := int(in.take(1)[0])
	if n > maxBoot {
		in.fail()
		return ""
	}
	return string(in.take(n))
}

func (in *sampleReader) header() (s *Sample, totals, peers uint32) {
	s = new(Sample)
	if string(in.take(len(snapshotMagic))) != snapshotMagic {
		in.fail()
		return s, 0, 0
	}
	if version := in.take(1)[0]; version > snapshotVersion {
		in.err = failure(ErrNewer, nil, "the snapshot of the counters was written by a newer sockcensus: use the newer one")
	}
	s.Epoch.Boot, s.Method = in.text(), Method(in.text())
	s.Epoch.Generation, s.Epoch.Namespace = in.u64(), in.u64()
	s.Since, s.Taken = in.span(), in.span()
	s.Wall = time.Unix(0, int64(in.u64()))
	s.In = Flow{Opens: in.u64(), Rest: in.u64()}
	s.Out = Flow{Opens: in.u64(), Rest: in.u64()}
	s.Lost = in.u64()
	return s, in.u32(), in.u32()
}

func (in *sampleReader) service() Service {
	b := in.take(4)
	s := Service{binary.BigEndian.Uint16(b), Direction(binary.BigEndian.Uint16(b[2:]))}
	if s.Direction > Out {
		in.fail()
	}
	return s
}

func (in *sampleReader) total() Total {
	return Total{
		Service:  in.service(),
		Mark:     Mark{Opens: in.u64()},
		Overflow: in.u64(),
	}.times(in)
}

func (t Total) times(in *sampleReader) Total {
	t.First, t.Last = in.span(), in.span()
	return t
}

func (in *sampleReader) peer() (p Peer) {
	p.Service = in.service()
	p.Addr = netip.AddrFrom16([16]byte(in.take(16))).Unmap()
	p.Opens = in.u64()
	p.First, p.Last = in.span(), in.span()
	return p
}

// sampled is a Counter over a sample that somebody published.
type sampled struct{ sample *Sample }

// Close does nothing.
func (c sampled) Close() error { return nil }

// Read implements [Counter]. A snapshot holds one namespace: another is an error.
func (c sampled) Read(q Query, v Visitor) (Summary, error) {
	if q.Namespace != 0 && q.Namespace != c.sample.Epoch.Namespace {
		return Summary{}, failure(ErrSnapshot, nil, "the published snapshot is of another network namespace: read the counters as root")
	}
	if v.Total != nil {
		for _, t := range c.sample.Totals {
			if err := visitIf(q.wants(t.Service), v.Total, t); err != nil {
				return Summary{}, err
			}
		}
	}
	if v.Peer != nil {
		for _, p := range c.sample.Peers {
			if err := visitIf(q.wants(p.Service), v.Peer, p); err != nil {
				return Summary{}, err
			}
		}
	}
	return c.sample.Summary, nil
}

func visitIf[T any](want bool, visit func(T) error, value T) error {
	if !want {
		return nil
	}
	return visit(value)
}

// Status implements [Counter].
func (c sampled) Status() (*Status, error) {
	status := &Status{Summary: c.sample.Summary, Counting: true}
	for _, t := range c.sample.Totals {
		status.Overflow += t.Overflow
	}
	status.Overflow += status.In.Rest + status.Out.Rest
	status.Peers.Entries, status.Services.Entries = len(c.sample.Peers), len(c.sample.Totals)
	return status, nil
}
