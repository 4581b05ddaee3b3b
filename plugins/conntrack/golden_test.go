package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/golden"

	"github.com/sockcensus/sockcensus/pkg/plugin"
)

// call runs the plugin on one of the captured /proc of testdata: a busy table,
// a full one, one without a limit, one that nothing uses, a kernel without the
// tracker, an old one with fewer counters, a bare one without the statistics.
func call(t *testing.T, proc string, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("testdata/proc", proc))
	if err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	code = plugin.Run(context.Background(), definition(), plugin.Env{
		Args: args, Environ: append([]string{"PROC_ROOT=" + root}, environ...),
		Stdout: &out, Stderr: &complaints,
		Now: func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
	})
	return code, strings.ReplaceAll(out.String(), root, "/proc"), complaints.String()
}

// TestGolden compares what every personality prints without privilege, byte by
// byte.
func TestGolden(t *testing.T) {
	proc := []string{"source=proc"}
	dirty := []string{"source=proc", "MUNIN_CAP_DIRTYCONFIG=1"}
	tests := []struct {
		name    string
		code    int
		proc    string
		environ []string
		args    string
	}{
		{"check", 0, "busy", nil, "check_conntrack --source proc"},
		{"check_full", 1, "full", nil, "check_conntrack --source proc"},
		{"check_full_own", 2, "full", nil, "check_conntrack --source proc -w 70 -c 85"},
		{"check_used", 1, "busy", nil, "check_conntrack --source proc -w used=20000"},
		{"check_unlimited", 0, "unlimited", nil, "check_conntrack --source proc"},
		{"check_unused", 0, "unused", nil, "check_conntrack --source proc"},
		{"check_unloaded", 3, "unloaded", nil, "check_conntrack --source proc"},
		{"check_old", 0, "old", nil, "check_conntrack --source proc"},
		{"check_bare", 0, "bare", nil, "check_conntrack --source proc"},
		{"check_bare_rate", 3, "bare", nil, "check_conntrack --source proc -c drop_rate=1"},
		{"check_counter", 3, "busy", nil, "check_conntrack --source proc -c drop=1"},
		{"check_metric", 3, "busy", nil, "check_conntrack --source proc -c flows=1"},
		{"check_flows_by_proc", 3, "busy", nil, "check_conntrack --source proc --protocol tcp"},
		{"check_flows_metric", 3, "busy", nil, "check_conntrack --source proc --protocol tcp -c nosuch=1"},
		{"check_contradiction", 3, "busy", nil, "check_conntrack --protocol udp --state established"},
		{"check_status", 3, "busy", nil, "check_conntrack --status seen_reply,unreplied"},
		{"check_state", 3, "busy", nil, "check_conntrack --state listening"},
		{"check_port", 3, "busy", nil, "check_conntrack --dport nosuchservice"},
		{"check_source", 3, "busy", nil, "check_conntrack --source ss"},
		{"check_by", 3, "busy", nil, "check_conntrack --by process"},
		{"check_by_two", 3, "busy", nil, "check_conntrack --by protocol,state"},
		{"check_sample_long", 3, "busy", nil, "check_conntrack --sample 8s"},
		{"check_sample_short", 3, "busy", nil, "check_conntrack --sample 1ms"},
		{"check_many_ports", 3, "busy", nil, "check_conntrack --by dport --dport 1-65535"},
		{"check_netns", 3, "busy", nil, "check_conntrack --netns nosuchnamespace"},
		{"check_help", 3, "busy", nil, "check_conntrack --help"},
		{"munin_autoconf", 0, "busy", proc, "conntrack_ autoconf"},
		{"munin_autoconf_unused", 0, "unused", proc, "conntrack_ autoconf"},
		{"munin_autoconf_unloaded", 0, "unloaded", proc, "conntrack_ autoconf"},
		{"munin_suggest", 0, "busy", proc, "conntrack_ suggest"},
		{"munin_suggest_bare", 0, "bare", proc, "conntrack_ suggest"},
		{"munin_table_config", 0, "busy", proc, "conntrack_table config"},
		{"munin_table_dirtyconfig", 0, "busy", dirty, "conntrack_table config"},
		{"munin_table_limits", 0, "busy", append(proc, "warning=1000", "max_critical=5:"), "conntrack_table config"},
		{"munin_table_fetch", 0, "busy", proc, "conntrack_table"},
		{"munin_table_unlimited", 0, "unlimited", dirty, "conntrack_table config"},
		{"munin_table_unloaded_config", 0, "unloaded", proc, "conntrack_table config"},
		{"munin_table_unloaded", 0, "unloaded", proc, "conntrack_table"},
		{"munin_table_selection", 0, "busy", append(proc, "dport=53"), "conntrack_table"},
		{"munin_stats_config", 0, "busy", proc, "conntrack_stats config"},
		{"munin_stats_fetch", 0, "busy", proc, "conntrack_stats"},
		{"munin_stats_old", 0, "old", proc, "conntrack_stats"},
		{"munin_protocols_config", 0, "busy", proc, "conntrack_protocols config"},
		{"munin_protocols_fetch", 0, "busy", proc, "conntrack_protocols"},
		{"munin_protocols_bad_src", 0, "busy", append(proc, "src=bogus"), "conntrack_protocols config"},
		{"munin_protocols_option", 0, "busy", []string{"protocol=tcp"}, "conntrack_protocols"},
		{"munin_states_config", 0, "busy", nil, "conntrack_states config"},
		{"munin_new_config", 0, "busy", nil, "conntrack_new config"},
		{"munin_states_port", 0, "busy", []string{"port=443"}, "conntrack_states"},
		{"munin_table_rate", 0, "busy", append(proc, "drop_rate_warning=1"), "conntrack_table config"},
		{"munin_new_sample", 0, "busy", []string{"sample=1x"}, "conntrack_new"},
		{"munin_suffix", 0, "busy", proc, "conntrack_443"},
		{"count", 0, "busy", nil, "conntrack count --source proc"},
		{"count_json", 0, "busy", nil, "conntrack count --source proc --format json"},
		{"count_unlimited", 0, "unlimited", nil, "conntrack count --source proc --format json"},
		{"count_unused", 0, "unused", nil, "conntrack count --source proc -v"},
		{"count_unloaded", 2, "unloaded", nil, "conntrack count --source proc"},
		{"stats", 0, "busy", nil, "conntrack stats --source proc"},
		{"stats_cpus", 0, "busy", nil, "conntrack stats --source proc --cpus"},
		{"stats_json", 0, "old", nil, "conntrack stats --source proc --format json"},
		{"stats_selection", 2, "busy", nil, "conntrack stats --source proc --protocol tcp"},
		{"list_proc", 2, "busy", nil, "conntrack list --source proc"},
		{"events_summary_bad", 2, "busy", nil, "conntrack events --summary 0"},
		{"events_buffer_bad", 2, "busy", nil, "conntrack events --buffer 1k"},
		{"metrics", 0, "busy", nil, "conntrack metrics --source proc"},
		{"help", 0, "busy", nil, "conntrack"},
		{"help_events", 0, "busy", nil, "conntrack events --help"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := call(t, tt.proc, tt.environ, strings.Fields(tt.args)...)
			if code != tt.code {
				t.Errorf("exit %d, want %d", code, tt.code)
			}
			if stderr != "" {
				stdout += "-- stderr --\n" + stderr
			}
			golden.Assert(t, stdout, "golden/"+tt.name)
		})
	}
}

