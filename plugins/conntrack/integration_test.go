package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// busy is a namespace with known flows: 320 of TCP, of which 96 are
// established, 160 of UDP and 80 of ICMP. What passes there is not tracked, so
// that the daemons' own connections change nothing.
func busy(t *testing.T) *testhost.Netns {
	t.Helper()
	ns := tracked(t)
	inside(t, ns, "nft", "add chain inet t raw { type filter hook output priority -300; }; add rule inet t raw notrack")
	load(t, ns, mixed(560))
	return ns
}

// The Munin graphs that need no right, and those that need CAP_NET_ADMIN.
var (
	plainGraphs      = []string{"conntrack_table", "conntrack_stats"}
	privilegedGraphs = []string{"conntrack_protocols", "conntrack_states", "conntrack_new"}
)

func muninNode(t *testing.T, ns *testhost.Netns, conf string) *testhost.MuninNode {
	t.Helper()
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns})
	for _, graph := range slices.Concat(plainGraphs, privilegedGraphs) {
		node.Link(graph, testhost.Binary(t, "conntrack"))
	}
	node.Conf(conf)
	return node
}

// As nobody, the graphs that need a right have no values and say which and how
// to give it; `user root` in plugin-conf.d gives it.
func TestMuninRun(t *testing.T) {
	ns := busy(t)
	for name, conf := range map[string]string{"nobody": "[conntrack_new]\nenv.sample 100ms\n", "root": "[conntrack_*]\nuser root\nenv.sample 100ms\n"} {
		node := muninNode(t, ns, conf)
		for _, graph := range slices.Concat(plainGraphs, privilegedGraphs) {
			config, values := node.Run(graph, "config"), node.Run(graph, "")
			if config.Code != 0 || values.Code != 0 || config.Stderr+values.Stderr != "" || !strings.Contains(config.Stdout, "graph_title ") {
				t.Errorf("%s: %v\n%v", graph, config, values)
			}
			denied := name == "nobody" && slices.Contains(privilegedGraphs, graph)
			if denied != strings.Contains(values.Stdout, ".value U") || !strings.Contains(values.Stdout, ".value ") {
				t.Errorf("%s as %s: %s", graph, name, values.Stdout)
			}
			if denied != (strings.Contains(values.Stdout, "# sockcensus: CAP_NET_ADMIN") && strings.Contains(values.Stdout, "user root in plugin-conf.d")) {
				t.Errorf("%s as %s: %s", graph, name, values.Stdout)
			}
		}
		if name == "root" {
			want := "tcp.value 320\nudp.value 160\nicmp.value 80\nother.value 0\n"
			if got := node.Run("conntrack_protocols", "").Stdout; got != want {
				t.Errorf("conntrack_protocols printed %q, want %q", got, want)
			}
			if got := node.Run("conntrack_states", "").Stdout; !strings.Contains(got, "established.value 96\n") {
				t.Errorf("conntrack_states printed %q, want 96 established", got)
			}
		}
	}
}

func TestMuninNodeProtocol(t *testing.T) {
	node := muninNode(t, busy(t), "[conntrack_*]\nuser root\nenv.sample 100ms\n")
	node.Start()
	plain := node.Client()
	plain.Cap("multigraph")
	if got := plain.Fetch("conntrack_protocols"); !slices.Contains(got, "udp.value 160") {
		t.Errorf("fetch without dirtyconfig: %q", got)
	}
	if got := strings.Join(plain.Config("conntrack_protocols"), "\n"); strings.Contains(got, ".value") {
		t.Errorf("config without dirtyconfig has values:\n%s", got)
	}
	plain.Quit()
	dirty := node.Client()
	dirty.Cap("multigraph", "dirtyconfig")
	if got := dirty.Config("conntrack_table"); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "used.value ") }) || !slices.Contains(got, "used.warning 0:209715") {
		t.Errorf("config with dirtyconfig: %q", got)
	}
	dirty.Quit()
	if warnings := node.Warnings(); len(warnings) > 0 {
		t.Errorf("munin-node complains: %q", warnings)
	}
}

