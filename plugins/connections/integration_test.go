package main

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// served is a namespace with a listener on port 443 and connections to it.
func served(t *testing.T, connections int) *testhost.Netns {
	t.Helper()
	ns := testhost.NewNetns(t)
	listener, err := ns.Listen("tcp", "127.0.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	for range connections {
		accepted := make(chan net.Conn, 1)
		go func() {
			c, err := listener.Accept()
			if err == nil {
				accepted <- c
			}
			close(accepted)
		}()
		client, err := ns.Dial(t.Context(), "tcp", "127.0.0.1:443")
		if err != nil {
			t.Fatal(err)
		}
		server, ok := <-accepted
		if !ok {
			t.Fatal("the connection was not accepted")
		}
		t.Cleanup(func() { client.Close(); server.Close() })
	}
	return ns
}

// graphs are the Munin graphs that need no configuration of their own.
var graphs = []string{"connections_443", "connections_443_80", "connections_udp_53", "connections_states", "connections_states_443", "connections_summary"}

func muninNode(t *testing.T, ns *testhost.Netns) *testhost.MuninNode {
	t.Helper()
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns})
	binary := testhost.Binary(t, "connections")
	for _, graph := range append([]string{"connections_inside", "connections_peers"}, graphs...) {
		node.Link(graph, binary)
	}
	node.Conf("[connections_inside]\nenv.filter dst 127.0.0.0/8\n[connections_peers]\nenv.port 443\nenv.by peer\n[connections_443]\nenv.warning p443=1000\n")
	return node
}

func TestMuninRun(t *testing.T) {
	node := muninNode(t, served(t, 7))
	for _, graph := range append([]string{"connections_inside", "connections_peers"}, graphs...) {
		config, values := node.Run(graph, "config"), node.Run(graph, "")
		if config.Code != 0 || values.Code != 0 || config.Stderr+values.Stderr != "" {
			t.Errorf("%s: %v\n%v", graph, config, values)
		}
		if !strings.Contains(config.Stdout, "graph_title ") || strings.Contains(values.Stdout, ".value U") || !strings.Contains(values.Stdout, ".value ") {
			t.Errorf("%s: config\n%s\nvalues\n%s", graph, config.Stdout, values.Stdout)
		}
	}
	if got := node.Run("connections_443", "").Stdout; got != "p443.value 7\n" {
		t.Errorf("connections_443 printed %q, want 7 connections", got)
	}
	if got := node.Run("connections_peers", "").Stdout; !strings.Contains(got, "ip_127_0_0_1.value 7\n") {
		t.Errorf("connections_peers printed %q, want 7 of 127.0.0.1", got)
	}
}

func TestMuninNodeProtocol(t *testing.T) {
	node := muninNode(t, served(t, 3))
	node.Start()
	plain := node.Client()
	plain.Cap("multigraph")
	if got := plain.Fetch("connections_443"); !slices.Contains(got, "p443.value 3") {
		t.Errorf("fetch without dirtyconfig: %q", got)
	}
	if got := strings.Join(plain.Config("connections_443"), "\n"); strings.Contains(got, ".value") {
		t.Errorf("config without dirtyconfig has values:\n%s", got)
	}
	plain.Quit()
	dirty := node.Client()
	dirty.Cap("multigraph", "dirtyconfig")
	if got := dirty.Config("connections_443"); !slices.Contains(got, "p443.value 3") || !slices.Contains(got, "p443.warning 0:1000") {
		t.Errorf("config with dirtyconfig: %q", got)
	}
	dirty.Quit()
	if warnings := node.Warnings(); len(warnings) > 0 {
		t.Errorf("munin-node complains: %q", warnings)
	}
}

func TestMuninConfigure(t *testing.T) {
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: served(t, 0)})
	node.Offer(testhost.Binary(t, "connections_"))
	suggested := node.Configure("--suggest")
	if suggested.Code != 0 || !strings.Contains(suggested.Stdout, "connections_") {
		t.Errorf("munin-node-configure --suggest: %v", suggested)
	}
	shell := node.Configure("--suggest", "--shell")
	for _, link := range []string{"connections_states", "connections_summary"} {
		if shell.Code != 0 || !strings.Contains(shell.Stdout, link) {
			t.Errorf("munin-node-configure --suggest --shell does not link %s: %v", link, shell)
		}
	}
}