func TestVersion(t *testing.T) {
	if code, stdout, _ := call(t, "busy", nil, "check_conntrack", "--version"); code != 3 || !strings.HasPrefix(stdout, "check_conntrack (sockcensus) ") {
		t.Errorf("exit %d, %q", code, stdout)
	}
}

// What keeps a rate from being remembered is said, and what to do.
func TestRatesWithoutMemory(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"it is a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"another run holds the lock": func(path string) error {
			lock, err := os.OpenFile(path+".lock", os.O_RDWR, 0)
			if err == nil {
				t.Cleanup(func() { lock.Close() })
				err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
			}
			return err
		},
	} {
		dir := t.TempDir()
		args := []string{"check_conntrack", "--source", "proc", "-w", "drop_rate=1", "--state-dir", dir}
		if code, stdout, _ := call(t, "busy", nil, args...); code != 0 {
			t.Fatal(stdout)
		}
		locks, _ := filepath.Glob(filepath.Join(dir, "*.lock"))
		if len(locks) != 1 {
			t.Fatal(locks)
		}
		path := strings.TrimSuffix(locks[0], ".lock")
		if err := errors.Join(os.Remove(path), spoil(path)); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := call(t, "busy", nil, args...)
		line, _, _ := strings.Cut(stdout, "\n")
		t.Log(stdout)
		if code != 3 || !strings.Contains(stdout, name+"; if that stays so, name another directory with --state-dir") || strings.Contains(stdout, "replaced") ||
			!strings.Contains(line, "drop_rate") || stderr != "" {
			t.Errorf("%s: exit %d, %s%s", name, code, stdout, stderr)
		}
	}
}

// Rates need a run to compare with: the first collects, a later one has
// numbers, and without a place to remember only what asks for a rate fails.
func TestRates(t *testing.T) {
	dir := t.TempDir()
	rates := func(proc string, args ...string) (int, string) {
		code, stdout, stderr := call(t, proc, nil, append([]string{"check_conntrack", "--source", "proc", "-w", "insert_failed_rate=1", "-c", "drop_rate=0.5"}, args...)...)
		if stderr != "" {
			t.Errorf("stderr %q", stderr)
		}
		return code, stdout
	}
	code, out := rates("busy", "--state-dir", dir)
	if code != 0 || !strings.Contains(out, "insert_failed_rate, drop_rate collecting") || strings.Contains(out, "drop_rate=") {
		t.Errorf("a first run: exit %d, %s", code, out)
	}
	time.Sleep(1100 * time.Millisecond)
	code, out = rates("full", "--state-dir", dir) // 5100 more drops
	if code != 2 || !strings.Contains(out, "drop_rate=") || !strings.Contains(out, "(above 0.5)") || !strings.Contains(out, "rates are over the last 1.") {
		t.Errorf("a second run: exit %d, %s", code, out)
	}
	code, out = rates("full", "--state-dir", dir, "-v") // another check: what the first has seen is news to it
	if !strings.Contains(out, "drop_rate collecting") {
		t.Errorf("another check: exit %d, %s", code, out)
	}
	code, out = rates("busy", "--state-dir", filepath.Join(dir, "missing"))
	if code != 3 || !strings.Contains(out, "--state-dir") || !strings.Contains(out, "used_percent=8.142471%") {
		t.Errorf("without a directory: exit %d, %s", code, out)
	}
	code, out = rates("old", "--state-dir", dir, "-w", "chaintoolong_rate=1")
	if code != 3 || !strings.Contains(out, "does not count chaintoolong") {
		t.Errorf("a counter that the kernel lacks: exit %d, %s", code, out)
	}
}
