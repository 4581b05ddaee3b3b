package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// TestEqualsConntrack lists and counts selections of one table as the real
// conntrack does.
func TestEqualsConntrack(t *testing.T) {
	ns := tracked(t)
	load(t, ns, mixed(3000))
	for _, tt := range []struct{ ours, theirs string }{
		{"", ""},
		{"--protocol tcp --state established", "-p tcp --state ESTABLISHED"},
		{"--state time_wait", "-p tcp --state TIME_WAIT"},
		{"--protocol udp --dport 500", "-p udp --dport 500"},
		{"--protocol icmp", "-p icmp"},
		{"--protocol icmpv6", "-f ipv6 -p icmpv6"},
		{"-4", "-f ipv4"},
		{"-6 --protocol tcp", "-f ipv6 -p tcp"},
		{"--mark 16", "-m 16"},
		{"--mark 0x10/0xfffffffe", "-m 16/0xfffffffe"},
		{"--zone 7", "-w 7"},
		{"--status assured", "-u ASSURED"},
		{"--src 10.0.3.0/24", "-s 10.0.3.0/24"},
		{"--dst 2001:db8::1 --protocol udp", "-d 2001:db8::1 -p udp"},
		{"--reply-src 192.0.2.1 --mark 17", "-r 192.0.2.1 -m 17"},
		{"--protocol tcp --sport 1731", "-p tcp --sport 1731"},
	} {
		t.Run(tt.ours, func(t *testing.T) {
			want := conntrackFlows(inside(t, ns, "conntrack", append([]string{"-L", "-o", "extended"}, strings.Fields(tt.theirs)...)...))
			list := run(t, ns, nil, append([]string{"list", "--format", "csv"}, strings.Fields(tt.ours)...)...)
			got := csvFlows(t, list.Stdout)
			if list.Code != 0 || list.Stderr != "" {
				t.Errorf("list: exit %d, %s", list.Code, list.Stderr)
			}
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%d flows, conntrack has %d; the first that differ: %s", len(got), len(want), firstDifference(got, want))
			}
			count := run(t, ns, nil, append([]string{"count"}, strings.Fields(tt.ours)...)...)
			if fields := strings.Fields(count.Stdout); count.Code != 0 || !slices.Contains(fields, fmt.Sprint(len(want))) {
				t.Errorf("count: %v, want %d", count, len(want))
			}
			if tt.ours == "" {
				return // the check is about the fill
			}
			check := run(t, ns, nil, append([]string{"check"}, strings.Fields(tt.ours)...)...)
			if check.Code != 0 || !strings.Contains(check.Stdout, fmt.Sprintf("| flows=%d;", len(want))) {
				t.Errorf("check: %v, want %d", check, len(want))
			}
		})
	}
}

var conntrackField = regexp.MustCompile(`\b(src|sport|dst|dport|mark|zone)=(\S+)`)

// conntrackFlows reads conntrack -L -o extended: family, protocol, state, both
// tuples, mark and zone of each flow, sorted.
func conntrackFlows(out string) (flows []string) {
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		state := ""
		if words[2] == "tcp" {
			state = strings.ToLower(words[5])
		}
		fields := map[string][]string{}
		for _, match := range conntrackField.FindAllStringSubmatch(line, -1) {
			fields[match[1]] = append(fields[match[1]], match[2])
		}
		nth := func(key string, i int) string {
			if i < len(fields[key]) {
				return fields[key][i]
			}
			return ""
		}
		zone, mark := nth("zone", 0), nth("mark", 0)
		if zone == "" {
			zone = "0"
		}
		flows = append(flows, strings.Join([]string{
			words[0], words[2], state,
			nth("src", 0), nth("sport", 0), nth("dst", 0), nth("dport", 0),
			nth("src", 1), nth("sport", 1), nth("dst", 1), nth("dport", 1), zone, mark,
		}, " "))
	}
	slices.Sort(flows)
	return flows
}