func TestMuninUpdate(t *testing.T) {
	node := muninNode(t, served(t, 5))
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	master.Update(3)
	if got := master.Last("connections_443", "p443"); got != "5" {
		t.Errorf("the master stored %q connections to port 443, want 5", got)
	}
	if got := master.Last("connections_states", "listening"); got != "2" {
		t.Errorf("the master stored %q listening sockets, want 2: port 443 and the node itself", got)
	}
	if picture := master.Graph("connections_states"); !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		t.Errorf("munin-graph drew no PNG: %.20q", picture)
	}
}

// A check through NRPE gives the bytes and the exit code of a direct run.
func TestNRPE(t *testing.T) {
	ns := served(t, 4)
	check := testhost.Binary(t, "check_connections")
	commands := map[string][]string{
		"ok":       {"-p", "443"},
		"warning":  {"-p", "443", "-w", "3"},
		"critical": {"-p", "443", "-c", "3"},
		"unknown":  {"-p", "70000"},
		"states":   {"-p", "443", "--by", "state"},
		"filter":   {"-f", "sport = :443 and dst 127.0.0.0/8"},
	}
	lines := map[string]string{}
	for name, args := range commands {
		lines[name] = check + " '" + strings.Join(args, "' '") + "'"
	}
	nrpe := testhost.NewNRPE(t, testhost.NRPEOptions{Commands: lines, Netns: ns})
	for name, args := range commands {
		direct := testhost.Run(t, testhost.Command{Path: check, Args: args, User: testhost.NagiosUser(t), Netns: ns})
		for _, version := range [][]string{nil, {"-2"}} {
			remote := nrpe.Check(name, version...)
			if remote.Code != direct.Code || strings.TrimSpace(remote.Stdout) != strings.TrimSpace(direct.Stdout) {
				t.Errorf("%s %v: NRPE gave %v, a direct run %v", name, version, remote, direct)
			}
		}
		if direct.Stderr != "" {
			t.Errorf("%s: stderr %q", name, direct.Stderr)
		}
	}
}

func TestNagios(t *testing.T) {
	check := testhost.Binary(t, "check_connections")
	nagios := testhost.NewNagios(t, testhost.NagiosOptions{Netns: served(t, 4), Checks: map[string]string{
		"Connections": check + " -p 443 -w 3 -c 100",
	}})
	got := nagios.Service("Connections")
	if got.State != 1 || got.Output != "CONNECTIONS WARNING - 4 established to port 443 (above 3)" || got.PerfData != "total=4;3;100;0;" {
		t.Errorf("Nagios shows %+v", got)
	}
}

func TestIcinga(t *testing.T) {
	check := testhost.Binary(t, "check_connections")
	icinga := testhost.NewIcinga(t, testhost.IcingaOptions{Netns: served(t, 4), Checks: map[string][]string{
		"states": {check, "-p", "443", "--by", "state", "-w", "established=3"},
	}})
	got := icinga.Service("states")
	if got.State != 1 || len(got.Perfdata) != 14 {
		t.Fatalf("Icinga shows state %d and %d items: %+v", got.State, len(got.Perfdata), got)
	}
	for _, item := range got.Perfdata {
		if item.Label == "established" && (item.Value != 4 || item.Warn == nil || *item.Warn != 3) {
			t.Errorf("Icinga reads %s as %+v", item.Raw, item)
		}
	}
}

// As nobody, without a capability, everything but other users' processes is
// seen.
func TestUnprivileged(t *testing.T) {
	ns := served(t, 2)
	nobody := testhost.MuninUser(t)
	run := func(args ...string) testhost.Result {
		return testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "connections"), Args: args, User: nobody, Netns: ns})
	}
	if got := run("check", "-p", "443"); got.Code != 0 || got.Stdout != "CONNECTIONS OK - 2 established to port 443 | total=2;;;0;\n" {
		t.Errorf("as nobody: %v", got)
	}
	if got := run("check", "-p", "443", "--by", "process"); got.Code != 0 || !strings.Contains(got.Stdout, "unseen 2\n") {
		t.Errorf("processes that may not be seen: %v", got)
	}
	if got := run("check", "-p", "443", "--by", "process", "-w", "proc_nginx=1"); got.Code != 3 || !strings.Contains(got.Stdout, "nginx (0 to 2), other, largest unknown, 2 established to port 443 (2 unseen) |") ||
		!strings.Contains(got.Stdout, "CAP_SYS_PTRACE") || strings.Contains(got.Stdout, "proc_nginx=") || strings.Contains(got.Stdout, "largest=") {
		t.Errorf("a threshold on a process that may not be seen: %v", got)
	}
	if got := run("check", "-p", "443", "--process", "x"); got.Code != 3 || !strings.Contains(got.Stdout, "CAP_SYS_PTRACE") {
		t.Errorf("a process that may not be seen: %v", got)
	}
	if got := run("check", "--mark", "1"); got.Code != 3 || !strings.Contains(got.Stdout, "CAP_NET_ADMIN") {
		t.Errorf("a mark that may not be seen: %v", got)
	}
}

