package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// munin runs the Munin personality on a tree, with more variables.
func munin(t *testing.T, h *tree, variables []string, suffix string, words ...string) outcome {
	t.Helper()
	environ := append(h.environ(), "source=proc")
	return run(t, append(environ, variables...), append([]string{"listeners_" + suffix}, words...)...)
}

func TestGraphsOfATree(t *testing.T) {
	h := webHost(t)
	byAddress := "# sockcensus: " + strings.ReplaceAll(publicByAddress, "--source ", "env.source ") + "\n"
	for suffix, want := range map[string]string{
		"count":     byAddress + "tcp.value 3\nudp.value 1\npublic.value 3\n",
		"queue":     "# sockcensus: source proc cannot decide: how full accept queues are; netlink can (env.source netlink)\np443.value U\np2049.value U\n",
		"drops":     "# sockcensus: source proc cannot decide: how much a socket has dropped; netlink can (env.source netlink)\np53.value U\np443.value U\np2049.value U\n",
		"overflows": "# sockcensus: this kernel does not count TcpExt TCPReqQFullDrop\nlisten_overflows.value 5\nlisten_drops.value 7\nreq_q_full.value U\nsyncookies_sent.value 9\n",
	} {
		if o := munin(t, h, nil, suffix); o.stdout != want || o.code != 0 || o.stderr != "" {
			t.Errorf("%s: %v, want\n%s", suffix, o, want)
		}
	}
	if o := munin(t, h, []string{"ipv6=yes"}, "count"); o.stdout != byAddress+"tcp.value 1\nudp.value 0\npublic.value 1\n" {
		t.Errorf("env.ipv6: %v", o)
	}
	if o := munin(t, h, []string{"udp_ephemeral=yes"}, "count"); !strings.Contains(o.stdout, "udp.value 2\n") {
		t.Errorf("env.udp_ephemeral: %v", o)
	}
	// config is no place for what could not be measured now.
	if o := munin(t, h, nil, "queue", "config"); strings.Contains(o.stdout, "#") {
		t.Errorf("config: %v", o)
	}
	// /proc tells neither queues nor drops: they are not suggested.
	if o := munin(t, h, nil, "", "suggest"); o.stdout != "count\noverflows\n" {
		t.Errorf("suggest: %v", o)
	}
}

func TestGraphErrors(t *testing.T) {
	h := webHost(t)
	for _, variable := range []string{"port=80", "protocol=udp", "state=listening", "by=port", "baseline=/etc/sockcensus/listeners", "require=tcp/443", "allow=tcp/22", "unexpected=ok", "missing=ok"} {
		o := munin(t, h, []string{variable}, "count")
		name, _, _ := strings.Cut(variable, "=")
		if o.code != 0 || !strings.HasPrefix(o.stdout, "# sockcensus: env."+name+" cannot change this graph") || !strings.HasSuffix(o.stdout, "tcp.value U\nudp.value U\npublic.value U\n") {
			t.Errorf("%s: %v", variable, o)
		}
	}
	o := munin(t, h, []string{"local=127.0.0.1"}, "overflows")
	if o.code != 0 || !strings.HasPrefix(o.stdout, "# sockcensus: listeners_overflows is about all listeners") || strings.Count(o.stdout, ".value U\n") != 4 {
		t.Errorf("a selection of overflows: %v", o)
	}
	if o := munin(t, h, []string{"filter=bogus"}, "count", "config"); o.code != 0 || !strings.HasPrefix(o.stdout, "# sockcensus: filter, column 1: ") || !strings.Contains(o.stdout, "\ngraph_title ") {
		t.Errorf("config with a bad filter: %v", o)
	}
	for _, suffix := range []string{"", "443", "Count", "count_443", "p443"} {
		if o := munin(t, h, nil, suffix, "config"); o.code != 0 || !strings.HasPrefix(o.stdout, "# sockcensus: ") || strings.Contains(o.stdout, "graph_title") {
			t.Errorf("suffix %q: %v", suffix, o)
		}
	}
	if err := os.RemoveAll(filepath.Join(h.root, "net")); err != nil {
		t.Fatal(err)
	}
	environ := []string{"PROC_ROOT=" + h.root, "source=proc"}
	if o := run(t, environ, "listeners_count"); o.code != 0 || !strings.HasPrefix(o.stdout, "# sockcensus: ") || !strings.Contains(o.stdout, "tcp.value U\n") {
		t.Errorf("without tables: %v", o)
	}
	if o := run(t, environ, "listeners_", "autoconf"); !strings.HasPrefix(o.stdout, "no (") || strings.Count(o.stdout, "\n") != 1 {
		t.Errorf("autoconf without tables: %v", o)
	}
}