// csvFlows reads the same out of our CSV.
func csvFlows(t *testing.T, out string) (flows []string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("no CSV: %v", err)
	}
	for _, row := range rows[1:] {
		kept := append(slices.Clone(row[:3]), row[4:14]...)
		flows = append(flows, strings.Join(kept, " "))
	}
	slices.Sort(flows)
	return flows
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%q and %q", a[i], b[i])
		}
	}
	return "one has more"
}

// TestNAT shows what a rule translated.
func TestNAT(t *testing.T) {
	ns := tracked(t)
	inside(t, ns, "nft", "add table ip n; add chain ip n o { type nat hook output priority -100; }; add rule ip n o udp dport 2000 dnat to 127.0.0.9:53")
	opener(t, ns).open(1)
	got := run(t, ns, nil, "list", "--dport", "2000")
	if got.Code != 0 || !strings.Contains(got.Stdout, "dnat=127.0.0.9:53") {
		t.Errorf("list: %v", got)
	}
	if got := run(t, ns, nil, "count", "--reply-src", "127.0.0.9", "--reply-sport", "53", "--by", "reply-src"); !strings.Contains(got.Stdout, "1  127.0.0.9\n") {
		t.Errorf("count by the address that answers: %v", got)
	}
}

// TestCountNames shows services, each as its protocol calls it; flows without ports
// have none.
func TestCountNames(t *testing.T) {
	ns := tracked(t)
	load(t, ns, mixed(1400))
	for args, want := range map[string]string{
		"--by dport":                             "COUNT  DPORT\n  400  http\n  400  https\n  200  -\n  200  domain\n  200  500\n", // isakmp is of UDP
		"--by dport,protocol --protocol udp,tcp": "COUNT  DPORT   PROTOCOL\n  400  http    tcp\n  400  https   tcp\n  200  domain  udp\n  200  isakmp  udp\n",
		"--by port --protocol udp --format csv":  "count,dport\n200,domain\n200,isakmp\n",
	} {
		got := run(t, ns, nil, append([]string{"count", "--names"}, strings.Fields(args)...)...)
		if got.Stdout != want || got.Code != 0 {
			t.Errorf("%s: %v, want %s", args, got, want)
		}
	}
}

// TestGroups counts the same table by every group.
func TestGroups(t *testing.T) {
	ns := tracked(t)
	load(t, ns, mixed(1400))
	for by, want := range map[string][]string{
		"protocol": {"flows=1400;", "tcp=800;", "udp=400;", "icmp=160;", "icmpv6=40;", "other=0;", "largest=800;"},
		"state":    {"flows=1400;", "established=240;", "time_wait=80;", "other=600;"},
		"status":   {"flows=1400;", "assured=800;", "seen_reply=1400;", "unreplied=0;", "largest=1400;"},
		"mark":     {"flows=1400;", "other=0;", "largest=933;"},
		"zone":     {"flows=1400;", "other=0;", "largest=1050;"},
		"src":      {"flows=1400;", "other=1390;", "largest=1;"},
		"peer":     {"flows=1400;", "other=1390;", "largest=1;"},
		"port":     {"flows=1400;", "other=0;"},
		"sport":    {"flows=1400;", "largest=200;"}, // those that have none
	} {
		got := run(t, ns, nil, "check", "--by", by)
		line, _, _ := strings.Cut(got.Stdout, "\n")
		for _, item := range want {
			if got.Code != 0 || !strings.Contains(line, " "+item) {
				t.Errorf("--by %s has no %s: %v", by, item, got)
			}
		}
	}
	if got := run(t, ns, nil, "check", "--by", "peer", "-w", "ip_10_0_0_0=0", "-c", "largest=500"); got.Code != 1 || !strings.Contains(got.Stdout, "src 10.0.0.0: 1 (above 0)") {
		t.Errorf("a limit on one peer: %v", got)
	}
}

