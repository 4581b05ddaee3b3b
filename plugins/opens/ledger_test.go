package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
)

// peersOf makes a reading of port 4711 by peer; "gone" is what peers counted that
// have no counter any more.
func peersOf(minute int, peers map[string]uint64) *opens.Sample {
	s := reading(-time.Duration(minute)*time.Minute, 0)
	s.Totals, s.Peers, s.In, s.Out = nil, nil, opens.Flow{}, opens.Flow{}
	for text, n := range peers {
		s.In.Opens += n
		if text == "gone" {
			continue
		}
		s.Peers = append(s.Peers, opens.Peer{Service: game, Addr: netip.MustParseAddr(text), Mark: opens.Mark{Opens: n, First: 1}})
	}
	s.Totals = []opens.Total{{Service: game, Mark: opens.Mark{Opens: s.In.Opens, First: 1}}}
	return s
}

func fetch(t *testing.T, f *fake, minute int, peers map[string]uint64) map[string]string {
	t.Helper()
	f.sample, f.now, f.up = peersOf(minute, peers), noon.Add(time.Duration(minute)*time.Minute), uptime+time.Duration(minute)*time.Minute
	_, stdout, _ := call(t, f, []string{"top=2", "MUNIN_PLUGSTATE=.", "MUNIN_STATEFILE=opens_peers_4711-127.0.0.1"}, "opens_peers_4711")
	values := map[string]string{}
	if !strings.HasPrefix(stdout[strings.LastIndex(strings.TrimSpace(stdout), "\n")+1:], "other.value ") {
		t.Errorf("other is not the last field:\n%s", stdout)
	}
	for line := range strings.Lines(stdout) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ".value ")
		if !ok {
			t.Errorf("line %q", line)
		}
		values[name] = value
	}
	return values
}

// The fields of the busiest peers stay; what each counts only rises, and all of
// them together count every connection, whoever comes and goes.
func TestPeersGraph(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(nil)
	want := func(step string, got, want map[string]string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", step, got, want)
		}
	}
	want("first", fetch(t, f, 0, map[string]uint64{"10.0.0.1": 500_000, "10.0.0.2": 400_000, "10.0.0.3": 10}),
		map[string]string{"ip_10_0_0_1": "0", "ip_10_0_0_2": "0", "other": "0"})
	want("second", fetch(t, f, 5, map[string]uint64{"10.0.0.1": 500_007, "10.0.0.2": 400_000, "10.0.0.3": 15}),
		map[string]string{"ip_10_0_0_1": "7", "ip_10_0_0_2": "0", "other": "5"})
	want("a peer that comes new", fetch(t, f, 10, map[string]uint64{"10.0.0.1": 500_008, "10.0.0.2": 400_001, "10.0.0.3": 15, "10.0.0.4": 9000}),
		map[string]string{"ip_10_0_0_1": "8", "ip_10_0_0_2": "1", "other": "9005"})
	want("a peer that was evicted", fetch(t, f, 15, map[string]uint64{"gone": 500_008, "10.0.0.2": 400_001, "10.0.0.3": 15, "10.0.0.4": 9003}),
		map[string]string{"ip_10_0_0_1": "8", "ip_10_0_0_2": "1", "other": "9008"})
	// After a week without them, the busy one gets a field.
	const week = 8 * 24 * 60
	got := fetch(t, f, week, map[string]uint64{"gone": 900_024, "10.0.0.4": 10_000})
	if got["ip_10_0_0_4"] == "" || len(got) != 3 {
		t.Errorf("after a week: %v", got)
	}
}

// The total of the fields is the total of the port, also over a reboot.
func TestPeersGraphReboot(t *testing.T) {
	s := peersOf(5, map[string]uint64{"10.0.0.1": 30, "10.0.0.7": 4})
	s.Epoch.Boot = "second"
	l, note := rereadLedger()
	if note != nil {
		t.Fatal(note)
	}
	l.advance(s, new(query))
	l.credit([]string{"ip_10_0_0_1"})
	if l.counts["ip_10_0_0_1"] != 30 || l.counts[other] != 4 {
		t.Errorf("after a reboot: %v", l.counts)
	}
	l.advance(peersOf(1, map[string]uint64{"10.0.0.1": 1}), new(query))
	l.credit([]string{"ip_10_0_0_1"})
	if l.counts["ip_10_0_0_1"] < 30 {
		t.Errorf("a count fell: %v", l.counts)
	}
}

// rereadLedger is a ledger as a later run reads it.
func rereadLedger() (*ledger, error) {
	l := new(ledger)
	l.advance(peersOf(0, map[string]uint64{"10.0.0.1": 100}), new(query))
	l.credit([]string{"ip_10_0_0_1"})
	return readLedger(l.encode(), nil)
}

// What is damaged is said and begun anew; the graph keeps its fields.
func TestDamagedLedger(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(nil)
	fetch(t, f, 0, map[string]uint64{"10.0.0.1": 100})
	if err := os.WriteFile("opens_peers_4711-127.0.0.1.counts", []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.goTo(time.Minute, 200)
	_, stdout, _ := call(t, f, []string{"top=2", "MUNIN_PLUGSTATE=.", "MUNIN_STATEFILE=opens_peers_4711-127.0.0.1"}, "opens_peers_4711")
	expect(t, stdout, "# sockcensus: ", "begun anew", "ip_10_0_0_1.value 0", "other.value 0")
	f.sample = nil
	_, stdout, _ = call(t, f, []string{"top=2", "MUNIN_PLUGSTATE=.", "MUNIN_STATEFILE=opens_peers_4711-127.0.0.1"}, "opens_peers_4711", "config")
	expect(t, stdout, "ip_10_0_0_1.type DERIVE", "other.type DERIVE")
	if strings.Contains(stdout, "GAUGE") {
		t.Errorf("recalled fields are no counters:\n%s", stdout)
	}
}

func FuzzLedger(f *testing.F) {
	l := new(ledger)
	l.advance(peersOf(0, map[string]uint64{"10.0.0.1": 100, "2001:db8::1": 7}), new(query))
	l.credit([]string{"ip_10_0_0_1"})
	f.Add(l.encode())
	f.Add([]byte("count a 1\nscore 10.0.0.1 NaN\n\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := decodeLedger(data)
		if err != nil {
			return
		}
		again, err := decodeLedger(l.encode())
		if err != nil || fmt.Sprint(again.counts) != fmt.Sprint(l.counts) || len(again.scores) != len(l.scores) {
			t.Errorf("%q is read as %v and then as %v: %v", data, l, again, err)
		}
	})
}
