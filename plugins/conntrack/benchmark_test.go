package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// benchmarkEntries is the size of the table in the comparison.
const benchmarkEntries = 250_000

// gateway are the entries of a busy gateway: of 10 flows 7 are TCP (four of
// them established) and 3 UDP; one in ten is IPv6.
func gateway(i int) string {
	switch {
	case i%10 >= 7:
		return benchmarkEntry(i, "udp", "-u SEEN_REPLY")
	case i%10 >= 4:
		return benchmarkEntry(i, "tcp", "--state TIME_WAIT -u SEEN_REPLY,ASSURED")
	default:
		return benchmarkEntry(i, "tcp", "--state ESTABLISHED -u SEEN_REPLY,ASSURED")
	}
}

// server are entries that are all selected, where filtering in the kernel
// cannot help.
func server(i int) string {
	return benchmarkEntry(i, "tcp", "--state ESTABLISHED -u SEEN_REPLY,ASSURED")
}

func benchmarkEntry(i int, protocol, rest string) string {
	src, dst := fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), "192.0.2.1"
	if i/10%10 == 0 {
		src, dst = fmt.Sprintf("fd00::%x:%x", i>>16, i&0xffff), "2001:db8::1"
	}
	return fmt.Sprintf("-A -s %s -d %s -p %s --sport %d --dport 443 -t 86400 %s", src, dst, protocol, 1024+i%60000, rest)
}

// TestAgainstConntrack times whole processes that count the established TCP
// flows of 250,000 entries, IPv4 and IPv6: our check against
// `conntrack -L -p tcp --state ESTABLISHED | wc -l`, best of seven, taking
// turns. Both cover both families. With -f ipv4 it is repeated for IPv4 alone.
// Munin's own plugin fw_conntrack, which lists both families and counts in Perl,
// is timed beside our conntrack_states. Only for CONNTRACK_BENCHMARK=1.
func TestAgainstConntrack(t *testing.T) {
	if os.Getenv("CONNTRACK_BENCHMARK") == "" {
		t.Skip("set CONNTRACK_BENCHMARK=1 to fill a table with 250,000 flows and compare")
	}
	for name, entry := range map[string]func(int) string{"gateway": gateway, "server": server} {
		ns := tracked(t)
		lines := make([]string, benchmarkEntries)
		for i := range lines {
			lines[i] = entry(i)
		}
		load(t, ns, lines)
		compare(t, ns, name+", both families", "", nil)
		compare(t, ns, name+", IPv4", "-f ipv4", []string{"-4"})
		compareMunin(t, ns, name)
	}
}

// compare takes turns, so that a noisy moment hits both.
func compare(t *testing.T, ns *testhost.Netns, name, theirFamily string, ourFamily []string) {
	t.Helper()
	ours, theirs := time.Hour, time.Hour
	var count, want string
	binary := testhost.Binary(t, "conntrack")
	for range 7 {
		theirs = min(theirs, timed(t, ns, &want, "sh", "-c", "conntrack -L -p tcp --state ESTABLISHED "+theirFamily+" 2>/dev/null | wc -l"))
		ours = min(ours, timed(t, ns, &count, binary, append([]string{"check", "--protocol", "tcp", "--state", "established"}, ourFamily...)...))
	}
	ratio := ours.Seconds() / theirs.Seconds()
	t.Logf("%s: %s flows: %v, conntrack | wc -l %v, ratio %.2f",
		name, strings.TrimSpace(want), ours.Round(time.Millisecond), theirs.Round(time.Millisecond), ratio)
	if !strings.Contains(count, "| flows="+strings.TrimSpace(want)+";") || strings.TrimSpace(want) == "0" {
		t.Errorf("%s: we count %s, conntrack %s", name, count, want)
	}
	if ratio > 0.62 {
		t.Errorf("%s: %.2f of conntrack's time is more than 0.62", name, ratio)
	}
}

// compareMunin times one round of each Munin plugin, best of three.
func compareMunin(t *testing.T, ns *testhost.Netns, name string) {
	t.Helper()
	const munins = "/usr/share/munin/plugins/fw_conntrack"
	if _, err := os.Stat(munins); err != nil {
		t.Logf("%s: no comparison with fw_conntrack: %v", name, err)
		return
	}
	ours, theirs := time.Hour, time.Hour
	var got, want string
	for range 3 {
		theirs = min(theirs, timed(t, ns, &want, munins))
		ours = min(ours, timed(t, ns, &got, testhost.Binary(t, "conntrack"), "munin", "states"))
	}
	t.Logf("%s: conntrack_states %v, fw_conntrack %v, ratio %.2f", name, ours.Round(time.Millisecond), theirs.Round(time.Millisecond), ours.Seconds()/theirs.Seconds())
	line := func(out string) string {
		at := strings.Index(out, "established.value ")
		text, _, _ := strings.Cut(out[at:], "\n")
		return text
	}
	if line(got) != line(want) {
		t.Errorf("%s: conntrack_states has %s, fw_conntrack %s", name, line(got), line(want))
	}
}

// timed runs a program in the namespace and returns how long all of it took.
func timed(t *testing.T, ns *testhost.Netns, out *string, program string, args ...string) (took time.Duration) {
	t.Helper()
	err := ns.Do(func() error {
		cmd := exec.Command(program, args...)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "MUNIN_LIBDIR=/usr/share/munin"}
		began := time.Now()
		b, err := cmd.Output()
		took = time.Since(began)
		*out = string(b)
		return err
	})
	if err != nil {
		t.Errorf("%s %v: %v", program, args, err)
	}
	return took
}
