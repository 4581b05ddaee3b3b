package conntrack

import (
	"context"
	"slices"
	"testing"
	"time"
)

// FuzzDecodeFlow gives the decoder attributes of any kind. What it accepts must
// decode again to the same flow.
func FuzzDecodeFlow(f *testing.F) {
	for _, e := range corpus(f) {
		if len(e.bytes) > headerLen+nfHeaderLen {
			f.Add(uint8(e.bytes[headerLen]), e.bytes[headerLen+nfHeaderLen:])
		}
	}
	f.Fuzz(func(t *testing.T, family uint8, b []byte) {
		var first, second Flow
		_, err := decodeFlow(&first, Family(family), b)
		if err != nil {
			if !isMalformed(err) || err.Error() == "" {
				t.Errorf("an error without a type: %v", err)
			}
			return
		}
		second = Flow{Mark: 1, Zone: 2, StatusKnown: true} // what a reused flow holds
		if _, err := decodeFlow(&second, Family(family), b); err != nil || first != second {
			t.Errorf("%+v, then %+v: %v", first, second, err)
		}
	})
}

// FuzzDatagram gives a dump a datagram of any kind.
func FuzzDatagram(f *testing.F) {
	for _, e := range corpus(f) {
		f.Add(numbered(e.bytes, 1))
	}
	f.Add(fakeError(1))
	f.Fuzz(func(t *testing.T, b []byte) {
		k := &fakeKernel{answers: [][][]byte{{b, fakeDone(0)}}}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		flows := 0
		k.client().Dump(ctx, nil, func(*Flow) error { flows++; return nil })
		if flows > len(b)/(headerLen+nfHeaderLen) {
			t.Errorf("%d flows in %d bytes", flows, len(b))
		}
	})
}

// FuzzParseStats gives the parser of the statistics any text.
func FuzzParseStats(f *testing.F) {
	f.Add(newStats)
	f.Add(oldStats)
	f.Add("entries\n1\n\n2\n")
	f.Fuzz(func(t *testing.T, s string) {
		stats, err := parseStats(s)
		if err == nil && len(stats.CPUs) > len(s) {
			t.Errorf("%d processors in %d bytes", len(stats.CPUs), len(s))
		}
	})
}

// FuzzParseOptions gives the parsers of values any text: what they accept they
// accept again as they print it.
func FuzzParseOptions(f *testing.F) {
	for _, s := range []string{"tcp", "253", "time_wait", "unreplied", "8000-8080", "0x10/0xff", "192.0.2.0/24", "::ffff:1.2.3.4/100"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParseProtocol(s); err == nil {
			if again, err := ParseProtocol(p.String()); err != nil || again != p {
				t.Errorf("%q: %v", s, err)
			}
		}
		if p, err := ParsePrefix(s); err == nil {
			if again, err := ParsePrefix(p.String()); err != nil || again != p {
				t.Errorf("%q: %v is %v: %v", s, p, again, err)
			}
		}
		if r, err := ParsePortRange(s); err == nil && (r.First > r.Last || !r.Contains(r.First)) {
			t.Errorf("%q: %v", s, r)
		}
		if m, err := ParseMark(s); err == nil && !m.Matches(m.Value) {
			t.Errorf("%q: %v", s, m)
		}
	})
}

func BenchmarkDecodeFlow(b *testing.B) {
	entries := corpus(b)
	var flow Flow
	filter := Filter{Protocols: []Protocol{TCP}, States: SetOfStates(StateEstablished)}
	b.ReportAllocs()
	entries = slices.DeleteFunc(entries, func(e entry) bool { return !isFlow(e.name) })
	for b.Loop() {
		for _, e := range entries {
			m, _, err := nextMessage(e.bytes)
			if err != nil {
				b.Fatal(err)
			}
			family, _, attrs, err := m.payload()
			if err != nil {
				b.Fatal(err)
			}
			decodeFlow(&flow, family, attrs)
			filter.Match(&flow)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(entries)), "ns/entry")
}
