package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/golden"
)

// TestGolden compares what every personality prints, byte by byte, on a host
// whose connections and their ages are made up. Lines of a call are carried out
// one after the other with the same state directory; "later" lets a minute pass.
func TestGolden(t *testing.T) {
	tests := []struct {
		name    string
		codes   []int
		environ []string
		calls   string
	}{
		{"check", []int{0}, nil, "check_clients -p 443"},
		{"check_warning", []int{1}, nil, "check_clients -p 443 -w 3 -c 8"},
		{"check_critical", []int{2}, nil, "check_clients -p 443 -w 3 -c 4"},
		{"check_named", []int{2}, nil, "check_clients -p 443 -c largest=1 -w clients=3 -w oldest=86400"},
		{"check_network", []int{0}, nil, "check_clients -p 443 --by network --prefix6 32"},
		{"check_ipv6", []int{0}, nil, "check_clients -p 443 -6 --top 1"},
		{"check_verbose", []int{0}, nil, "check_clients -p 443 -v"},
		{"check_min_age", []int{0}, nil, "check_clients -p 443 --min-age 100ms"},
		{"check_any_age", []int{0}, nil, "check_clients -p 443 --min-age 0"},
		{"check_min_age_too_long", []int{0, 3}, nil, "check_clients -p 443 --min-age 30s -w 10\ncheck_clients -p 443 --min-age 30s -w 5"},
		{"check_no_wait", []int{0, 3, 0}, nil, "check_clients -p 443 --no-wait -w 5\ncheck_clients -p 443 --no-wait -w 5\nlater\ncheck_clients -p 443 --no-wait -w 8"},
		{"check_no_wait_certain", []int{1, 0, 0}, nil, "check_clients -p 443 --no-wait -w 1\ncheck_clients -p 443 --no-wait -w 100\ncheck_clients -p 443 --no-wait -w 100"},
		{"check_no_wait_busiest", []int{0, 3}, nil, "check_clients -p 443 --no-wait -w largest=2\ncheck_clients -p 443 --no-wait -w largest=2"},
		{"check_oldest_below", []int{0, 3}, nil, "check_clients -p 443 -w oldest=800:\ncheck_clients -p 443 -w oldest=800:"},
		{"check_oldest_between", []int{1, 2}, nil, "check_clients -p 443 -w oldest=400 -c oldest=540\nlater\ncheck_clients -p 443 -w oldest=400 -c oldest=540"},
		{"check_nothing_selected", []int{3}, nil, "check_clients"},
		{"check_udp", []int{3}, nil, "check_clients -p 53 --protocol udp"},
		{"check_no_peers", []int{3}, nil, "check_clients -p 443 --state listening"},
		{"check_bad_by", []int{3}, nil, "check_clients -p 443 --by port"},
		{"check_bad_age", []int{3}, nil, "check_clients -p 443 --min-age soon"},
		{"check_bad_top", []int{3}, nil, "check_clients -p 443 --top 0"},
		{"check_bad_prefix", []int{3}, nil, "check_clients -p 443 --by network --prefix4 33"},
		{"check_bad_metric", []int{3}, nil, "check_clients -p 443 -w viewers=3"},
		{"check_nobody", []int{2}, nil, "check_clients -p 80 -c 1:"},
		{"munin_config", []int{0}, nil, "clients_443 config"},
		{"munin_union_config", []int{0}, []string{"min_age=1m", "clients_warning=10"}, "clients_443_8443 config"},
		{"munin_dirtyconfig", []int{0}, []string{"MUNIN_CAP_DIRTYCONFIG=1"}, "clients_443 config"},
		{"munin_fetch", []int{0, 0}, nil, "clients_443\nclients_443 fetch"},
		{"munin_no_wait", []int{0, 0, 0}, []string{"no_wait=yes"}, "clients_443\nlater\nclients_443\nlater\nclients_443"},
		{"munin_too_early", []int{0, 0, 0}, []string{"no_wait=yes", "peer=10.0.0.1"}, "clients_443\nclients_443\nlater\nclients_443"},
		{"check_too_early", []int{0, 0}, nil, "check_clients -p 443 --peer 10.0.0.1 --no-wait\ncheck_clients -p 443 --peer 10.0.0.1 --no-wait -w 100"},
		{"munin_narrowed", []int{0}, []string{"peer=10.0.0.0/24"}, "clients_443"},
		{"munin_fixed_option", []int{0, 0}, []string{"by=network"}, "clients_443 config\nclients_443"},
		{"munin_bad_age", []int{0, 0}, []string{"min_age=soon"}, "clients_443 config\nclients_443"},
		{"munin_bad_filter", []int{0, 0}, []string{"filter=bogus"}, "clients_443 config\nclients_443"},
		{"munin_bad_suffix", []int{0, 0, 0}, nil, "clients_0443\nclients_viewers\nclients_80_80"},
		{"munin_autoconf", []int{0}, nil, "clients_ autoconf"},
		{"list", []int{0}, nil, "clients list -p 443"},
		{"list_no_wait", []int{0}, nil, "clients list -p 443 --no-wait"},
		{"list_network", []int{0}, nil, "clients list -p 443 --by network --top 2"},
		{"list_json", []int{0}, nil, "clients list -p 443 --format json"},
		{"list_csv", []int{0}, nil, "clients list -p 443 --format csv --no-wait"},
		{"list_verbose", []int{0}, nil, "clients list -p 443 -v"},
		{"list_nothing_selected", []int{2}, nil, "clients list"},
		{"metrics", []int{0, 0}, nil, "clients metrics -p 443 --no-wait\nlater\nclients metrics -p 443"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// How long a run took, which --verbose says, is not compared.
			got := regexp.MustCompile(`(?m)^(clients: )?time: .*\n`).ReplaceAllString(play(t, tt.environ, tt.codes, tt.calls), "")
			golden.Assert(t, got, "golden/"+tt.name)
		})
	}
}

// play carries out calls on one host and returns what they print.
func play(t *testing.T, environ []string, codes []int, calls string) string {
	t.Helper()
	on, dir := newFakeHost(), t.TempDir()
	var got strings.Builder
	for line := range strings.SplitSeq(calls, "\n") {
		got.WriteString("$ " + line + "\n")
		if line == "later" {
			on.now += time.Minute
			continue
		}
		code, stdout, stderr := call(t, on, dir, environ, line)
		if code != codes[0] {
			t.Errorf("%s: exit %d, want %d", line, code, codes[0])
		}
		codes = codes[1:]
		got.WriteString(stdout)
		if stderr != "" {
			got.WriteString("-- stderr --\n" + stderr)
		}
	}
	return got.String()
}

// Help is not compared byte by byte: its lines follow the terminal's width.
func TestHelp(t *testing.T) {
	code, stdout, stderr := call(t, newFakeHost(), "", nil, "check_clients --help")
	if code != 3 || stderr != "" {
		t.Errorf("exit %d, stderr %q, want 3 and nothing", code, stderr)
	}
	for _, option := range []string{"--warning", "--critical", "--timeout", "--netns", "--port", "--min-age", "--no-wait", "--by", "--top", "--state-dir"} {
		if !strings.Contains(stdout, option) {
			t.Errorf("the help does not list %s", option)
		}
	}
}
