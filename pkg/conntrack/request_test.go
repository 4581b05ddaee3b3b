package conntrack

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

func TestPlan(t *testing.T) {
	tcp, http := []Protocol{TCP}, []PortRange{{80, 80}}
	for _, test := range []struct {
		want string
		f    Filter
	}{
		{"any", Filter{}},
		{"ipv6", Filter{Family: IPv6}},
		{"any status mark zone", Filter{Status: StatusTerm{0, StatusSeenReply}, Marks: []Mark{{1, 1}}, Zones: []uint16{0}}},
		{"ipv4 protocol; ipv6 protocol", Filter{Protocols: tcp}},
		{"ipv4 protocol", Filter{Family: IPv4, Protocols: tcp, DstPorts: []PortRange{{1, 2}}}},
		{"ipv4 protocol port; ipv6 protocol port", Filter{States: SetOfStates(StateClose), ReplyDstPorts: http}},
		{"ipv4 address", Filter{Src: prefixes("192.0.2.1/32")}},
		{"ipv4", Filter{Src: prefixes("192.0.2.0/24")}},
		{"ipv6", Filter{Src: prefixes("2001:db8::1/128")}}, // the kernel compares IPv6 addresses the wrong way round
		{"any", Filter{Protocols: []Protocol{TCP, UDP}, DstPorts: http, Marks: []Mark{{1, 1}, {2, 2}}}},
		{"ipv4 protocol; ipv6 protocol", Filter{Protocols: []Protocol{SCTP}, DstPorts: http}},
		{"none: no flow can match", Filter{Src: prefixes("192.0.2.1/32"), Dst: prefixes("::1/128")}},
	} {
		if got := test.f.Plan(); got != test.want {
			t.Errorf("%+v: %q, want %q", test.f, got, test.want)
		}
	}
}

// TestMarshal compares a request with its bytes, written out by hand.
func TestMarshal(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes are a little-endian machine's")
	}
	f := Filter{
		Family: IPv4, Protocols: []Protocol{TCP}, DstPorts: []PortRange{{443, 443}}, Src: prefixes("192.0.2.1/32"),
		Marks: []Mark{{0x10, 0xf0}}, Status: StatusTerm{StatusAssured, StatusAssured}, Zones: []uint16{7},
	}
	// The protocol holds in both directions, address and port in one.
	want := strip("84000000 0101 0103 2a000000 00000000 02000000" + // header, dump of IPv4
		"08000800 00000010 08001500 000000f0" + // CTA_MARK, CTA_MARK_MASK
		"08000300 00000004 08001a00 00000004" + // CTA_STATUS, CTA_STATUS_MASK
		"06001200 00070000" + // CTA_ZONE
		"24000180 0c000180 08000100 c0000201" + // CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V4_SRC
		"14000280 05000100 06000000 06000300 01bb0000" + // CTA_TUPLE_PROTO, number, destination port
		"10000280 0c000280 05000100 06000000" + // CTA_TUPLE_REPLY, the same number
		"14001980 08000100 29000000 08000200 08000000") // CTA_FILTER: source, number, destination port; number
	got := hex.EncodeToString(plan(&f)[0].marshal(nil, 42))
	if got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

func strip(s string) string { return strings.ReplaceAll(s, " ", "") }
