package main

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sockcensus/sockcensus/pkg/opens"
)

// TestGolden compares what every personality prints, byte by byte. The history
// ends five minutes before noon; since then 400 connections were counted on each
// of two ports.
func TestGolden(t *testing.T) {
	dir, err := filepath.Abs("testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	recorded(t, "opens.db", reading(4*time.Hour, 1000), reading(125*time.Minute, 1100), reading(65*time.Minute, 3100), reading(5*time.Minute, 3600))
	on := newFake(reading(0, 4000))
	on.status = opens.Status{
		Counting: true, Peers: opens.Usage{Entries: 4, Size: 65536}, Services: opens.Usage{Entries: 3, Size: 16384},
		Namespaces: opens.Usage{Entries: 1, Size: 4096}, Overflow: 7, Memory: 10 << 20,
		Kernel: &opens.Comparison{PassiveOpens: 8007, ActiveOpens: 2100}, Place: "/run/sockcensus/bpf",
	}
	off := newFake(nil)
	nft := newFake(reading(0, 4000))
	nft.sample.Method, nft.sample.Out = opens.NFT, opens.Flow{}
	nft.status = opens.Status{Counting: true, Peers: opens.Usage{Entries: 4, Size: 65536}, Reason: "the kernel refuses to load the program", Place: "table inet sockcensus"}
	snapshot := newFake(reading(3*time.Minute, 4000))
	snapshot.sample.Snapshot = true
	stale := newFake(reading(20*time.Minute, 4000))
	stale.sample.Snapshot = true
	half := newFake(reading(0, 4000))
	half.status = opens.Status{Peers: opens.Usage{Entries: 4, Size: 4}, Place: "/run/sockcensus/bpf"}
	lossy := newFake(reading(0, 4000))
	lossy.sample.Lost = 12
	newer := newFake(reading(0, 4000))
	newer.err = &opens.Error{Kind: opens.ErrNewer, Text: "the counters were made by a newer version: upgrade this one"}
	watched := newFake(reading(0, 4000))
	for i, peer := range []string{"10.0.0.1", "2001:db8::7", "10.0.0.1"} {
		watched.events = append(watched.events, opens.Event{Service: game, Addr: netip.MustParseAddr(peer), Other: uint16(40000 + i), Time: uptime + time.Duration(i)*time.Second})
	}
	overrun := *watched
	overrun.lost = 5

	tests := []struct {
		name    string
		code    int
		kernel  *fake
		environ []string
		args    string
	}{
		{"check_ok", 0, on, nil, "check_opens --db opens.db -p 4711"},
		{"check_warning", 1, on, nil, "check_opens --db opens.db -p 4711 -w 300 -c 800"},
		{"check_largest", 2, on, nil, "check_opens --db opens.db -p 4711 -c largest=200 -w ip_10_0_0_1=299 -w ip_10_9_9_9=1"},
		{"check_hour", 0, on, nil, "check_opens --db opens.db --period 1h"},
		{"check_peer", 0, on, nil, "check_opens --db opens.db --peer 2001:db8::/32"},
		{"check_out", 0, on, nil, "check_opens --db opens.db -p 25 --direction out -w 1000"},
		{"check_collecting", 0, on, nil, "check_opens --db none.db --state-dir . -p 443 -w 1"},
		{"check_without_state", 3, on, nil, "check_opens --db none.db -p 443 -w 1"},
		{"check_without_state_or_limit", 0, on, nil, "check_opens --db none.db -p 443"},
		{"check_off", 3, off, nil, "check_opens -p 4711 -w 1"},
		{"check_newer", 3, newer, nil, "check_opens -p 4711 -w 1"},
		{"check_nft", 1, nft, nil, "check_opens --db opens.db -p 4711 -w 300"},
		{"check_nft_out", 3, nft, nil, "check_opens --db opens.db -p 25 --direction out"},
		{"check_snapshot", 0, snapshot, nil, "check_opens --db opens.db -p 4711 --period 2m"},
		{"check_stale_snapshot", 3, stale, nil, "check_opens --db opens.db -p 4711"},
		{"check_lost", 1, lossy, nil, "check_opens --db opens.db -p 4711 -w lost=0"},
		{"check_bad_metric", 3, on, nil, "check_opens --db opens.db -w dropped=1"},
		{"check_bad_period", 3, on, nil, "check_opens --period soon"},
		{"check_short_period", 3, on, nil, "check_opens --period 1ms"},
		{"check_bad_port", 3, on, nil, "check_opens -p 70000"},
		{"check_bad_peer", 3, on, nil, "check_opens --peer 10.0.0.0/40"},
		{"check_bad_direction", 3, on, nil, "check_opens --direction up"},
		{"check_bad_source", 3, on, nil, "check_opens --source proc"},
		{"munin_autoconf", 0, on, nil, "opens_ autoconf"},
		{"munin_autoconf_off", 0, off, nil, "opens_ autoconf"},
		{"munin_autoconf_half", 0, half, nil, "opens_ autoconf"},
		{"munin_port_config", 0, on, []string{"warning=:5", "opens_critical=:50"}, "opens_4711 config"},
		{"munin_port_dirtyconfig", 0, on, []string{"MUNIN_CAP_DIRTYCONFIG=1"}, "opens_4711 config"},
		{"munin_port_fetch", 0, on, nil, "opens_4711"},
		{"munin_port_out_fetch", 0, on, []string{"direction=out"}, "opens_25"},
		{"munin_port_peer_fetch", 0, on, []string{"peer=10.0.0.1"}, "opens_4711"},
		{"munin_port_off_config", 0, off, nil, "opens_4711 config"},
		{"munin_port_off_fetch", 0, off, nil, "opens_4711"},
		{"munin_total_config", 0, on, nil, "opens_total config"},
		{"munin_total_fetch", 0, on, nil, "opens_total fetch"},
		{"munin_total_nft_fetch", 0, nft, nil, "opens_total"},
		{"munin_total_lossy_fetch", 0, lossy, nil, "opens_total"},
		{"munin_peers_config", 0, on, nil, "opens_peers_4711 config"},
		{"munin_peers_fetch", 0, on, []string{"top=1"}, "opens_peers_4711"},
		{"munin_peers_off_fetch", 0, off, nil, "opens_peers_4711"},
		{"munin_bad_suffix", 0, on, nil, "opens_4711_4712"},
		{"munin_bad_peers_suffix", 0, on, nil, "opens_peers_0"},
		{"munin_fixed_port", 0, on, []string{"port=80"}, "opens_4711"},
		{"munin_fixed_direction", 0, on, []string{"direction=in"}, "opens_total"},
		{"count", 0, on, nil, "opens count"},
		{"count_groups", 0, on, nil, "opens count --by direction --by port,peer"},
		{"count_networks", 0, on, nil, "opens count --by network --prefix4 8 --prefix6 32"},
		{"count_peer", 0, on, nil, "opens count --peer 10.0.0.0/24 --by port"},
		{"count_top", 0, on, nil, "opens count --by peer --top 1"},
		{"count_names", 0, on, nil, "opens count --by port --names -p https"},
		{"count_json", 0, on, nil, "opens count --by port,peer -p 4711 --format json"},
		{"count_csv", 0, on, nil, "opens count --by port,peer -p 4711 --format csv"},
		{"count_nft", 0, nft, nil, "opens count -p 4711"},
		{"count_lost", 0, lossy, nil, "opens count -p 4711"},
		{"count_snapshot", 0, snapshot, nil, "opens count -p 4711"},
		{"count_off", 2, off, nil, "opens count"},
		{"count_hour", 2, on, nil, "opens count --by hour"},
		{"count_bad_group", 2, on, nil, "opens count --by user"},
		{"report", 0, on, nil, "opens report --db opens.db -p 4711"},
		{"report_hours", 0, on, nil, "opens report --db opens.db -p 4711 --since 6h --by hour"},
		{"report_hours_json", 0, on, nil, "opens report --db opens.db -p 4711 --since 3h --by hour --format json"},
		{"report_hours_top", 0, on, nil, "opens report --db opens.db -p 4711 --by hour --top 2"},
		{"report_peers", 0, on, nil, "opens report --db opens.db -p 4711 --since 2026-11-21T08:00 --by peer"},
		{"report_peers_csv", 0, on, nil, "opens report --db opens.db -p 4711 --since 24h --by peer --format csv"},
		{"report_until", 0, on, nil, "opens report --db opens.db --since 10:00 --until 11:30 --by port"},
		{"report_out", 0, on, nil, "opens report --db opens.db --direction out --by port,peer"},
		{"report_off", 0, off, nil, "opens report --db opens.db -p 4711"},
		{"report_empty", 0, on, nil, "opens report --db opens.db --until 2026-11-01"},
		{"report_future", 2, on, nil, "opens report --db opens.db --since 2026-11-22"},
		{"report_nonsense", 2, on, nil, "opens report --db opens.db --since yesterday"},
		{"report_reversed", 2, on, nil, "opens report --db opens.db --since 1h --until 2h"},
		{"report_missing", 2, on, nil, "opens report --db none.db"},
		{"status", 0, on, nil, "opens status"},
		{"status_json", 0, on, nil, "opens status --format json"},
		{"status_nft", 0, nft, nil, "opens status"},
		{"status_half", 1, half, nil, "opens status"},
		{"status_off", 1, off, nil, "opens status"},
		{"status_off_json", 1, off, nil, "opens status --format json"},
		{"on", 0, nft, nil, "opens on"},
		{"on_bad_method", 2, on, nil, "opens on --method ebpf"},
		{"on_bad_size", 2, on, nil, "opens on --size 0"},
		{"off", 0, on, nil, "opens off"},
		{"off_twice", 0, off, nil, "opens off"},
		{"watch", 0, watched, nil, "opens watch -p 4711"},
		{"watch_peer_json", 0, watched, nil, "opens watch --peer 2001:db8::/32 --format json"},
		{"watch_lost", 2, &overrun, nil, "opens watch --top 1"},
		{"metrics", 0, on, nil, "opens metrics --db opens.db -p 4711"},
		{"help", 0, on, nil, "opens"},
		{"record_off", 2, off, nil, "opens record --db opens.db"},
		{"record_snapshot", 2, snapshot, nil, "opens record --db opens.db"},
		{"record", 0, on, nil, "opens record --db opens.db"},
		{"record_again", 0, on, nil, "opens record --db opens.db"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := call(t, tt.kernel, tt.environ, strings.Fields(tt.args)...)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			got := stdout
			if stderr != "" {
				got += "-- stderr --\n" + stderr
			}
			golden.Assert(t, got, filepath.Join(dir, tt.name))
		})
	}
}