// Fields that were remembered are there when nothing can be measured.
func TestFieldsAreRecalled(t *testing.T) {
	h := webHost(t)
	state := []string{"MUNIN_STATEFILE=" + filepath.Join(t.TempDir(), "listeners_queue-")}
	munin(t, h, state, "queue", "config")
	for name := range h.tables {
		h.tables[name].Reset()
		h.tables[name].WriteString("nonsense\nnonsense\n")
	}
	o := munin(t, h, state, "queue")
	if o.code != 0 || !strings.HasPrefix(o.stdout, "# sockcensus: ") || !strings.HasSuffix(o.stdout, "p443.value U\np2049.value U\n") {
		t.Errorf("%v", o)
	}
}

// A counter that nothing adds to at the moment is still a counter: another type
// would begin another file on the master.
func TestRecalledDropsAreCounters(t *testing.T) {
	state := []string{"MUNIN_STATEFILE=" + filepath.Join(t.TempDir(), "listeners_drops-")}
	munin(t, webHost(t), state, "drops", "config")
	for name, h := range map[string]*tree{"nothing listens": newTree(t), "nothing can be read": brokenTree(t)} {
		o := munin(t, h, state, "drops", "config")
		if strings.Count(o.stdout, ".type DERIVE\n") != 3 || strings.Contains(o.stdout, "GAUGE") {
			t.Errorf("%s: %v", name, o)
		}
	}
}

// Every U has its reason: a port whose counter went with its listener, too.
func TestGoneListenersAreTheReason(t *testing.T) {
	state := []string{"MUNIN_STATEFILE=" + filepath.Join(t.TempDir(), "listeners_drops-")}
	munin(t, webHost(t), state, "drops", "config")
	want := "# sockcensus: nothing listens at the moment on port 53, 443, 2049\np53.value U\np443.value U\np2049.value U\n"
	if o := munin(t, newTree(t), state, "drops"); o.stdout != want {
		t.Errorf("%v", o)
	}
}

func brokenTree(t *testing.T) *tree {
	h := newTree(t)
	for _, table := range h.tables {
		table.Reset()
		table.WriteString("nonsense\nnonsense\n")
	}
	return h
}

// A port that a threshold names has its field, whether or not it listens now.
func TestLimitsOfPorts(t *testing.T) {
	o := munin(t, webHost(t), []string{"p80_warning=50", "p443_critical=90"}, "queue", "config")
	if !strings.Contains(o.stdout, "\np80.warning 0:50\n") || !strings.Contains(o.stdout, "\np443.critical 0:90\n") || strings.Contains(o.stdout, "#") {
		t.Errorf("config: %v", o)
	}
	if o = munin(t, webHost(t), []string{"p80_warning=50"}, "queue"); !strings.HasSuffix(o.stdout, "\np80.value 0\np443.value U\np2049.value U\n") {
		t.Errorf("fetch: %v", o)
	}
	for variable, want := range map[string]string{
		"drops_rate_warning=1": `no metric "drops_rate" here for a threshold: the metrics are p443 and so on, one for each port`,
		"p080_warning=1":       `no metric "p080" here`,
		"p0_warning=1":         `no metric "p0" here`,
	} {
		if o := munin(t, webHost(t), []string{variable}, "queue", "config"); !strings.HasPrefix(o.stdout, "# sockcensus: "+want) {
			t.Errorf("%s: %v", variable, o)
		}
	}
	if o := munin(t, webHost(t), []string{"drops_rate_warning=1"}, "count", "config"); !strings.Contains(o.stdout, "the metrics are tcp, udp, public\n") {
		t.Errorf("a rate under Munin: %v", o)
	}
}
