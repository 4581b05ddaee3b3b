package conntrack

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"
)

// An entry of the corpus is one captured message.
type entry struct {
	name  string
	bytes []byte
}

// corpus reads testdata/corpus.txt.
func corpus(t testing.TB) []entry {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the corpus was captured on a little-endian machine")
	}
	b, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	for line := range strings.Lines(string(b)) {
		name, digits, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || name == "#" {
			continue
		}
		bytes, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		entries = append(entries, entry{name, bytes})
	}
	if len(entries) < 20 {
		t.Fatalf("the corpus has %d messages only", len(entries))
	}
	return entries
}

// flowOf decodes a captured message's flow.
func flowOf(t testing.TB, b []byte) (Flow, time.Time, error) {
	t.Helper()
	m, rest, err := nextMessage(b)
	if err != nil || len(rest) != 0 {
		t.Fatalf("%v, %d bytes left", err, len(rest))
	}
	family, _, attrs, err := m.payload()
	if err != nil {
		t.Fatal(err)
	}
	var f Flow
	happened, err := decodeFlow(&f, family, attrs)
	return f, happened, err
}

func isFlow(name string) bool {
	kind, _, _ := strings.Cut(name, "-")
	return kind != "done" && kind != "error" && kind != "stats"
}

// TestCorpusGolden compares every captured flow with its written form, whose
// first part is conntrack's own.
func TestCorpusGolden(t *testing.T) {
	var b strings.Builder
	for _, e := range corpus(t) {
		if !isFlow(e.name) {
			continue
		}
		f, happened, err := flowOf(t, e.bytes)
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
		b.WriteString(e.name + ": " + listedFlow(&f) + " timeout=" + f.Timeout.String() +
			" status=" + strings.Join(f.Status.Names(), ",") + stamp(" start=", f.Start) + stamp(" stop=", f.Stop) +
			stamp(" event=", happened) + "\n")
	}
	golden.Assert(t, b.String(), "corpus.golden")
}

func stamp(name string, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return name + at.UTC().Format(time.RFC3339Nano)
}

func TestCorpusStatistics(t *testing.T) {
	var cpus []Stats
	for _, e := range corpus(t) {
		m, _, err := nextMessage(e.bytes)
		if err != nil {
			t.Fatal(err)
		}
		_, _, attrs, err := m.payload()
		if err != nil {
			continue
		}
		switch {
		case strings.HasPrefix(e.name, "stats-cpu"):
			stats, err := decodeStats(attrs)
			if err != nil {
				t.Error(err)
			}
			cpus = append(cpus, stats)
		case e.name == "stats":
			table, err := decodeTable(attrs)
			if err != nil || table != (Table{Used: 37, Max: 262144, MaxKnown: true}) {
				t.Errorf("%+v, error %v", table, err)
			}
		}
	}
	sum := Sum(cpus)
	if n, _ := sum.Get(Insert); n != 30 || len(cpus) != 2 {
		t.Errorf("30 flows were made over ctnetlink, %d CPUs say %d", len(cpus), n)
	}
	for _, c := range Counters() {
		if _, known := sum.Get(c); !known {
			t.Errorf("%v is missing", c)
		}
	}
}

// TestCutMessages cuts every captured message short at every byte: that is an
// error or a flow, never a panic, and never a longer read.
func TestCutMessages(t *testing.T) {
	for _, e := range corpus(t) {
		for n := range e.bytes {
			cut := append([]byte(nil), e.bytes[:n]...)
			if _, _, err := nextMessage(cut); err == nil {
				t.Fatalf("%s: %d of %d bytes pass for a message", e.name, n, len(e.bytes))
			}
			if n < headerLen+nfHeaderLen || !isFlow(e.name) {
				continue
			}
			// A header that fits the rest: the attributes are cut.
			binary.NativeEndian.PutUint32(cut, uint32(n))
			if _, _, err := flowOf(t, cut); err == nil && n%4 == 1 { // padding alone may lack
				t.Errorf("%s: %d of %d bytes decode", e.name, n, len(e.bytes))
			}
		}
	}
}

// TestUnknownAttributes adds attributes that nobody knows, everywhere.
func TestUnknownAttributes(t *testing.T) {
	unknown := func(b []byte) []byte { return appendAttr(b, 999, []byte("future")) }
	b := unknown(nil)
	b = appendNested(b, attrTupleOrig, func(b []byte) []byte {
		b = unknown(b)
		b = appendNested(b, attrTupleIP, unknown)
		return appendNested(b, attrTupleProto, func(b []byte) []byte {
			return appendAttr8(unknown(b), attrProtoNum, 253)
		})
	})
	b = appendNested(b, attrProtoInfo, func(b []byte) []byte {
		return appendNested(unknown(b), attrProtoInfoTCP, unknown)
	})
	b = appendNested(b, attrCountersOrig, unknown)
	b = appendNested(b, attrTimestamp, unknown)
	b = appendAttr32(b, attrMark, 5)
	var f Flow
	if _, err := decodeFlow(&f, IPv4, b); err != nil || f.Mark != 5 || f.Protocol != 253 {
		t.Errorf("%+v, error %v", f, err)
	}
	if f.Protocol.String() != "253" || f.OriginalTraffic.Known || f.State != StateUnknown {
		t.Errorf("%+v", f)
	}
}

// TestShortValues gives every known attribute too little data.
func TestShortValues(t *testing.T) {
	nested := func(outer uint16, inner ...uint16) []byte {
		fill := func(b []byte) []byte { return appendAttr(b, inner[len(inner)-1], nil) }
		for i := len(inner) - 2; i >= 0; i-- {
			inside := fill
			fill = func(b []byte) []byte { return appendNested(b, inner[i], inside) }
		}
		return appendNested(nil, outer, fill)
	}
	for name, b := range map[string][]byte{
		"status":    appendAttr(nil, attrStatus, []byte{1}),
		"zone":      appendAttr(nil, attrZone, []byte{1}),
		"mark":      appendAttr(nil, attrMark, nil),
		"event":     appendAttr(nil, attrEventTime, []byte{1}),
		"address":   nested(attrTupleOrig, attrTupleIP, attrIPv4Src),
		"address 6": nested(attrTupleReply, attrTupleIP, attrIPv6Dst),
		"protocol":  nested(attrTupleOrig, attrTupleProto, attrProtoNum),
		"port":      nested(attrTupleOrig, attrTupleProto, attrDstPort),
		"zone dir":  nested(attrTupleOrig, attrTupleZone),
		"state":     nested(attrProtoInfo, attrProtoInfoTCP, attrTCPState),
		"packets":   nested(attrCountersReply, attrPackets),
		"start":     nested(attrTimestamp, attrTimeStart),
		"trailing":  {1, 2, 3},
		"length":    {3, 0, 0, 0},
	} {
		var f Flow
		if _, err := decodeFlow(&f, IPv4, b); !isMalformed(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
