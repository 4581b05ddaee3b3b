package conntrack

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchmarkEntries is the size of the table in the comparison.
const benchmarkEntries = 250_000

// mixedFlow makes a table like a busy gateway's: of 10 flows 7 are TCP (half of
// them established) and 3 UDP; one in ten is IPv6.
func mixedFlow(i int) Flow {
	f := Flow{Family: IPv4, Protocol: TCP, State: StateEstablished, Timeout: time.Hour, Status: StatusSeenReply | StatusAssured}
	switch {
	case i%10 >= 7:
		f.Protocol, f.State = UDP, StateUnknown
	case i%10 >= 4:
		f.State = StateTimeWait
	}
	return benchmarkTuple(f, i)
}

// establishedFlow makes a table in which the tracker's filters help least.
func establishedFlow(i int) Flow {
	return benchmarkTuple(Flow{Family: IPv4, Protocol: TCP, State: StateEstablished, Timeout: time.Hour, Status: StatusSeenReply | StatusAssured}, i)
}

func benchmarkTuple(f Flow, i int) Flow {
	host := [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
	f.Original = Tuple{Src: netip.AddrFrom4(host), Dst: netip.AddrFrom4([4]byte{192, 0, 2, 1}), SrcPort: uint16(1024 + i%60000), DstPort: 443}
	if i/10%10 == 0 {
		f.Family = IPv6
		f.Original.Src = netip.AddrFrom16([16]byte{0: 0xfd, 12: host[0], 13: host[1], 14: host[2], 15: host[3]})
		f.Original.Dst = netip.AddrFrom16([16]byte{0: 0xfd, 15: 1})
	}
	return f
}

// TestAgainstConntrack times a count of established TCP flows, both families,
// against `conntrack -L -p tcp --state ESTABLISHED | wc -l`, best of five each,
// taking turns. Only for CONNTRACK_BENCHMARK=1.
func TestAgainstConntrack(t *testing.T) {
	if os.Getenv("CONNTRACK_BENCHMARK") == "" {
		t.Skip("set CONNTRACK_BENCHMARK=1 to fill a table with 250,000 flows and compare")
	}
	for name, flow := range map[string]func(int) Flow{"mixed": mixedFlow, "established": establishedFlow} {
		tracked(t, func() {
			inject(t, benchmarkEntries, flow)
			ours, theirs := time.Hour, time.Hour
			var n, m int
			for range 5 {
				theirs = min(theirs, timed(func() { m = conntrackEstablished(t) }))
				ours = min(ours, timed(func() { n = countEstablished(t) }))
			}
			ratio := float64(ours) / float64(theirs)
			t.Logf("%s: %d of %d flows: %v, conntrack | wc -l %v: ratio %.2f", name, n, benchmarkEntries, ours, theirs, ratio)
			if n != m || n == 0 {
				t.Errorf("%d flows, conntrack has %d", n, m)
			}
			if ratio > 0.62 {
				t.Errorf("%.2f of conntrack's time is more than 0.62", ratio)
			}
		})
	}
}

func timed(fn func()) time.Duration {
	start := time.Now()
	fn()
	return time.Since(start)
}

func countEstablished(t testing.TB) (n int) {
	filter := Filter{Protocols: []Protocol{TCP}, States: SetOfStates(StateEstablished)}
	err := New(Config{}).Dump(context.Background(), &filter, func(*Flow) error { n++; return nil })
	if err != nil {
		t.Error(err)
	}
	return n
}

func conntrackEstablished(t testing.TB) int {
	out, err := exec.Command("sh", "-c", "conntrack -L -p tcp --state ESTABLISHED 2>/dev/null | wc -l").Output()
	if err != nil {
		t.Error(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(bytes.TrimSpace(out))))
	if err != nil {
		t.Error(err)
	}
	return n
}