// TestEventsAtOnce prints a line the moment a flow appears, and ends an
// interrupt with the summary.
func TestEventsAtOnce(t *testing.T) {
	ns := tracked(t)
	events := start(t, ns, "events", "--new", "--protocol", "udp", "--dport", "2001,2002")
	events.await("TIME")
	o := opener(t, ns)
	o.open(2) // 2000 and 2001
	events.await(":2001 ")
	if out, _ := os.ReadFile(events.stdout); strings.Contains(string(out), ":2000 ") || strings.Count(string(out), "\n") != 2 {
		t.Errorf("printed %s", out)
	}
	o.open(3)
	events.await(":2002 ")
	events.signal(syscall.SIGINT)
	if got := events.end(); got.Code != 0 || !strings.Contains(got.Stderr, "conntrack: 2 created, 0 updated, 0 destroyed, 0 lost in ") {
		t.Errorf("interrupted: %v", got)
	}
}

// TestDestroyEvents tells how long a flow lived and what it carried.
func TestDestroyEvents(t *testing.T) {
	ns := tracked(t)
	inside(t, ns, "sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1", "net.netfilter.nf_conntrack_timestamp=1")
	events := start(t, ns, "events", "--destroy", "--format", "csv")
	events.await("family")
	opener(t, ns).open(1)
	inside(t, ns, "conntrack", "-D", "-p", "udp")
	events.await("destroy")
	events.signal(syscall.SIGTERM)
	got := events.end()
	rows, err := csv.NewReader(strings.NewReader(got.Stdout)).ReadAll()
	if err != nil || len(rows) != 2 || got.Code != 0 {
		t.Fatalf("%v: %v", err, got)
	}
	cell := func(key string) string { return rows[1][slices.Index(rows[0], key)] }
	if cell("packets") != "1" || cell("bytes") != "29" || cell("reply_packets") != "0" || cell("start") == "" || cell("duration_s") == "" || cell("event") != "destroy" {
		t.Errorf("printed %q", rows[1])
	}
}

// TestEventsUnderLoad makes 20,000 flows a second: every one is printed. With a
// small buffer and a reader that stops for a while some are lost, and what is
// printed and what is said to be lost are all.
func TestEventsUnderLoad(t *testing.T) {
	const made, perSecond = 40000, 20000
	for name, tt := range map[string]struct {
		buffer string
		stop   bool
	}{"default buffer": {}, "small buffer": {"262144", true}, "tiny buffer": {"4096", true}} {
		ns := tracked(t)
		args := []string{"events", "--new", "--protocol", "udp"}
		if tt.buffer != "" {
			args = append(args, "--buffer", tt.buffer)
		}
		events := start(t, ns, args...)
		events.await("TIME")
		o := opener(t, ns)
		if tt.stop {
			o.openPaced(made/2, perSecond)
			events.signal(syscall.SIGSTOP)
			o.openPaced(made/2, perSecond)
			events.signal(syscall.SIGCONT)
		} else {
			o.openPaced(made, perSecond)
		}
		events.signal(syscall.SIGINT)
		got := events.end()
		printed := strings.Count(got.Stdout, "\n") - 1
		lost := 0
		last := got.Stderr[strings.Index(got.Stderr, " created"):]
		fmt.Sscanf(last[strings.Index(last, "destroyed, "):], "destroyed, %d lost", &lost)
		if printed+lost != o.made || tt.stop != (lost > 0) {
			t.Errorf("%s: %d printed and %d lost of %d: %s", name, printed, lost, o.made, got.Stderr)
		}
		if wantCode := map[bool]int{false: 0, true: 2}[tt.stop]; got.Code != wantCode || tt.stop != strings.Contains(got.Stderr, fmt.Sprintf("lost %d connection-tracking events", lost)) {
			t.Errorf("%s: exit %d, %s", name, got.Code, got.Stderr)
		}
		// A word a second and one at the end, not one for each time.
		if said := strings.Count(got.Stderr, "events because"); tt.stop && (said < 2 || said > 10) {
			t.Errorf("%s: %d words about losses: %s", name, said, got.Stderr)
		}
		t.Logf("%s: %d printed, %d lost of %d", name, printed, lost, o.made)
	}
}

