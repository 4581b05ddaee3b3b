package main

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// flowOf makes one of many different flows.
func flowOf(random *rand.Rand) conntrack.Flow {
	f := conntrack.Flow{
		Family: conntrack.IPv4, Protocol: conntrack.Protocol(random.IntN(256)), Mark: random.Uint32(), Zone: uint16(random.Uint32()),
		StatusKnown: true, Status: conntrack.Status(random.Uint32()),
	}
	if f.Protocol == conntrack.TCP {
		f.State = conntrack.States()[random.IntN(len(conntrack.States()))]
	}
	v4 := random.IntN(2) == 0
	address := func() netip.Addr {
		var raw [16]byte
		for i := range raw {
			raw[i] = byte(random.Uint32())
		}
		if v4 {
			return netip.AddrFrom4([4]byte(raw[:4]))
		}
		return netip.AddrFrom16(raw)
	}
	f.Original = conntrack.Tuple{Src: address(), Dst: address(), SrcPort: uint16(random.Uint32()), DstPort: uint16(random.Uint32())}
	f.Reply = conntrack.Tuple{Src: address(), Dst: address()}
	return f
}

// Every flow has one value of fixed width in each dimension, which makes a
// valid label, and a threshold may name it where the set is open.
func TestDimensions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		f := flowOf(random)
		for d := range dimensionCount {
			value := string(d.appendValue(nil, &f, uint8(random.IntN(len(conntrack.StatusNames())))))
			if len(value) != d.width() {
				t.Fatalf("%s: %d bytes, want %d", d, len(value), d.width())
			}
			label := d.label(value)
			if label == "" || label[0] < 'a' || label[0] > 'z' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				t.Errorf("%s: label %q", d, label)
			}
			if (!d.closed() || d == byProtocol) && !d.couldBe(label) {
				t.Errorf("%s: no threshold could name %q", d, label)
			}
			if d.couldBe(label + "x") {
				t.Errorf("%s: a threshold could name %qx", d, label)
			}
		}
		src := string(bySrc.appendValue(nil, &f, 0))
		if got := bySrc.text(src); got != f.Original.Src.String() {
			t.Errorf("the source %s reads %s", f.Original.Src, got)
		}
	}
}

func TestDimensionText(t *testing.T) {
	f := conntrack.Flow{
		Protocol: conntrack.TCP, State: conntrack.StateNone, Zone: 7, Mark: 16,
		Original: conntrack.Tuple{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("::ffff:10.0.0.2"), SrcPort: 40000, DstPort: 443},
		Reply:    conntrack.Tuple{Src: netip.MustParseAddr("2001:db8::1")},
	}
	for d, want := range map[dimension]struct{ text, label string }{
		byProtocol: {"tcp", "tcp"}, byState: {"none", "none"},
		bySrc: {"10.0.0.1", "ip_10_0_0_1"}, byDst: {"::ffff:10.0.0.2", "ip_10_0_0_2"}, byReplySrc: {"2001:db8::1", "ip_2001_db8_0_0_0_0_0_1"},
		bySport: {"40000", "rp40000"}, byDport: {"443", "p443"}, byZone: {"7", "zone_7"}, byMark: {"16", "mark_16"},
	} {
		value := string(d.appendValue(nil, &f, 0))
		if d.text(value) != want.text || d.label(value) != want.label {
			t.Errorf("%s: %q, label %q, want %+v", d, d.text(value), d.label(value), want)
		}
	}
	f.Protocol = 99
	for d, want := range map[dimension]string{byProtocol: "proto_99", bySport: "none", byDport: "none"} {
		if got := d.label(string(d.appendValue(nil, &f, 0))); got != want {
			t.Errorf("%s of protocol 99: label %q, want %q", d, got, want)
		}
	}
}

func TestTally(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	tallies := map[string]*tally{}
	for name, dimensions := range map[string][]dimension{"none": nil, "two": {byProtocol, byZone}, "status": {byStatus}} {
		tallies[name] = newTally(dimensions)
	}
	status := map[string]uint64{}
	for range 500 {
		f := flowOf(random)
		f.Zone %= 3
		for _, name := range f.Status.Names() {
			status[name]++
		}
		for _, tally := range tallies {
			if err := tally.add(&f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := report.Sum(tallies["two"].ranked()); n != 500 || tallies["none"].total != 500 {
		t.Errorf("%d flows in groups, %d in all, want 500", n, tallies["none"].total)
	}
	ranked := tallies["two"].ranked()
	for i := range ranked[1:] {
		if ranked[i].Count < ranked[i+1].Count {
			t.Error("the groups are not in order")
		}
	}
	for i, name := range conntrack.StatusNames() {
		if got := tallies["status"].of(byte(i)); got != status[name] {
			t.Errorf("%d flows are %s, want %d", got, name, status[name])
		}
	}
	tallies["two"].reset()
	if tallies["two"].total != 0 || tallies["two"].largest() != 0 {
		t.Error("a reset forgets nothing")
	}
}

// FuzzCouldBe holds that whatever threshold names are asked for is answered,
// and that only labels are.
func FuzzCouldBe(f *testing.F) {
	for _, label := range []string{"ip_10_0_0_1", "ip_2001_db8_0_0_0_0_0_1", "p443", "rp0", "zone_65535", "mark_4294967295", "proto_99", "esp", "none", "ip_", "p065", "proto_6"} {
		f.Add(label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		for d := range dimensionCount {
			if d.couldBe(label) && strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
				t.Errorf("%s: %q could be a label", d, label)
			}
		}
	})
}
