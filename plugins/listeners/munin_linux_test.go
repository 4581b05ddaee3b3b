package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// values takes "field.value N" lines apart.
func values(lines []string) map[string]string {
	found := map[string]string{}
	for _, line := range lines {
		if field, value, ok := strings.Cut(line, ".value "); ok {
			found[field] = value
		}
	}
	return found
}

func TestThroughMuninNode(t *testing.T) {
	ns := testhost.NewNetns(t)
	binary := testhost.Binary(t, "listeners_")
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns})
	for _, suffix := range []string{"count", "queue", "drops", "overflows", "nonsense"} {
		node.Link("listeners_"+suffix, binary)
	}
	node.Link("listeners_count_lo", binary)
	node.Conf("[listeners_queue]\nenv.p80_warning 50\nenv.p80_critical 90\n")
	node.Conf("[listeners_count]\nenv.local 127.0.0.0/8\n")
	start(t, ns, "slow", nil, "tcp,0.0.0.0:80,1", "tcp,127.0.0.1:81")
	start(t, ns, "resolver", nil, "udp,127.0.0.1:53")
	fillQueue(t, ns, 80, 6)

	node.Offer(binary)
	if r := node.Configure("--suggest"); r.Code != 0 || !strings.Contains(r.Stdout, "+count") || !strings.Contains(r.Stdout, "+overflows") {
		t.Errorf("munin-node-configure --suggest: %v", r)
	}
	for _, word := range []string{"autoconf", "suggest"} {
		want := map[string]string{"autoconf": "yes\n", "suggest": "count\nqueue\ndrops\noverflows\n"}[word]
		if r := node.Run("listeners_count", word); r.Code != 0 || r.Stdout != want || r.Stderr != "" {
			t.Errorf("%s: %v", word, r)
		}
	}
	r := node.Run("listeners_queue", "config")
	for _, want := range []string{"graph_title Fill of accept queues\n", "graph_vlabel %\n", "p80.label port 80\n", "p80.warning 0:50\n", "p80.critical 0:90\n", "p81.label port 81\n", "p80.draw LINE1\n"} {
		if !strings.Contains(r.Stdout, want) || r.Code != 0 || strings.Contains(r.Stdout, ".value") {
			t.Errorf("no %q in config: %v", want, r)
		}
	}
	if r := node.Run("listeners_drops", "config"); !strings.Contains(r.Stdout, "p80.type DERIVE\np80.min 0\n") || !strings.Contains(r.Stdout, "p53.type DERIVE\n") {
		t.Errorf("drops config: %v", r)
	}
	if r := node.Run("listeners_nonsense", "config"); r.Code != 0 || !strings.HasPrefix(r.Stdout, "# sockcensus: suffix \"nonsense\" is none of the graphs: use listeners_count") {
		t.Errorf("an unknown suffix: %v", r)
	}
	node.Start()
	client := node.Client()
	client.Cap("multigraph", "dirtyconfig")
	self := fmt.Sprintf("p%d", node.Port) // the node listens too
	if diff := cmp.Diff(map[string]string{"p80": "100", "p81": "0", self: "0"}, values(client.Fetch("listeners_queue"))); diff != "" {
		t.Errorf("queue: %s", diff)
	}
	if drops := values(client.Fetch("listeners_drops")); drops["p80"] == "0" || drops["p53"] != "0" || drops["p81"] != "0" {
		t.Errorf("drops: %v", drops)
	}
	count := values(client.Fetch("listeners_count"))
	if count["udp"] != "1" || count["tcp"] != "2" || count["public"] != "0" {
		t.Errorf("env.local narrows count: %v", count)
	}
	overflows := client.Config("listeners_overflows")
	if v := values(overflows); len(v) != 4 || v["listen_overflows"] == "0" || v["listen_drops"] == "0" || v["syncookies_sent"] != "0" {
		t.Errorf("overflows with dirty config: %v", overflows)
	}
	client.Quit()
	if complaints := node.Warnings(); slices.ContainsFunc(complaints, func(line string) bool { return !strings.Contains(line, "nonsense") }) {
		t.Errorf("the node complains: %q", complaints)
	}
}