// TestSummary counts what happened in a time.
func TestSummary(t *testing.T) {
	ns := tracked(t)
	counting := start(t, ns, "events", "--summary", "30s", "--format", "csv")
	counting.subscribed()
	o := opener(t, ns)
	o.openPaced(4000, 20000)
	inside(t, ns, "conntrack", "-F")
	counting.signal(syscall.SIGINT)
	got := counting.end()
	rows, err := csv.NewReader(strings.NewReader(got.Stdout)).ReadAll()
	if err != nil || got.Code != 0 || len(rows) != 2 || strings.Join(rows[0], " ") != "created updated destroyed failed lost duration_s" {
		t.Fatalf("%v: %v", err, got)
	}
	if rows[1][0] != "4000" || rows[1][2] != "4000" || rows[1][3] != "0" || rows[1][4] != "0" {
		t.Errorf("counted %q of 4000", rows[1])
	}
}

// TestSample measures new flows per second, and gives no number for a sample
// that lost some.
func TestSample(t *testing.T) {
	ns := tracked(t)
	o := opener(t, ns)
	sampling := start(t, ns, "check", "--protocol", "udp", "--sample", "1s", "-w", "new=100", "-v")
	sampling.subscribed()
	o.openPaced(30000, 20000)
	got := sampling.end()
	var flows int
	var rate float64
	_, perfdata, _ := strings.Cut(got.Stdout, "| ")
	fmt.Sscanf(perfdata, "flows=%d;;;0; new=%g;", &flows, &rate)
	if got.Code != 1 || rate < 10000 || rate > 30000 {
		t.Errorf("about 20000 a second: %v", got)
	}

	stopped := start(t, ns, "munin", "new", "fetch")
	stopped.subscribed()
	stopped.signal(syscall.SIGSTOP)
	o.open(120000)
	stopped.signal(syscall.SIGCONT)
	if got := stopped.end(); got.Code != 0 || !strings.Contains(got.Stdout, "new.value U\n") || !strings.Contains(got.Stdout, "# sockcensus: lost ") {
		t.Errorf("a sample with a loss: %v", got)
	}
}

// TestUnused says that nothing is tracked and what would change that.
func TestUnused(t *testing.T) {
	ns := testhost.NewNetns(t)
	for _, args := range [][]string{{"check"}, {"check", "--protocol", "tcp"}, {"count"}, {"count", "--by", "protocol"}, {"list"}, {"stats"}, {"munin", "autoconf"}} {
		got := run(t, ns, nil, args...)
		if got.Code != 0 || !strings.Contains(got.Stdout+got.Stderr, "not in use in this network namespace") {
			t.Errorf("%v: %v", args, got)
		}
	}
}

// TestTimeout is a table that is too large for the time that is given.
func TestTimeout(t *testing.T) {
	ns := tracked(t)
	opener(t, ns).open(60000)
	for _, tt := range []struct {
		args   []string
		option string
		exit   int
	}{
		{[]string{"check", "--by", "sport", "-t", "5ms"}, "--timeout", 3},
		{[]string{"munin", "protocols"}, "env.timeout", 0},
	} {
		got := testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "conntrack"), Args: tt.args, Netns: ns, Env: []string{"timeout=5ms"}})
		if !strings.Contains(got.Stdout, "gave up after 5ms without an answer: narrow the selection or raise "+tt.option+"\n") {
			t.Errorf("%v: %v", tt.args, got)
		}
		if got.Code != tt.exit {
			t.Errorf("%v: exit %d, want %d", tt.args, got.Code, tt.exit)
		}
	}
}
