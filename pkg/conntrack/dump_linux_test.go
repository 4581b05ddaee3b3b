package conntrack

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// conntrackList runs conntrack -L and leaves out what changes by itself.
func conntrackList(t *testing.T, args ...string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(run(t, "conntrack", append([]string{"-L", "-o", "extended,id"}, args...)...)) {
		var words []string
		for i, word := range strings.Fields(line) {
			isSCTPState := i == 5 && strings.Contains(line, " sctp ")
			if i == 4 || isSCTPState || strings.HasPrefix(word, "use=") || strings.HasPrefix(word, "delta-time=") {
				continue
			}
			words = append(words, word)
		}
		lines = append(lines, strings.Join(words, " "))
	}
	slices.Sort(lines)
	return lines
}

func compareLists(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	t.Errorf("%s: %d flows, conntrack has %d", what, len(got), len(want))
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("only here:      %s", line)
			break
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("only conntrack: %s", line)
			break
		}
	}
}

// traffic makes real flows: NAT, accounting, timestamps, a zone that separates
// one direction, a label.
func traffic(t *testing.T) {
	t.Helper()
	sysctl(t, "net/netfilter/nf_conntrack_acct", "1")
	sysctl(t, "net/netfilter/nf_conntrack_timestamp", "1")
	run(t, "nft", `
		add table ip nat
		add chain ip nat out { type nat hook output priority -100; }
		add rule ip nat out ip daddr 127.0.0.9 udp dport 5300 dnat to 127.0.0.1:53
		add chain ip nat post { type nat hook postrouting priority 100; }
		add rule ip nat post ip daddr 127.0.0.1 udp dport 53 snat to 127.0.0.8
		add table ip raw
		add chain ip raw out { type filter hook output priority -300; }
		add rule ip raw out ip daddr 127.0.0.10 ct original zone set 3
		add rule ip raw out ip daddr 127.0.0.11 ct zone set 4
		add table ip marks
		add chain ip marks out { type filter hook output priority 0; }
		add rule ip marks out ip daddr 127.0.0.12 ct mark set 0x22
		add rule ip marks out ip daddr 127.0.0.12 ct label set 101`)
	for _, dst := range []string{"127.0.0.1", "127.0.0.10", "127.0.0.11", "127.0.0.12", "::1"} {
		run(t, "ping", "-c1", "-W1", "-q", dst)
	}
	sendUDP(t, "127.0.0.9:5300")
	sendUDP(t, "[::1]:53")
}

func TestListEqualsConntrack(t *testing.T) {
	tracked(t, func() {
		traffic(t)
		inject(t, 400, variedFlow)
		c := New(Config{})
		for _, test := range listTests() {
			want := conntrackList(t, strings.Fields(test.args)...)
			if len(want) == 0 {
				t.Errorf("%s: conntrack lists nothing: the test proves nothing", test.args)
			}
			compareLists(t, test.args, listed(collect(t, c, &test.filter)), want)
		}
	})
}

type listTest struct {
	args   string
	filter Filter
}

