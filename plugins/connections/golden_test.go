package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sockcensus/sockcensus/pkg/plugin"
)

// call runs the plugin on the captured /proc of testdata, which holds: 3
// connections to port 80 and 5 to port 443 over IPv4 (those to 443 through a
// dual-stack listener), 2 over IPv6, each with both ends; one CLOSE_WAIT, one
// TIME_WAIT; three listeners; udp sockets on port 53.
func call(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	root, err := filepath.Abs("testdata/proc")
	if err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	code = plugin.Run(context.Background(), definition(), plugin.Env{
		Args: args, Environ: append([]string{"PROC_ROOT=" + root}, environ...),
		Stdout: &out, Stderr: &complaints,
		Now: func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
	})
	return code, out.String(), complaints.String()
}

// TestGolden compares what every personality prints, byte by byte.
func TestGolden(t *testing.T) {
	dirty := []string{"source=proc", "MUNIN_CAP_DIRTYCONFIG=1"}
	proc := []string{"source=proc"}
	tests := []struct {
		name    string
		code    int
		environ []string
		args    string
	}{
		{"check_ok", 0, nil, "check_connections --source proc -p 443 -w 500 -c 800"},
		{"check_warning", 1, nil, "check_connections --source proc -p 443 -w 5 -c 800"},
		{"check_critical", 2, nil, "check_connections --source proc -p 443 -w 5 -c 6"},
		{"check_unknown_range", 3, nil, "check_connections --source proc -w 10:5"},
		{"check_unknown_filter", 3, nil, "check_connections --source proc -f sport=:nosuchport"},
		{"check_unknown_undecidable", 3, nil, "check_connections --source proc -f fwmark=1"},
		{"check_unknown_bound", 3, nil, "check_connections --source proc --state bound-inactive"},
		{"check_bound", 3, nil, "check_connections --source proc --by state -w bound_inactive=5"},
		{"check_all", 0, nil, "check_connections --source proc --state all"},
		{"check_process", 0, nil, "check_connections --source proc --by process"},
		{"check_process_limit", 3, nil, "check_connections --source proc --by process -p 443 -w proc_nginx=5"},
		{"check_states", 1, nil, "check_connections --source proc --by state -w close_wait=0"},
		{"check_unreachable_port", 3, nil, "check_connections --source proc --by port -p 443 -w p80=1"},
		{"check_unreachable_network", 3, nil, "check_connections --source proc --by network -w net_10_0_0_0_16=1"},
		{"check_named_peers", 0, nil, "check_connections --source proc --by peer --peer 10.0.0.1,10.0.0.1,10.9.9.9,2001:db8::/32"},
		{"check_named_network", 0, nil, "check_connections --source proc --by network --peer 10.0.0.0/25,10.0.0.1,10.0.0.0/16"},
		{"check_network", 0, nil, "check_connections --source proc --by network -w net_10_9_9_0_24=1"},
		{"check_protocols", 0, nil, "check_connections --source proc --protocol tcp,udp --by protocol"},
		{"check_protocols_ipv4", 0, nil, "check_connections --source proc --protocol tcp,unix -4 --by protocol -w unix=3"},
		{"check_peers", 2, nil, "check_connections --source proc --by peer --top 2 -c largest=7 -w ip_10_0_0_1=2 -w ip_10_9_9_9=2"},
		{"check_ports", 0, nil, "check_connections --source proc --by port -p 80,443,8080"},
		{"check_families", 0, nil, "check_connections --source proc --by family"},
		{"check_networks", 0, nil, "check_connections --source proc --by network --prefix4 16"},
		{"check_ipv4", 0, nil, "check_connections --source proc -4 -p 443"},
		{"check_ipv6", 0, nil, "check_connections --source proc -6 -p 443"},
		{"check_udp", 0, nil, "check_connections --source proc --protocol udp -p 53"},
		{"check_verbose", 0, nil, "check_connections --source proc -p 80 -v"},
		{"munin_autoconf", 0, proc, "connections_ autoconf"},
		{"munin_suggest", 0, proc, "connections_ suggest"},
		{"munin_port_other_state", 0, []string{"filter=state time-wait"}, "connections_443"},
		{"munin_port_excluded", 0, []string{"exclude=established"}, "connections_443"},
		{"munin_port_config", 0, proc, "connections_443_80 config"},
		{"munin_port_dirtyconfig", 0, dirty, "connections_443_80 config"},
		{"munin_port_fetch", 0, proc, "connections_443_80"},
		{"munin_udp_fetch", 0, proc, "connections_udp_53"},
		{"munin_states_config", 0, proc, "connections_states config"},
		{"munin_states_fetch", 0, proc, "connections_states fetch"},
		{"munin_states_port_fetch", 0, proc, "connections_states_443 fetch"},
		{"munin_summary_config", 0, proc, "connections_summary config"},
		{"munin_summary_fetch", 0, proc, "connections_summary"},
		{"munin_word_fetch", 0, append(proc, "filter=dst 10.0.0.0/24"), "connections_inside"},
		{"munin_word_by_config", 0, append(dirty, "by=peer", "port=443", "top=2"), "connections_viewers config"},
		{"munin_word_process", 0, append(proc, "by=process", "port=443"), "connections_held"},
		{"munin_word_all", 0, append(proc, "exclude=connected"), "connections_idle"},
		{"munin_word_bare", 0, proc, "connections_inside"},
		{"munin_fixed_option", 0, append(proc, "port=80"), "connections_443"},
		{"munin_bad_filter", 0, append(proc, "filter=sport = :x y"), "connections_443"},
		{"munin_bad_filter_config", 0, append(proc, "filter=bogus"), "connections_443 config"},
		{"munin_contradiction_config", 0, append(proc, "filter=sport = :80"), "connections_443 config"},
		{"munin_word_bad_port_config", 0, append(proc, "port=70000"), "connections_inside config"},
		{"munin_word_no_directory", 0, append(proc, "by=peer", "top=1", "state_dir=/nowhere"), "connections_inside"},
		{"munin_default_limit", 0, append(proc, "warning=500"), "connections_443 config"},
		{"munin_no_default_limit", 0, append(proc, "warning=500"), "connections_443_80"},
		{"munin_excluding", 0, append(proc, "exclude=time-wait"), "connections_80"},
		{"munin_summary_selection", 0, append(proc, "filter=dst 10.0.0.0/8"), "connections_summary"},
		{"munin_word_bad_filter", 0, append(proc, "by=family", "filter=foo"), "connections_inside"},
		{"munin_word_no_memory", 0, append(proc, "by=peer", "top=1", "MUNIN_STATEFILE=/nowhere/x"), "connections_inside"},
		{"munin_bad_suffix", 0, proc, "connections_080"},
		{"munin_twice", 0, proc, "connections_80_80"},
		{"munin_limits_config", 0, append(proc, "warning=p80=1", "p443_critical=10:"), "connections_443_80 config"},
		{"list", 0, nil, "connections list --source proc -p 443"},
		{"list_listening", 0, nil, "connections list --source proc -l"},
		{"list_timers", 0, nil, "connections list --source proc --state time-wait --timers"},
		{"list_sorted", 0, nil, "connections list --source proc --sort peer_address -p 80"},
		{"list_names", 0, nil, "connections list --source proc -p 443 -6 --names"},
		{"list_json", 0, nil, "connections list --source proc -p 443 -6 --format json"},
		{"list_csv", 0, nil, "connections list --source proc -p 443 -6 --format csv"},
		{"list_all", 0, nil, "connections list --source proc -a -p 80"},
		{"list_contradiction", 2, nil, "connections list --source proc -a -l"},
		{"count", 0, nil, "connections count --source proc"},
		{"count_groups", 0, nil, "connections count --source proc --by port --by peer"},
		{"count_names", 0, nil, "connections count --source proc --by port,peer-port,protocol --protocol tcp,udp --names"},
		{"count_names_json", 0, nil, "connections count --source proc --by port --names --format json"},
		{"count_top", 0, nil, "connections count --source proc --by peer --top 1"},
		{"count_all", 0, nil, "connections count --source proc --exclude connected"},
		{"count_process", 0, nil, "connections count --source proc --by process"},
		{"count_json", 0, nil, "connections count --source proc --by state,family --format json"},
		{"summary", 0, nil, "connections summary --source proc"},
		{"metrics_all", 0, nil, "connections metrics --source proc --state all"},
		{"metrics_process", 0, nil, "connections metrics --source proc --by process"},
		{"metrics", 0, nil, "connections metrics --source proc --by state"},
		{"help", 0, nil, "connections"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := call(t, tt.environ, words(tt.args)...)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			got := stdout
			if stderr != "" {
				got += "-- stderr --\n" + stderr
			}
			golden.Assert(t, got, "golden/"+tt.name)
		})
	}
}

