package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
)

func TestFilter(t *testing.T) {
	o := flowSelection{
		Protocol: []string{"tcp,udp", "47"}, State: []string{"ESTABLISHED", "time-wait"}, Status: []string{"assured,seen_reply"},
		Src: []string{"10.0.0.0/8,2001:db8::1"}, ReplyDst: []string{"::ffff:192.0.2.7,2001:db8::7"},
		Sport: []string{"1024-2048"}, Dport: []string{"https,8443"}, ReplySport: []string{"53"}, ReplyDport: []string{"1"},
		Mark: []string{"0x10/0xff"}, Zone: []string{"0,7"}, Dst: []string{""}, IPv6: true,
	}
	got, err := o.filter()
	if err != nil {
		t.Fatal(err)
	}
	want := &conntrack.Filter{
		Family: conntrack.IPv6, Protocols: []conntrack.Protocol{conntrack.TCP, conntrack.UDP, conntrack.GRE},
		States: conntrack.SetOfStates(conntrack.StateEstablished, conntrack.StateTimeWait),
		Status: conntrack.StatusTerm{
			Value: conntrack.StatusAssured | conntrack.StatusSeenReply, Mask: conntrack.StatusAssured | conntrack.StatusSeenReply,
		},
		Src:      []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128")},
		ReplyDst: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::7/128")},
		SrcPorts: []conntrack.PortRange{{First: 1024, Last: 2048}}, DstPorts: []conntrack.PortRange{{First: 443, Last: 443}, {First: 8443, Last: 8443}},
		ReplySrcPorts: []conntrack.PortRange{{First: 53, Last: 53}}, ReplyDstPorts: []conntrack.PortRange{{First: 1, Last: 1}},
		Marks: []conntrack.Mark{{Value: 0x10, Mask: 0xff}}, Zones: []uint16{0, 7},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	empty, err := (&flowSelection{Protocol: []string{""}, Src: []string{" ,"}, IPv4: true, IPv6: true}).filter()
	if err != nil || !empty.IsZero() {
		t.Errorf("empty values select %+v, error %v", empty, err)
	}
}

// Every error names the option, quotes what was given and says what may be.
func TestFilterErrors(t *testing.T) {
	for _, tt := range []struct {
		o     flowSelection
		parts []string
	}{
		{flowSelection{Protocol: []string{"tpc"}}, []string{"--protocol", `"tpc"`, "udp"}},
		{flowSelection{Protocol: []string{"256"}}, []string{"--protocol", `"256"`, "255"}},
		{flowSelection{State: []string{"syn-sent,open"}}, []string{"--state", `"open"`, "established"}},
		{flowSelection{Status: []string{"dying"}}, []string{"--status", `"dying"`, "assured"}},
		{flowSelection{Src: []string{"10.0.0.256"}}, []string{"--src", `"10.0.0.256"`, "192.0.2.1"}},
		{flowSelection{Dst: []string{"fe80::1%eth0"}}, []string{"--dst", `"fe80::1%eth0"`}},
		{flowSelection{ReplySrc: []string{"example.org"}}, []string{"--reply-src", `"example.org"`}},
		{flowSelection{ReplyDst: []string{"10.0.0.1/33"}}, []string{"--reply-dst", `"10.0.0.1/33"`}},
		{flowSelection{Sport: []string{"65536"}}, []string{"--sport", `"65536"`, "65535"}},
		{flowSelection{Dport: []string{"-1"}}, []string{"--dport", `"-1"`}},
		{flowSelection{ReplySport: []string{"80-70"}}, []string{"--reply-sport", `"80-70"`}},
		{flowSelection{ReplyDport: []string{"x|y"}}, []string{"--reply-dport", `"x\x7cy"`}},
		{flowSelection{Mark: []string{"0x100/0xff"}}, []string{"--mark", `"0x100/0xff"`, "MASK"}},
		{flowSelection{Mark: []string{"010"}}, []string{"--mark", `"010"`, "0x10"}},
		{flowSelection{Protocol: []string{"icmp,gre"}, Dport: []string{"80"}}, []string{"--dport", "--protocol icmp,gre has no ports"}},
		{flowSelection{IPv4: true, Src: []string{"2001:db8::1", "fe80::/10"}}, []string{"--src 2001:db8::1,fe80::/10", "--ipv4"}},
		{flowSelection{IPv6: true, ReplyDst: []string{"10.0.0.1"}}, []string{"--reply-dst 10.0.0.1", "--ipv6"}},
		{flowSelection{Src: []string{"10.77.0.2"}, Dst: []string{"fd77::1"}}, []string{"--src 10.77.0.2 and --dst fd77::1 are of two families"}},
		{flowSelection{Src: []string{"10.77.0.2", "fd77::2"}, Dst: []string{"fd77::1"}, ReplySrc: []string{"10.77.0.1,10.77.0.3"}},
			[]string{"--dst fd77::1 and --reply-src 10.77.0.1,10.77.0.3 are of two families"}},
		{flowSelection{IPv4: true, Src: []string{"10.77.0.2"}, Dst: []string{"fd77::1"}}, []string{"--dst fd77::1", "--ipv4"}},
		{flowSelection{Status: []string{"unreplied,seen_reply"}}, []string{"no flow can have both status unreplied and seen_reply"}},
		{flowSelection{Zone: []string{"65536"}}, []string{"--zone", `"65536"`, "65535"}},
	} {
		_, err := tt.o.filter()
		for _, part := range tt.parts {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%+v: %v does not say %s", tt.o, err, part)
			}
		}
	}
}

// What leaves something to select is no contradiction.
func TestFilterMixes(t *testing.T) {
	for _, o := range []flowSelection{
		{Protocol: []string{"icmp,tcp"}, Dport: []string{"80"}},
		{IPv4: true, Src: []string{"2001:db8::1", "10.0.0.0/8"}},
		{IPv4: true, IPv6: true, Dst: []string{"2001:db8::1"}},
		{Src: []string{"10.0.0.1", "fe80::1"}},
		{Src: []string{"10.0.0.1", "fe80::1"}, Dst: []string{"fe80::2"}, ReplyDst: []string{"10.0.0.1", "fe80::1"}},
		// Traffic makes no such flow, but conntrack -I and conntrackd do.
		{Status: []string{"unreplied,assured"}},
	} {
		if _, err := o.filter(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
