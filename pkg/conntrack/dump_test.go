package conntrack

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"syscall"
	"testing"
)

func TestDumpReadsAllDatagrams(t *testing.T) {
	found, err := dumpOnce(t, nil,
		join(fakeFlow(1, IPv4, TCP, 0), fakeFlow(2, IPv6, UDP, 0)),
		join(fakeFlow(3, IPv4, ICMP, 0)),
		fakeDone(0))
	if err != nil || !slices.Equal(found, []uint32{1, 2, 3}) {
		t.Errorf("%v, error %v", found, err)
	}
}

func TestDumpSkipsForeignMessages(t *testing.T) {
	foreign := fakeFlow(9, IPv4, TCP, 0)
	binary.NativeEndian.PutUint32(foreign[8:], 12345)
	other := appendMessage(nil, messageStats, 2, 0, IPv4, nil)
	found, err := dumpOnce(t, nil, join(foreign, other, fakeFlow(1, IPv4, TCP, 0)), fakeDone(0))
	if err != nil || !slices.Equal(found, []uint32{1}) {
		t.Errorf("%v, error %v", found, err)
	}
}

func TestDumpErrors(t *testing.T) {
	long := fakeFlow(1, IPv4, TCP, 0)
	binary.NativeEndian.PutUint32(long, 1<<30)
	for name, test := range map[string]struct {
		datagram []byte
		want     error
	}{
		"no right":     {fakeError(syscall.EPERM), ErrPermission},
		"no module":    {fakeError(syscall.EINVAL), ErrNoNetlink},
		"other":        {fakeError(syscall.ENOMEM), syscall.ENOMEM},
		"done, failed": {fakeReply(typeDone, 0, syscall.EIO), syscall.EIO},
		"long":         {long, ErrMalformed},
		"short":        {[]byte{1, 2, 3}, ErrMalformed},
		"no family":    {fakeFlow(1, IPv4, TCP, 0)[:headerLen], ErrMalformed},
		"too large":    {make([]byte, bufferSize+1), ErrTruncated},
	} {
		if name == "no family" {
			binary.NativeEndian.PutUint32(test.datagram, headerLen)
		}
		_, err := dumpOnce(t, nil, test.datagram)
		var op *OpError
		if !errors.Is(err, test.want) || !errors.As(err, &op) || op.Op != "dump" {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestInterruptedDump(t *testing.T) {
	disturbed := [][]byte{fakeFlow(1, IPv4, TCP, flagInterrupted), fakeDone(0)}
	quiet := [][]byte{fakeFlow(2, IPv4, TCP, 0), fakeDone(0)}

	found, err := dumpOnce(t, nil, disturbed...)
	if !errors.Is(err, ErrInterrupted) || !slices.Equal(found, []uint32{1}) {
		t.Errorf("data and a typed error, not %v and %v", found, err)
	}

	for name, test := range map[string]struct {
		answers [][][]byte
		want    []uint32
		err     error
	}{
		"mended":     {[][][]byte{disturbed, disturbed, quiet}, []uint32{2}, nil},
		"not mended": {[][][]byte{disturbed, disturbed, disturbed, quiet}, []uint32{1}, ErrInterrupted},
	} {
		k := &fakeKernel{answers: test.answers}
		var found []uint32
		err := k.client().DumpConsistent(context.Background(), nil,
			func() { found = nil },
			func(f *Flow) error { found = append(found, f.ID); return nil })
		if !errors.Is(err, test.err) || !slices.Equal(found, test.want) {
			t.Errorf("%s: %v, error %v", name, found, err)
		}
	}
}

// TestRefusedFilterFallsBack is a kernel without CTA_FILTER that says so.
func TestRefusedFilterFallsBack(t *testing.T) {
	filter := &Filter{Family: IPv4, Protocols: []Protocol{UDP}}
	for _, errno := range []syscall.Errno{syscall.EOPNOTSUPP, syscall.EINVAL} {
		k := &fakeKernel{answers: [][][]byte{
			{fakeError(errno)},
			{fakeFlow(1, IPv4, TCP, 0), fakeFlow(2, IPv4, UDP, 0), fakeDone(0)},
		}}
		found, err := ids(k.client(), filter)
		if err != nil || !slices.Equal(found, []uint32{2}) {
			t.Errorf("%v: %v, error %v", errno, found, err)
		}
		if len(k.sent) != 2 || !slices.Equal(k.sent[1], request{family: IPv4}.marshal(nil, 2)) {
			t.Errorf("%v: the second request is not plain: %x", errno, k.sent)
		}
	}
	// A kernel that ignores the filter and sends too much.
	found, err := dumpOnce(t, filter, fakeFlow(1, IPv4, TCP, 0), fakeFlow(2, IPv4, UDP, 0), fakeDone(0))
	if err != nil || !slices.Equal(found, []uint32{2}) {
		t.Errorf("%v, error %v", found, err)
	}
}

func TestNoKernelFilter(t *testing.T) {
	k := &fakeKernel{answers: [][][]byte{{fakeFlow(1, IPv4, TCP, 0), fakeFlow(2, IPv6, UDP, 0), fakeDone(0)}}}
	c := k.client()
	c.config.NoKernelFilter = true
	found, err := ids(c, &Filter{Protocols: []Protocol{UDP}})
	if err != nil || !slices.Equal(found, []uint32{2}) || len(k.sent) != 1 {
		t.Errorf("%v, error %v, %d requests", found, err, len(k.sent))
	}
}

// sampleOf is one datagram of TCP and UDP flows.
func sampleOf(tcp, udp int) (datagram []byte, want []uint32) {
	for i := range tcp + udp {
		protocol, id := UDP, uint32(i+1)
		if i < tcp {
			protocol, want = TCP, append(want, id)
		}
		datagram = append(datagram, fakeFlow(id, IPv4, protocol, 0)...)
	}
	return datagram, want
}

func TestSampleDecides(t *testing.T) {
	tcp := &Filter{Protocols: []Protocol{TCP}}
	most, mostIDs := sampleOf(120, 30)
	few, fewIDs := sampleOf(2, 148)
	small, smallIDs := sampleOf(2, 20)
	for name, test := range map[string]struct {
		answers  [][][]byte
		want     []uint32
		requests int
	}{
		"one walk suffices": {[][][]byte{{most, fakeDone(0)}}, mostIDs, 1},
		"a small table":     {[][][]byte{{small, fakeDone(0)}}, smallIDs, 1},
		"two are cheaper":   {[][][]byte{{few, fakeDone(0)}, {few, fakeDone(0)}, {fakeDone(0)}}, fewIDs, 3},
	} {
		k := &fakeKernel{answers: test.answers}
		found, err := ids(k.client(), tcp)
		if err != nil || !slices.Equal(found, test.want) || len(k.sent) != test.requests {
			t.Errorf("%s: %d flows by %d requests, want %d by %d: %v", name, len(found), len(k.sent), len(test.want), test.requests, err)
		}
	}
}

func TestCallbackErrorEndsDump(t *testing.T) {
	most, _ := sampleOf(150, 0)
	for name, filter := range map[string]*Filter{"plain": nil, "sampled": {Protocols: []Protocol{TCP}}} {
		k := &fakeKernel{answers: [][][]byte{{most, fakeDone(0)}}}
		stop, calls := errors.New("stop"), 0
		err := k.client().Dump(context.Background(), filter, func(*Flow) error { calls++; return stop })
		if err != stop || calls != 1 {
			t.Errorf("%s: %v after %d calls", name, err, calls)
		}
	}
}

func TestCancelledDump(t *testing.T) {
	k := &fakeKernel{answers: [][][]byte{{fakeFlow(1, IPv4, TCP, 0)}}} // and then silence
	ctx, cancel := context.WithCancel(context.Background())
	err := k.client().Dump(ctx, nil, func(*Flow) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := k.client().Dump(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a dead context: %v", err)
	}
}

func TestStatsAndTableFromMessages(t *testing.T) {
	cpu := func(n uint32) []byte {
		return appendMessage(nil, messageStatsCPU, 2, 0, 0, func(b []byte) []byte {
			return appendAttr32(appendAttr32(b, 10, n), 99, 5)
		})
	}
	k := &fakeKernel{answers: [][][]byte{
		{join(cpu(1), cpu(1<<32-1)), fakeDone(0)},
		{appendMessage(nil, messageStats, 0, 0, 0, func(b []byte) []byte { return appendAttr32(b, 1, 12) })},
	}}
	c := k.client()
	cpus, err := c.Stats(context.Background())
	if err != nil || len(cpus) != 2 {
		t.Fatalf("%v, error %v", cpus, err)
	}
	sum := Sum(cpus)
	if n, known := sum.Get(Drop); n != 1<<32 || !known {
		t.Errorf("drop %d %v", n, known)
	}
	if _, known := sum.Get(ChainTooLong); known {
		t.Error("a counter that was not sent is known")
	}
	table, err := c.Table(context.Background())
	if err != nil || table != (Table{Used: 12}) {
		t.Errorf("%+v, error %v", table, err)
	}
	if _, ok := table.UsedPercent(); ok {
		t.Error("a percentage without a limit")
	}
}