// Every option of the check is in its help.
func TestHelp(t *testing.T) {
	code, stdout, stderr := call(t, newFake(nil), nil, "check_opens", "--help")
	if code != 3 || stderr != "" {
		t.Errorf("exit %d, stderr %q, want 3 and nothing", code, stderr)
	}
	for _, option := range []string{"--warning", "--critical", "--timeout", "--netns", "--port", "--peer", "--period", "--direction", "--bpffs", "--db", "--state-dir"} {
		if !strings.Contains(stdout, option) {
			t.Errorf("the help does not list %s", option)
		}
	}
}

// A kernel that counts nothing because of a missing right says so in every
// personality, and is never a zero.
func TestMissingRight(t *testing.T) {
	f := newFake(reading(0, 10))
	f.err = &opens.Error{Kind: opens.ErrPermission, Text: "CAP_NET_ADMIN is needed to read the counters", Err: errors.New("EPERM")}
	if code, stdout, _ := call(t, f, nil, "check_opens", "-p", "1"); code != 3 || !strings.Contains(stdout, "CAP_NET_ADMIN") {
		t.Errorf("check: %d %s", code, stdout)
	}
	if _, stdout, _ := call(t, f, nil, "opens_1"); !strings.Contains(stdout, "opens.value U\n") || !strings.Contains(stdout, "# sockcensus: CAP_NET_ADMIN") {
		t.Errorf("Munin: %s", stdout)
	}
	if code, _, stderr := call(t, f, nil, "opens", "count"); code != 2 || !strings.Contains(stderr, "CAP_NET_ADMIN") {
		t.Errorf("count: %d %s", code, stderr)
	}
}
