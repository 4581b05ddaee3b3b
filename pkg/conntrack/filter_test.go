package conntrack

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func exampleFlow() Flow {
	return Flow{
		Family: IPv4, Protocol: TCP, State: StateEstablished,
		Status: StatusSeenReply | StatusAssured, StatusKnown: true,
		Original: Tuple{Src: netip.MustParseAddr("192.0.2.5"), Dst: netip.MustParseAddr("198.51.100.1"), SrcPort: 40000, DstPort: 443},
		Reply:    Tuple{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("192.0.2.5"), SrcPort: 8443, DstPort: 40000},
		Mark:     0x12, Zone: 3,
	}
}

func prefixes(s ...string) (all []netip.Prefix) {
	for _, p := range s {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func TestMatch(t *testing.T) {
	term := func(name string) StatusTerm {
		s, err := ParseStatus(name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, test := range []struct {
		name    string
		yes, no Filter
	}{
		{"family", Filter{Family: IPv4}, Filter{Family: IPv6}},
		{"protocol", Filter{Protocols: []Protocol{UDP, TCP}}, Filter{Protocols: []Protocol{UDP}}},
		{"state", Filter{States: SetOfStates(StateNone, StateEstablished)}, Filter{States: SetOfStates(StateTimeWait)}},
		{"status", Filter{Status: term("assured")}, Filter{Status: term("unreplied")}},
		{"src", Filter{Src: prefixes("10.0.0.0/8", "192.0.2.0/24")}, Filter{Src: prefixes("192.0.2.5/32", "::/0")[1:]}},
		{"dst", Filter{Dst: prefixes("198.51.100.1/32")}, Filter{Dst: prefixes("198.51.100.0/32")}},
		{"reply-src", Filter{ReplySrc: prefixes("10.0.0.0/30")}, Filter{ReplySrc: prefixes("198.51.100.1/32")}},
		{"reply-dst", Filter{ReplyDst: prefixes("0.0.0.0/0")}, Filter{ReplyDst: prefixes("10.0.0.1/32")}},
		{"sport", Filter{SrcPorts: []PortRange{{1, 2}, {40000, 40000}}}, Filter{SrcPorts: []PortRange{{443, 443}}}},
		{"dport", Filter{DstPorts: []PortRange{{400, 500}}}, Filter{DstPorts: []PortRange{{444, 65535}}}},
		{"reply-sport", Filter{ReplySrcPorts: []PortRange{{8443, 8443}}}, Filter{ReplySrcPorts: []PortRange{{443, 443}}}},
		{"reply-dport", Filter{ReplyDstPorts: []PortRange{{0, 65535}}}, Filter{ReplyDstPorts: []PortRange{{0, 39999}}}},
		{"mark", Filter{Marks: []Mark{{1, 0xff}, {0x10, 0xf0}}}, Filter{Marks: []Mark{{0x10, 0xff}}}},
		{"zone", Filter{Zones: []uint16{0, 3}}, Filter{Zones: []uint16{0}}},
		{"all", Filter{}, Filter{Family: IPv4, Zones: []uint16{4}}},
	} {
		flow := exampleFlow()
		if !test.yes.Match(&flow) {
			t.Errorf("%s: does not match", test.name)
		}
		if test.no.Match(&flow) {
			t.Errorf("%s: matches", test.name)
		}
		if test.yes.IsZero() != (test.name == "all") || test.no.IsZero() {
			t.Errorf("%s: IsZero", test.name)
		}
	}
}

func TestMatchWithoutTheThing(t *testing.T) {
	icmp := Flow{Family: IPv4, Protocol: ICMP}
	for name, f := range map[string]Filter{
		"ports of icmp":           {DstPorts: []PortRange{{0, 65535}}},
		"state of icmp":           {States: SetOfStates(States()...)},
		"unknown state":           {States: SetOfStates(StateUnknown, StateNone)},
		"status that is not sent": {Status: StatusTerm{0, StatusSeenReply}},
		"address that is absent":  {Src: prefixes("0.0.0.0/0")},
	} {
		if f.Match(&icmp) {
			t.Errorf("%s matches", name)
		}
	}
	flow, filter := exampleFlow(), Filter{Src: prefixes("192.0.2.0/24"), DstPorts: []PortRange{{443, 443}}, Protocols: []Protocol{TCP}}
	if n := testing.AllocsPerRun(100, func() { filter.Match(&flow) }); n != 0 {
		t.Errorf("a match allocates %v times", n)
	}
}

func TestStatusTerms(t *testing.T) {
	assured, _ := ParseStatus("ASSURED")
	unreplied, _ := ParseStatus("unreplied")
	replied, _ := ParseStatus("seen-reply")
	both, err := assured.And(replied)
	if err != nil || !both.Matches(StatusAssured|StatusSeenReply|StatusConfirmed) || both.Matches(StatusAssured) {
		t.Errorf("%v, error %v", both, err)
	}
	if both.String() != "assured,seen_reply" {
		t.Errorf("reads %q", both)
	}
	if _, err := both.And(unreplied); err == nil || !strings.Contains(err.Error(), "unreplied") {
		t.Errorf("a contradiction passes: %v", err)
	}
	if got := (StatusAssured | StatusOffload).Names(); !slices.Equal(got, []string{"assured", "unreplied", "offload"}) {
		t.Errorf("%v", got)
	}
	if _, err := ParseStatus("confirmed|"); err == nil || !strings.Contains(err.Error(), `"confirmed\x7c"`) || !strings.Contains(err.Error(), "fixed_timeout") {
		t.Errorf("%v", err)
	}
}

func TestNames(t *testing.T) {
	for _, s := range States() {
		if back, err := ParseState(strings.ToUpper(s.String())); err != nil || back != s {
			t.Errorf("%v reads back as %v: %v", s, back, err)
		}
	}
	for _, p := range namedProtocols() {
		if back, err := ParseProtocol(p.String()); err != nil || back != p {
			t.Errorf("%v reads back as %v: %v", p, back, err)
		}
	}
	for given, want := range map[string]Protocol{"TCP": TCP, "ipv6-icmp": ICMPv6, "253": 253, "0": 0} {
		if p, err := ParseProtocol(given); err != nil || p != want {
			t.Errorf("%q is %v: %v", given, p, err)
		}
	}
	for given, want := range map[string]State{"listen": StateSynSent2, "time-wait": StateTimeWait, "SYN_SENT2": StateSynSent2} {
		if s, err := ParseState(given); err != nil || s != want {
			t.Errorf("%q is %v: %v", given, s, err)
		}
	}
	for _, err := range []error{second(ParseProtocol("tpc")), second(ParseProtocol("256")), second(ParseState("")), second(ParseState("fin_wait_1"))} {
		if err == nil || !strings.Contains(err.Error(), `"`) || !strings.Contains(err.Error(), "one of") {
			t.Errorf("%v", err)
		}
	}
	for wire, want := range map[uint8]State{0: StateNone, 3: StateEstablished, 8: StateClose, 9: StateSynSent2, 10: StateUnknown, 255: StateUnknown} {
		if s := stateFromWire(wire); s != want {
			t.Errorf("state %d is %v, want %v", wire, s, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestParsePorts(t *testing.T) {
	for given, want := range map[string]PortRange{"443": {443, 443}, "0-65535": {0, 65535}, "8000-8080": {8000, 8080}} {
		if r, err := ParsePortRange(given); err != nil || r != want {
			t.Errorf("%q is %v: %v", given, r, err)
		}
	}
	for _, given := range []string{"", "-", "1-", "-1", "65536", "9-8", "http", "1-2-3", "+1"} {
		if r, err := ParsePortRange(given); err == nil || !strings.Contains(err.Error(), `"`+given+`"`) {
			t.Errorf("%q is %v: %v", given, r, err)
		}
	}
}

func TestParseMark(t *testing.T) {
	for given, want := range map[string]Mark{"5": {5, 0xffffffff}, "0x10/0xf0": {0x10, 0xf0}, "0/0": {0, 0}, "0XfF": {0xff, 0xffffffff}} {
		if m, err := ParseMark(given); err != nil || m != want {
			t.Errorf("%q is %v: %v", given, m, err)
		}
	}
	for _, given := range []string{"", "/", "1/", "0x11/0x10", "4294967296", "-1", "1/2/3", "010", "1_0", "0x", "0b1", "0x1_0"} {
		if m, err := ParseMark(given); err == nil {
			t.Errorf("%q is %v", given, m)
		}
	}
}

func TestParsePrefix(t *testing.T) {
	for given, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "192.0.2.1/24": "192.0.2.0/24", "2001:db8::1": "2001:db8::1/128",
		"::ffff:192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1/120": "192.0.2.0/24", "::/0": "::/0",
	} {
		if p, err := ParsePrefix(given); err != nil || p.String() != want {
			t.Errorf("%q is %v, want %s: %v", given, p, want, err)
		}
	}
	for _, given := range []string{"", "192.0.2", "192.0.2.1/33", "fe80::1%eth0", "host"} {
		if p, err := ParsePrefix(given); err == nil {
			t.Errorf("%q is %v", given, p)
		}
	}
}

func TestDuration(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, test := range []struct {
		flow Flow
		want time.Duration
		ok   bool
	}{
		{Flow{}, 0, false},
		{Flow{Start: start}, 5 * time.Second, true},
		{Flow{Start: start, Stop: start.Add(time.Second)}, time.Second, true},
	} {
		if d, ok := test.flow.Duration(start.Add(5 * time.Second)); d != test.want || ok != test.ok {
			t.Errorf("%v %v, want %v %v", d, ok, test.want, test.ok)
		}
	}
}

func TestLabels(t *testing.T) {
	l := Labels{words: [2]uint64{1 | 1<<63, 1 << 1}}
	if got := l.Bits(); !slices.Equal(got, []int{0, 63, 65}) || l.IsZero() {
		t.Errorf("%v", got)
	}
	if !labelsFromWire(nil).IsZero() || labelsFromWire(make([]byte, 40)).Bits() != nil {
		t.Error("no labels are some")
	}
}
