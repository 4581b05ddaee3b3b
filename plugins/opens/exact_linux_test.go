package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testnet"
)

func compare(t *testing.T, what string, got, want map[key]uint64) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		if len(diff) > 2000 {
			diff = diff[:2000] + "..."
		}
		t.Errorf("%s differs from what was accepted (-want +got):\n%s", what, diff)
	}
}

// incoming are the rows of a direction, without connections to ports that nobody
// of the test serves.
func incoming(rows map[key]uint64) map[key]uint64 {
	in := map[key]uint64{}
	for k, n := range rows {
		if k.direction == "in" {
			in[k] = n
		}
	}
	return in
}

// Many short connections at full speed from 200 peers to two ports, over IPv4 and
// IPv6, half of them reset, beside refused ones and some over loopback: counted as
// accepted, per port and peer, by each method, in the kernel and in the history.
func TestExact(t *testing.T) {
	for _, method := range []string{"sockops", "nft"} {
		t.Run(method, func(t *testing.T) {
			l, tr := newLab(t), testnet.NewAccepted()
			l.on("--method", method)
			for _, where := range []netip.AddrPort{testnet.At(testnet.Server4, 4711), testnet.At(testnet.Server4, 4712), testnet.At(testnet.Server6, 4711), testnet.At("127.0.0.1", 4713)} {
				tr.Serve(t, l.Server, where)
			}
			n := load()
			began := time.Now()
			made := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.0.0", 200), N: n / 2}.Run(t, l.Client)
			made += testnet.Burst{To: testnet.At(testnet.Server4, 4712), From: testnet.Addresses("10.66.0.0", 200), N: n / 4}.Run(t, l.Client)
			made += testnet.Burst{To: testnet.At(testnet.Server6, 4711), From: testnet.Addresses("fd66::", 50), N: n / 4, Reset: true}.Run(t, l.Client)
			rate := float64(made) / time.Since(began).Seconds()
			made += testnet.Burst{To: testnet.At("127.0.0.1", 4713), N: 100}.Run(t, l.Server)
			if refused := (testnet.Burst{To: testnet.At(testnet.Server4, 9), From: testnet.Addresses("10.66.0.0", 3), N: 300}).Run(t, l.Client); refused != 0 {
				t.Fatalf("%d connections to a closed port were made", refused)
			}
			tr.Settle(t, made)
			t.Logf("%d connections, %.0f/s", made, rate)
			compare(t, "opens count", incoming(l.counted("count")), incomingOf(tr))

			l.opens(0, "record")
			more := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.0.0", 7), N: 70}.Run(t, l.Client)
			tr.Settle(t, made+more)
			compare(t, "opens report with what came since", incoming(l.counted("report")), incomingOf(tr))
			l.opens(0, "record")
			compare(t, "opens report", incoming(l.counted("report", "--until", "2999-01-01")), incomingOf(tr))
			if method == "sockops" {
				status := l.opens(0, "status").Stdout
				if want := fmt.Sprintf("%d, as PassiveOpens has it", made+more); !strings.Contains(status, want) {
					t.Errorf("status does not say %q:\n%s", want, status)
				}
			}
		})
	}
}

// SYNs that get lost are sent again; the connection counts once. The SYNs and then
// the SYN+ACKs of a second are dropped.
func TestRetransmittedSYNs(t *testing.T) {
	for _, method := range []string{"sockops", "nft"} {
		t.Run(method, func(t *testing.T) {
			l, tr := newLab(t), testnet.NewAccepted()
			l.on("--method", method)
			tr.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
			before := retransmits(t, l)
			testnet.Tool(l.t, "nft", l.Client, "add table ip lossy", "add chain ip lossy out { type filter hook output priority 0; }",
				"add rule ip lossy out tcp flags syn drop")
			var done sync.WaitGroup
			made := make([]int, 20)
			for i := range made {
				done.Go(func() {
					made[i] = testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.0.0", 20)[i : i+1], N: 3}.Run(t, l.Client)
				})
			}
			time.Sleep(300 * time.Millisecond)
			testnet.Tool(l.t, "nft", l.Client, "delete table ip lossy")
			done.Wait()
			tr.Settle(t, 60)
			if again := retransmits(t, l) - before; again < 20 {
				t.Fatalf("%d SYNs were sent again, want at least 20: the test is no test", again)
			}
			compare(t, "opens count", incoming(l.counted("count")), incomingOf(tr))
		})
	}
}

// retransmits is the client's TCPSynRetrans.
func retransmits(t *testing.T, l *lab) (n int) {
	t.Helper()
	var text []byte
	err := l.Client.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/netstat")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		values := strings.Fields(lines[i+1])
		for j, name := range strings.Fields(lines[i]) {
			if name == "TCPSynRetrans" {
				fmt.Sscan(values[j], &n)
			}
		}
	}
	return n
}