// Another namespace is reached by name, process id and path with the right to,
// and by process id without any.
func TestOtherNamespace(t *testing.T) {
	ns := served(t, 3)
	binary := testhost.Binary(t, "check_connections")
	sleeper := testhost.Background(t, testhost.Command{Path: testhost.Need(t, "sleep"), Args: []string{"600"}, Netns: ns})
	for _, name := range []string{ns.Name, ns.Path(), fmt.Sprint(sleeper)} {
		for _, source := range []string{"auto", "netlink", "proc"} {
			got := testhost.Run(t, testhost.Command{Path: binary, Args: []string{"-p", "443", "--netns", name, "--source", source}})
			if got.Code != 0 || !strings.Contains(got.Stdout, " 3 established") {
				t.Errorf("--netns %s --source %s: %v", name, source, got)
			}
		}
		// Raw sockets are read from its /proc where the kernel has no raw_diag.
		if got := testhost.Run(t, testhost.Command{Path: binary, Args: []string{"--protocol", "raw", "--netns", name}}); got.Code != 0 || !strings.Contains(got.Stdout, " 0 raw sockets | total=0;") {
			t.Errorf("--netns %s --protocol raw: %v", name, got)
		}
	}
	nobody := testhost.MuninUser(t)
	got := testhost.Run(t, testhost.Command{Path: binary, Args: []string{"-p", "443", "--netns", fmt.Sprint(sleeper)}, User: nobody})
	if got.Code != 0 || !strings.Contains(got.Stdout, " 3 established") || !strings.Contains(got.Stdout, "CAP_SYS_ADMIN") {
		t.Errorf("by process id without rights: %v", got)
	}
	got = testhost.Run(t, testhost.Command{Path: binary, Args: []string{"-p", "443", "--netns", ns.Name}, User: nobody})
	if got.Code != 3 || !strings.Contains(got.Stdout, "CAP_SYS_ADMIN") || !strings.Contains(got.Stdout, "give --netns the id of a process in it") {
		t.Errorf("by name without rights: %v", got)
	}
}

// Interfaces are those of the namespace that is looked into.
func TestInterfaceOfOtherNamespace(t *testing.T) {
	ns := testhost.NewNetns(t)
	ip := testhost.Need(t, "ip")
	if got := testhost.Run(t, testhost.Command{Path: ip, Args: []string{"link", "add", "inside0", "type", "veth", "peer", "name", "inside1"}, Netns: ns}); got.Code != 0 {
		t.Fatal(got)
	}
	run := func(args ...string) testhost.Result {
		return testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "check_connections"), Args: args})
	}
	if got := run("--netns", ns.Name, "--interface", "inside0"); got.Code != 0 {
		t.Errorf("an interface of the namespace: %v", got)
	}
	if got := run("--interface", "inside0"); got.Code != 3 || !strings.Contains(got.Stdout, "inside0") {
		t.Errorf("an interface that is not here: %v", got)
	}
}

// ip netns exec hides the cgroups: a limit on one is UNKNOWN, never met.
func TestHiddenCgroups(t *testing.T) {
	ns := served(t, 2)
	ip, binary := testhost.Need(t, "ip"), testhost.Binary(t, "check_connections")
	got := testhost.Run(t, testhost.Command{Path: ip, Args: []string{"netns", "exec", ns.Name, binary, "-p", "443", "--by", "cgroup", "-c", "cg_backup=1:"}})
	if got.Code != 3 || !strings.Contains(got.Stdout, "backup (0 to 2), other, largest unknown") || !strings.Contains(got.Stdout, "no cgroup2 file system is mounted here (ip netns exec hides it, --netns does not)") || strings.Contains(got.Stdout, "unreachable") {
		t.Errorf("ip netns exec: %v", got)
	}
	got = testhost.Run(t, testhost.Command{Path: binary, Args: []string{"--netns", ns.Name, "-p", "443", "--by", "cgroup", "-c", "cg_backup=1:"}})
	if got.Code != 2 || !strings.Contains(got.Stdout, "cg_backup=0;") {
		t.Errorf("--netns: %v", got)
	}
}