// The fields of a graph stay when a listener goes, and the number of fields is
// bounded.
func TestPortFieldsAreKept(t *testing.T) {
	ns := testhost.NewNetns(t)
	state := filepath.Join(testhost.Dir(t), "listeners_queue-")
	env := []string{"MUNIN_STATEFILE=" + state}
	fetch := func(suffix, word string) []string {
		t.Helper()
		r := inside(t, ns, nil, env, "listeners", "munin", suffix, word)
		if r.Code != 0 || strings.Contains(r.Stdout, "# sockcensus") {
			t.Fatalf("%v", r)
		}
		return strings.Split(r.Stdout, "\n")
	}
	first := start(t, ns, "first", nil, "tcp,0.0.0.0:80", "tcp,0.0.0.0:81")
	fetch("queue", "config")
	first.stop()
	start(t, ns, "second", nil, "tcp,0.0.0.0:82")
	if diff := cmp.Diff(map[string]string{"p80": "0", "p81": "0", "p82": "0"}, values(fetch("queue", "fetch"))); diff != "" {
		t.Errorf("after a listener has gone: %s", diff)
	}
	var many []string
	for port := 1000; port < 1070; port++ {
		many = append(many, fmt.Sprintf("tcp,127.0.0.1:%d,1", port))
	}
	start(t, ns, "many", nil, many...)
	fillQueue(t, ns, 1069, 6)
	got := values(fetch("queue", "fetch"))
	if len(got) != mostPorts+1 || got["p80"] != "0" || got["p1069"] != "100" || got["other"] != "0" {
		t.Errorf("%d fields: %v", len(got), got)
	}
	config := strings.Join(fetch("queue", "config"), "\n")
	if strings.Count(config, ".label ") != mostPorts+1 || !strings.Contains(config, "\nother.label other ports\n") || strings.Contains(config, "AREASTACK") {
		t.Errorf("config:\n%s", config)
	}
}

// Who may not enter a namespace reads /proc of a process in it, which does not
// tell how full queues are: the graph says so, and what it takes.
func TestUnknownQueuesSayWhy(t *testing.T) {
	ns := testhost.NewNetns(t)
	inside := start(t, ns, "server", nil, "tcp,0.0.0.0:80", "tcp,0.0.0.0:86,dev=lo")
	for suffix, want := range map[string]string{
		"queue": "# sockcensus: source proc cannot decide: how full accept queues are; read from /proc, because ",
		"drops": "# sockcensus: source proc cannot decide: how much a socket has dropped; read from /proc, because ",
		"count": "# sockcensus: public goes by the address: ",
	} {
		r := testhost.Run(t, testhost.Command{
			Path: testhost.Binary(t, "listeners"), Args: []string{"munin", suffix},
			Env: []string{fmt.Sprintf("netns=%d", inside.cmd.Process.Pid)}, User: testhost.MuninUser(t),
		})
		reason, fields, _ := strings.Cut(r.Stdout, "\n")
		if r.Code != 0 || !strings.HasPrefix(reason, want) || suffix != "count" && !strings.Contains(reason, "CAP_SYS_ADMIN") {
			t.Errorf("%s, want %q: %v", suffix, want, r)
		}
		if suffix != "count" && fields != "p80.value U\np86.value U\n" {
			t.Errorf("%s: %v", suffix, r)
		}
	}
	// What is bound to lo is loopback by netlink and not decided by /proc.
	for source, code := range map[string]int{"netlink": 2, "proc": 3} {
		r := testhost.Run(t, testhost.Command{
			Path: testhost.Binary(t, "check_listeners"), Netns: ns,
			Args: []string{"--source", source, "--require", "tcp/86", "--unexpected", "ok"},
		})
		if r.Code != code {
			t.Errorf("--source %s, want exit %d: %v", source, code, r)
		}
	}
}

// steady hides how many processes other users have at the moment.
func steady(output string) string {
	before, after, ok := strings.Cut(output, " processes may not be looked into")
	if !ok {
		return output
	}
	return strings.TrimRight(before, "0123456789") + "N processes" + after
}

func TestThroughNRPE(t *testing.T) {
	ns := testhost.NewNetns(t)
	start(t, ns, "slow", nil, "tcp,0.0.0.0:80,1")
	fillQueue(t, ns, 80, 6)
	check := testhost.Binary(t, "check_listeners")
	file := filepath.Join(testhost.Dir(t), "listeners")
	if r := inside(t, ns, nil, nil, "listeners", "baseline", "write", file); r.Code != 0 {
		t.Fatalf("%v", r)
	}
	start(t, ns, "a|b `x`", nil, "tcp,127.0.0.1:7")
	commands := map[string]string{
		"queue":    check + " -w 50 -c 90",
		"baseline": check + " --baseline " + file + " --allow tcp/1-65535",
		"require":  check + " --require tcp/80,tcp/81 --unexpected ok",
		"ok":       check + " --require tcp/80 --unexpected ok",
		"usage":    check + " --require tcp",
	}
	nrpe := testhost.NewNRPE(t, testhost.NRPEOptions{Netns: ns, Commands: commands})
	nagios := testhost.NagiosUser(t)
	for name, code := range map[string]int{"queue": 2, "baseline": 1, "require": 2, "ok": 0, "usage": 3} {
		direct := inside(t, ns, nagios, nil, "check_listeners", strings.Fields(commands[name])[1:]...)
		remote := nrpe.Check(name)
		if remote.Code != code || direct.Code != code || steady(remote.Stdout) != steady(direct.Stdout) {
			t.Errorf("%s, want exit %d: by check_nrpe %v\ndirectly %v", name, code, remote, direct)
		}
		if strings.Count(remote.Stdout, "|") > 1 || strings.ContainsAny(remote.Stdout, "`") {
			t.Errorf("%s: spoilt output: %q", name, remote.Stdout)
		}
	}
}