func listTests() []listTest {
	prefix := netip.MustParsePrefix
	addr := func(s string) []netip.Prefix {
		a := netip.MustParseAddr(s)
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}
	}
	assured := StatusTerm{StatusAssured, StatusAssured}
	return []listTest{
		{"", Filter{}},
		{"-f ipv4", Filter{Family: IPv4}},
		{"-f ipv6", Filter{Family: IPv6}},
		{"-p tcp", Filter{Protocols: []Protocol{TCP}}},
		{"-p udp", Filter{Protocols: []Protocol{UDP}}},
		{"-p icmp", Filter{Protocols: []Protocol{ICMP}}},
		{"-p icmpv6", Filter{Protocols: []Protocol{ICMPv6}}},
		{"-p tcp --state ESTABLISHED", Filter{Protocols: []Protocol{TCP}, States: SetOfStates(StateEstablished)}},
		{"-p tcp --state SYN_SENT2", Filter{Protocols: []Protocol{TCP}, States: SetOfStates(StateSynSent2)}},
		{"-p tcp --state TIME_WAIT -f ipv6", Filter{Family: IPv6, States: SetOfStates(StateTimeWait)}},
		{"-p tcp --dport 22", Filter{Protocols: []Protocol{TCP}, DstPorts: []PortRange{{22, 22}}}},
		{"-p udp --reply-port-src 53", Filter{Protocols: []Protocol{UDP}, ReplySrcPorts: []PortRange{{53, 53}}}},
		{"-s 192.0.2.3", Filter{Src: addr("192.0.2.3")}},
		{"-s 192.0.2.0/30", Filter{Src: []netip.Prefix{prefix("192.0.2.0/30")}}},
		{"-d 2001:db8:100::1 -f ipv6", Filter{Family: IPv6, Dst: addr("2001:db8:100::1")}},
		{"-r 198.51.100.1", Filter{ReplySrc: addr("198.51.100.1")}},
		{"-q 127.0.0.8", Filter{ReplyDst: addr("127.0.0.8")}},
		{"--mark 0x1/0xf", Filter{Marks: []Mark{{1, 0xf}}}},
		{"--mark 34", Filter{Marks: []Mark{{34, 0xffffffff}}}},
		{"-w 7", Filter{Zones: []uint16{7}}},
		{"-w 4", Filter{Zones: []uint16{4}}},
		{"--orig-zone 3", Filter{Zones: []uint16{3}}},
		{"-u ASSURED", Filter{Status: assured}},
		{"-u ASSURED -p udp", Filter{Status: assured, Protocols: []Protocol{UDP}}},
	}
}

func sendUDP(t *testing.T, address string) {
	t.Helper()
	c, err := dialUDP(address)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if _, err := c.Write([]byte("question")); err != nil {
		t.Error(err)
	}
}

func TestTimestampsAndCounters(t *testing.T) {
	tracked(t, func() {
		before := time.Now()
		traffic(t)
		flows := collect(t, New(Config{}), &Filter{Protocols: []Protocol{ICMP}})
		if len(flows) != 4 {
			t.Errorf("%d flows, want the 4 pings", len(flows))
		}
		for _, f := range flows {
			if f.Start.Before(before.Add(-time.Second)) || f.Start.After(time.Now()) {
				t.Errorf("start %v is not now", f.Start)
			}
			if labelled := f.Original.Dst.String() == "127.0.0.12"; labelled != slices.Equal(f.Labels.Bits(), []int{101}) || labelled == f.Labels.IsZero() {
				t.Errorf("labels %v of %v", f.Labels.Bits(), f.Original.Dst)
			}
			if age, ok := f.Duration(time.Now()); !ok || age < 0 || age > time.Minute {
				t.Errorf("duration %v %v", age, ok)
			}
			if !f.OriginalTraffic.Known || f.OriginalTraffic.Packets != 1 || f.OriginalTraffic.Bytes != 84 {
				t.Errorf("traffic %+v, want one packet of 84 bytes", f.OriginalTraffic)
			}
		}
	})
}

// randomFilter makes a filter of one to four conditions.
func randomFilter(r *rand.Rand) Filter {
	var f Filter
	model := variedFlow(r.IntN(400))
	pick := func(n int) bool { return r.IntN(n) == 0 }
	single := func(a netip.Addr) []netip.Prefix { return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())} }
	if pick(4) {
		f.Family = model.Family
	}
	if pick(2) {
		f.Protocols = []Protocol{model.Protocol}
		if pick(3) {
			f.Protocols = append(f.Protocols, UDP)
		}
	}
	if pick(4) {
		f.States = SetOfStates(StateEstablished, model.State)
	}
	if pick(4) {
		f.Status, _ = ParseStatus(StatusNames()[r.IntN(3)])
	}
	if pick(4) {
		f.Marks = []Mark{{model.Mark & 0xff, 0xff}}
	}
	if pick(4) {
		f.Zones = []uint16{model.Zone}
	}
	if pick(4) {
		f.Src = single(model.Original.Src)
	}
	if pick(6) {
		f.ReplySrc = single(model.Original.Dst)
	}
	if pick(4) {
		f.DstPorts = []PortRange{{model.Original.DstPort, model.Original.DstPort}}
	}
	if pick(8) {
		f.ReplyDstPorts = []PortRange{{model.Original.SrcPort, model.Original.SrcPort + uint16(r.IntN(2)*50)}}
	}
	return f
}