// munin-node-configure asks as nobody: it links what works without a right.
func TestMuninConfigure(t *testing.T) {
	for name, ns := range map[string]*testhost.Netns{"busy": busy(t), "unused": testhost.NewNetns(t)} {
		node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns})
		node.Offer(testhost.Binary(t, "conntrack_"))
		suggested := node.Configure("--suggest")
		if suggested.Code != 0 || !strings.Contains(suggested.Stdout, "conntrack_") {
			t.Errorf("munin-node-configure --suggest: %v", suggested)
		}
		shell := node.Configure("--suggest", "--shell")
		for _, link := range plainGraphs {
			if shell.Code != 0 || (name == "busy") != strings.Contains(shell.Stdout, link) {
				t.Errorf("%s: munin-node-configure --suggest --shell and %s: %v", name, link, shell)
			}
		}
		for _, link := range privilegedGraphs {
			if strings.Contains(shell.Stdout, link) {
				t.Errorf("munin-node-configure --suggest --shell links %s, which would not work: %v", link, shell)
			}
		}
	}
}

func TestMuninUpdate(t *testing.T) {
	node := muninNode(t, busy(t), "[conntrack_*]\nuser root\nenv.sample 100ms\n")
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	master.Update(3)
	for _, want := range []struct{ service, field, value string }{
		{"conntrack_protocols", "tcp", "320"}, {"conntrack_states", "time_wait", "32"},
		{"conntrack_table", "max", "262144"}, {"conntrack_stats", "insert_failed", "0"},
	} {
		if got := master.Last(want.service, want.field); got != want.value {
			t.Errorf("the master stored %q as %s of %s, want %s", got, want.field, want.service, want.value)
		}
	}
	if picture := master.Graph("conntrack_states"); !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		t.Errorf("munin-graph drew no PNG: %.20q", picture)
	}
}

// A check through NRPE gives the bytes and the exit code of a direct run.
func TestNRPE(t *testing.T) {
	ns := busy(t)
	check := testhost.Binary(t, "check_conntrack")
	commands := map[string][]string{
		"fill":     {},
		"warning":  {"-w", "used=100"},
		"critical": {"-w", "used=100", "-c", "used=500"},
		"unknown":  {"--state", "nonsense"},
		"right":    {"--protocol", "tcp", "--state", "established"},
	}
	lines := map[string]string{}
	for name, args := range commands {
		lines[name] = strings.TrimSpace(check + " " + strings.Join(args, " "))
	}
	nrpe := testhost.NewNRPE(t, testhost.NRPEOptions{Commands: lines, Netns: ns})
	for name, want := range map[string]int{"fill": 0, "warning": 1, "critical": 2, "unknown": 3, "right": 3} {
		direct := testhost.Run(t, testhost.Command{Path: check, Args: commands[name], User: testhost.NagiosUser(t), Netns: ns})
		if direct.Code != want || direct.Stderr != "" {
			t.Errorf("%s: exit %d, want %d: %v", name, direct.Code, want, direct)
		}
		for _, version := range [][]string{nil, {"-2"}} {
			remote := nrpe.Check(name, version...)
			if remote.Code != direct.Code || strings.TrimSpace(remote.Stdout) != strings.TrimSpace(direct.Stdout) {
				t.Errorf("%s %v: NRPE gave %v, a direct run %v", name, version, remote, direct)
			}
		}
	}
}