// words splits a command line at blanks; none of the tests quotes.
func words(line string) []string { return strings.Fields(line) }

// Help is not compared byte by byte: its lines follow the terminal's width.
func TestHelp(t *testing.T) {
	code, stdout, stderr := call(t, nil, "check_connections", "--help")
	if code != 3 || stderr != "" {
		t.Errorf("exit %d, stderr %q, want 3 and nothing", code, stderr)
	}
	for _, option := range []string{"--warning", "--critical", "--timeout", "--netns", "--port", "--filter", "--by", "--state-dir"} {
		if !strings.Contains(stdout, option) {
			t.Errorf("the help does not list %s", option)
		}
	}
}

// What no table can satisfy is refused before one is looked for.
func TestForeseen(t *testing.T) {
	for args, want := range map[string]string{
		"-w nosuch=1":                       `no metric "nosuch" here for a threshold: the metrics are total`,
		"-w total=1":                        "no network namespace",
		"--by state -w p443=1":              `no metric "p443" here for a threshold: the metrics are total, established`,
		"--by port -w rp443=1":              `no metric "rp443" here for a threshold: the metrics are total, other, largest, and groups`,
		"--by port -w p443=1":               "no network namespace",
		"--by port -p 1-1000":               "split the check",
		"--by port -p 1-150":                "no network namespace",
		"--by user -w user_root=1,none=2":   "no network namespace",
		"--by process -w proc_sshd=1 -c 10": "no network namespace",
	} {
		code, stdout, _ := call(t, nil, append([]string{"check_connections", "--netns", "sc-nosuch"}, words(args)...)...)
		if code != 3 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d, %q, want 3 and %q", args, code, stdout, want)
		}
	}
}

func TestVersion(t *testing.T) {
	if code, stdout, _ := call(t, nil, "check_connections", "--version"); code != 3 || !strings.HasPrefix(stdout, "check_connections (sockcensus) ") {
		t.Errorf("exit %d, %q", code, stdout)
	}
}