// What this host opens counts by the remote port.
func TestOutgoing(t *testing.T) {
	l, tr := newLab(t), testnet.NewAccepted()
	l.on()
	tr.Serve(t, l.Client, testnet.At(testnet.Client4, 25))
	made := testnet.Burst{To: testnet.At(testnet.Client4, 25), N: 120}.Run(t, l.Server)
	tr.Settle(t, made)
	got := l.counted("count", "--direction", "out", "-p", "25")
	compare(t, "opens count --direction out", got, map[key]uint64{{"out", 25, netip.MustParseAddr(testnet.Client4)}: uint64(made)})
	if check := l.check("-p", "25", "--direction", "out", "-w", "100"); check.Code != 1 || !strings.HasPrefix(check.Stdout, "OPENS WARNING - 120 outgoing connections to port 25 in ") {
		t.Errorf("check of outgoing connections: %v", check)
	}
}

// A table of 100 entries and 400 peers: the totals are exact, and wherever numbers
// by peer are shown the overflow is.
func TestOverflow(t *testing.T) {
	l, tr := newLab(t), testnet.NewAccepted()
	l.on("--size", "100")
	tr.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	made := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.0.0", 400), N: 2000}.Run(t, l.Client)
	tr.Settle(t, made)
	if got := l.opens(0, "count", "-p", "4711", "--format", "csv").Stdout; got != "opens\n2000\n" {
		t.Errorf("opens count: %q", got)
	}
	byPeer := l.opens(0, "count", "-p", "4711", "--by", "peer")
	if !strings.Contains(byPeer.Stdout, "other ") || !strings.Contains(byPeer.Stderr, "connections of peers that have no counter of their own") {
		t.Errorf("opens count --by peer does not speak of the overflow: %v", byPeer)
	}
	var sum uint64
	for _, n := range incoming(l.counted("count")) {
		sum += n
	}
	if sum != 2000 {
		t.Errorf("the groups have %d connections, want 2000", sum)
	}
	check := l.check("-p", "4711", "-c", "opens=1999")
	if check.Code != 2 || !strings.Contains(check.Stdout, "OPENS CRITICAL - 2000 connections to port 4711") || !strings.Contains(check.Stdout, "peers and more") ||
		!strings.Contains(check.Stdout, "no counter of their own") {
		t.Errorf("check: %v", check)
	}
	if status := l.opens(0, "status").Stdout; !strings.Contains(status, "of 100: full") || !strings.Contains(status, "in no peer's counter") {
		t.Errorf("status:\n%s", status)
	}
	again := l.opens(0, "on", "--size", "500")
	if !strings.Contains(again.Stdout, "unchanged") || !strings.Contains(again.Stderr, "keep that size") {
		t.Errorf("on with another size: %v", again)
	}
}

// Steps that are recorded at the same time count nothing twice.
func TestRecordTwiceAtOnce(t *testing.T) {
	l, tr := newLab(t), testnet.NewAccepted()
	l.on()
	tr.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	made := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.0.0", 20), N: 500}.Run(t, l.Client)
	tr.Settle(t, made)
	for range 3 {
		var done sync.WaitGroup
		for range 3 {
			done.Go(func() { l.opens(0, "record") })
		}
		done.Wait()
	}
	compare(t, "opens report", incoming(l.counted("report")), incomingOf(tr))
}

// Connections show one by one as they come, and ^C gives the summary.
func TestWatch(t *testing.T) {
	l, tr := newLab(t), testnet.NewAccepted()
	tr.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	tr.Serve(t, l.Server, testnet.At(testnet.Server4, 4712))
	path := filepath.Join(l.dir, "watched")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := l.background(out, "watch", "-p", "4711")
	defer cmd.Process.Kill()
	seen := func() string {
		text, _ := os.ReadFile(path)
		return string(text)
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(seen(), "DIRECTION") && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	made := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.0.0", 3), N: 300}.Run(t, l.Client)
	made += testnet.Burst{To: testnet.At(testnet.Server4, 4712), From: testnet.Addresses("10.66.0.0", 3), N: 10}.Run(t, l.Client)
	tr.Settle(t, made)
	for deadline := time.Now().Add(5 * time.Second); strings.Count(seen(), "  in  ") < 300 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after ^C: %v\n%s", err, seen())
	}
	text := seen()
	if lines := strings.Count(text, "  4711  10.66.0."); lines != 300 || strings.Contains(text, "  4712  ") {
		t.Errorf("%d lines of port 4711, want 300:\n%.1000s", lines, text)
	}
	if !strings.Contains(text, "300 connections of 3 peers in ") || !strings.Contains(text, ", 0 lost\n") || !strings.Contains(text, "100  10.66.0.2") {
		t.Errorf("no summary:\n%s", text[max(0, len(text)-500):])
	}
}