// TestKernelFilterEqualsUserSpace asks the same questions with and without the
// kernel's help, and fails too when the kernel refused a question.
func TestKernelFilterEqualsUserSpace(t *testing.T) {
	tracked(t, func() {
		traffic(t)
		inject(t, 400, variedFlow)
		r := rand.New(rand.NewPCG(1, 2))
		sent := 0
		kernel, user := New(Config{}), New(Config{NoKernelFilter: true})
		kernel.dial = countSends(kernel.dial, &sent)
		helped, found := 0, 0
		for range 150 {
			filter := randomFilter(r)
			sent = 0
			got := listed(collect(t, kernel, &filter))
			want := listed(collect(t, user, &filter))
			if !slices.Equal(got, want) {
				t.Errorf("%+v (%s): %d flows with kernel filter, %d without", filter, filter.Plan(), len(got), len(want))
			}
			if most := len(plan(&filter)); sent > most+most/2 {
				t.Errorf("%+v (%s): the kernel refused", filter, filter.Plan())
			}
			for _, q := range plan(&filter) {
				helped += map[bool]int{true: 1}[q.filtered()]
			}
			found += len(got)
		}
		if helped < 120 || found < 1000 {
			t.Errorf("%d filtered dumps and %d flows prove little", helped, found)
		}
	})
}

// countSends counts the requests of a client.
func countSends(dial func() (transport, error), n *int) func() (transport, error) {
	return func() (transport, error) {
		tr, err := dial()
		return &countingTransport{tr, n}, err
	}
}

type countingTransport struct {
	transport
	n *int
}

func (c *countingTransport) send(b []byte) error {
	*c.n++
	return c.transport.send(b)
}

func TestDumpCancelledInTheMiddle(t *testing.T) {
	tracked(t, func() {
		inject(t, 5000, variedFlow)
		ctx, cancel := context.WithCancel(context.Background())
		seen := 0
		err := New(Config{}).Dump(ctx, nil, func(*Flow) error {
			if seen++; seen == 10 {
				cancel()
				time.Sleep(10 * time.Millisecond) // let the cancellation arrive
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || seen > 500 {
			t.Errorf("%d flows after the cancellation, error %v", seen, err)
		}
		enough := errors.New("enough")
		if err := New(Config{}).Dump(context.Background(), nil, func(*Flow) error { return enough }); err != enough {
			t.Errorf("the callback's error came back as %v", err)
		}
	})
}

// TestDumpMemoryIsFlat compares what is allocated for few and for many flows.
func TestDumpMemoryIsFlat(t *testing.T) {
	tracked(t, func() {
		c := New(Config{})
		measure := func() uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := c.Dump(context.Background(), nil, func(*Flow) error { return nil }); err != nil {
				t.Error(err)
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		inject(t, 1000, variedFlow)
		few := measure()
		inject(t, 30000, func(i int) Flow { return variedFlow(i + 1000) })
		if many := measure(); many > few+64<<10 {
			t.Errorf("31000 flows take %d bytes, 1000 take %d", many, few)
		}
	})
}

func TestWithoutPrivilege(t *testing.T) {
	tracked(t, func() {
		dropCapabilities(t)
		c := New(Config{})
		ctx := context.Background()
		_, tableErr := c.Table(ctx)
		_, statsErr := c.Stats(ctx)
		_, eventsErr := c.Subscribe(SubscribeConfig{})
		for what, err := range map[string]error{
			"dump":       c.Dump(ctx, nil, func(*Flow) error { return nil }),
			"table":      tableErr,
			"statistics": statsErr,
			"events":     eventsErr,
		} {
			if !errors.Is(err, ErrPermission) || !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
				t.Errorf("%s without a right: %v", what, err)
			}
		}
		if _, err := ReadTable(os.DirFS("/proc")); err != nil {
			t.Error(err)
		}
		if _, err := ReadStats(os.DirFS("/proc"), "thread-self/net"); err != nil {
			t.Error(err)
		}
	})
}