func TestNagios(t *testing.T) {
	check := testhost.Binary(t, "check_conntrack")
	nagios := testhost.NewNagios(t, testhost.NagiosOptions{Netns: busy(t), Checks: map[string]string{
		"Fill":  check + " -w 0.1 -c 50",
		"Flows": check + " --protocol tcp --state established",
	}})
	got := nagios.Service("Fill")
	if got.State != 1 || got.Output != "CONNTRACK WARNING - 560 of 262144 entries, 0.21 % (above 0.1)" || !strings.HasPrefix(got.PerfData, "used_percent=0.213623%;0.1;50;0;100 used=560;;;0;262144 max=262144;;;0; insert_failed=0c;;;0; ") {
		t.Errorf("Nagios shows %+v", got)
	}
	if got := nagios.Service("Flows"); got.State != 3 || !strings.Contains(got.Output, "CAP_NET_ADMIN is needed") {
		t.Errorf("Nagios shows %+v", got)
	}
}

func TestIcinga(t *testing.T) {
	check := testhost.Binary(t, "check_conntrack")
	icinga := testhost.NewIcinga(t, testhost.IcingaOptions{Netns: tracked(t), Checks: map[string][]string{
		"fill": {check, "-w", "used=0", "-c", "used=100000"},
	}})
	got := icinga.Service("fill")
	if len(got.Perfdata) != 11 { // percent, used, max and eight counters
		t.Fatalf("Icinga shows state %d and %d items: %+v", got.State, len(got.Perfdata), got)
	}
	for _, item := range got.Perfdata {
		switch {
		case item.Label == "used" && (item.Crit == nil || *item.Crit != 100000):
			t.Errorf("Icinga reads %s as %+v", item.Raw, item)
		case item.Label == "used_percent" && (item.Unit != "percent" || *item.Warn != 80):
			t.Errorf("Icinga reads %s as %+v", item.Raw, item)
		case item.Label == "drop" && item.Unit != "c" && !strings.HasSuffix(item.Raw, "0c;;;0;"):
			t.Errorf("Icinga reads %s as %+v", item.Raw, item)
		}
	}
}

// Another namespace is reached by name, process id and path with the right to,
// and its fill by process id without any.
func TestOtherNamespace(t *testing.T) {
	ns := busy(t)
	binary := testhost.Binary(t, "conntrack")
	sleeper := testhost.Background(t, testhost.Command{Path: testhost.Need(t, "sleep"), Args: []string{"600"}, Netns: ns})
	outside := func(user *testhost.User, args ...string) testhost.Result {
		return testhost.Run(t, testhost.Command{Path: binary, Args: args, User: user})
	}
	for _, name := range []string{ns.Name, ns.Path(), fmt.Sprint(sleeper)} {
		for _, source := range []string{"auto", "netlink", "proc"} {
			if got := outside(nil, "check", "--netns", name, "--source", source); got.Code != 0 || !strings.Contains(got.Stdout, " 560 of 262144 entries") {
				t.Errorf("--netns %s --source %s: %v", name, source, got)
			}
		}
		if got := outside(nil, "check", "--netns", name, "--protocol", "tcp", "--state", "established"); got.Code != 0 || !strings.Contains(got.Stdout, "| flows=96;") {
			t.Errorf("flows of --netns %s: %v", name, got)
		}
		if got := outside(nil, "stats", "--netns", name, "--format", "csv"); got.Code != 0 || !strings.Contains(got.Stdout, "insert_failed,0,") {
			t.Errorf("stats of --netns %s: %v", name, got)
		}
	}
	nobody := testhost.MuninUser(t)
	if got := outside(nobody, "check", "--netns", fmt.Sprint(sleeper)); got.Code != 0 || !strings.Contains(got.Stdout, " 560 of 262144 entries") {
		t.Errorf("the fill by process id without rights: %v", got)
	}
	if got := outside(nobody, "check", "--netns", ns.Name); got.Code != 3 || !strings.Contains(got.Stdout, "CAP_SYS_ADMIN") {
		t.Errorf("by name without rights: %v", got)
	}
	if got := outside(nobody, "check", "--protocol", "tcp", "--netns", fmt.Sprint(sleeper)); got.Code != 3 || !strings.Contains(got.Stdout, "CAP_SYS_ADMIN") {
		t.Errorf("flows by process id without rights: %v", got)
	}
}
