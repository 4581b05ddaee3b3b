package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

// countingLab is a lab where 120 connections of 3 peers to port 4711 were counted.
func countingLab(t *testing.T, options ...string) *lab {
	t.Helper()
	l := newLab(t)
	l.on(options...)
	l.accepted = testnet.NewAccepted()
	l.accepted.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	l.connect(120)
	return l
}

// connect makes more connections, and waits until they were accepted.
func (l *lab) connect(n int) {
	l.t.Helper()
	if made := (testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.0.0", 3), N: n}).Run(l.t, l.Client); made != n {
		l.t.Fatalf("%d of %d connections were made", made, n)
	}
	l.made += n
	l.accepted.Settle(l.t, l.made)
}

// Once it is on, nobody reads it: all commands that show numbers, the check, Munin.
func TestNobody(t *testing.T) {
	l := countingLab(t)
	l.opens(0, "record")
	nobody := testhost.MuninUser(t)
	run := func(name string, args ...string) testhost.Result {
		c := l.command(name, args...)
		c.User = nobody
		return testhost.Run(t, c)
	}
	for _, args := range [][]string{{"count", "-p", "4711", "--format", "csv"}, {"report", "-p", "4711", "--format", "csv"}} {
		if got := run("opens", args...); got.Code != 0 || got.Stdout != "opens\n120\n" || got.Stderr != "" {
			t.Errorf("opens %s as nobody: %v", args[0], got)
		}
	}
	if got := run("opens", "status"); got.Code != 0 || !strings.Contains(got.Stdout, "120, as PassiveOpens has it") {
		t.Errorf("opens status as nobody: %v", got)
	}
	if got := run("check_opens", "-p", "4711", "-c", "opens=100"); got.Code != 2 || !strings.HasPrefix(got.Stdout, "OPENS CRITICAL - 120 connections to port 4711 in ") {
		t.Errorf("check as nobody: %v", got)
	}
	for _, args := range [][]string{{"on"}, {"off"}, {"watch"}, {"record"}} {
		if got := run("opens", args...); got.Code != 2 || got.Stdout != "" || strings.Count(got.Stderr, "\n") != 1 {
			t.Errorf("opens %s as nobody: %v", args[0], got)
		}
	}
	if got := l.opens(0, "count", "-p", "4711", "--format", "csv").Stdout; got != "opens\n120\n" {
		t.Errorf("after nobody tried: %q", got)
	}
}

// With nft nobody may read the kernel's tables, but the snapshot that the timer
// publishes, and is told its age.
func TestNobodyReadsSnapshot(t *testing.T) {
	l := countingLab(t, "--method", "nft")
	run := func(args ...string) testhost.Result {
		c := l.command("check_opens", args...)
		c.User = testhost.NagiosUser(t)
		return testhost.Run(t, c)
	}
	if got := run("-p", "4711"); got.Code != 3 || !strings.Contains(got.Stdout, "CAP_NET_ADMIN") {
		t.Errorf("before there is a snapshot: %v", got)
	}
	l.opens(0, "record")
	l.connect(30)
	got := run("-p", "4711")
	if got.Code != 0 || !strings.HasPrefix(got.Stdout, "OPENS OK - 120 connections to port 4711 (answered SYNs, nft) in ") || !strings.Contains(got.Stdout, "as the timer published it ") {
		t.Errorf("with a snapshot: %v", got)
	}
	l.opens(0, "record")
	if got := run("-p", "4711"); !strings.Contains(got.Stdout, "150 connections") {
		t.Errorf("with a newer snapshot: %v", got)
	}
}

func (l *lab) munin(t *testing.T) *testhost.MuninNode {
	t.Helper()
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: l.Server})
	for _, graph := range []string{"opens_4711", "opens_total", "opens_peers_4711"} {
		node.Link(graph, l.binary)
	}
	node.Conf("[opens_*]\nenv.bpffs " + l.bpffs() + "\nenv.top 2\n")
	return node
}

func TestMuninRun(t *testing.T) {
	l := countingLab(t)
	node := l.munin(t)
	for graph, want := range map[string]string{
		"opens_4711": "opens.value 120\n", "opens_total": "in.value 120\nout.value 0\n",
		"opens_peers_4711": "ip_10_66_0_1.value 0\nip_10_66_0_2.value 0\nother.value 0\n",
	} {
		config, values := node.Run(graph, "config"), node.Run(graph, "")
		if config.Code != 0 || !strings.Contains(config.Stdout, ".type DERIVE") || config.Stderr+values.Stderr != "" || values.Stdout != want {
			t.Errorf("%s: %v\n%v, want %q", graph, config, values, want)
		}
	}
	l.connect(30)
	if got := node.Run("opens_peers_4711", "").Stdout; got != "ip_10_66_0_1.value 10\nip_10_66_0_2.value 10\nother.value 10\n" {
		t.Errorf("30 connections later: %q", got)
	}
	l.opens(0, "off")
	for graph, fields := range map[string]string{"opens_4711": "opens.value U\n", "opens_peers_4711": "ip_10_66_0_1.value U\nip_10_66_0_2.value U\nother.value U\n"} {
		got := node.Run(graph, "")
		if got.Code != 0 || !strings.Contains(got.Stdout, fields) || !strings.Contains(got.Stdout, "opens on --bpffs ") {
			t.Errorf("%s after off: %v", graph, got)
		}
	}
}

// Values pass through a node with and without dirtyconfig, and through a master
// into its files without a warning.
func TestMuninNode(t *testing.T) {
	l := countingLab(t)
	node := l.munin(t)
	node.Start()
	plain := node.Client()
	plain.Cap("multigraph")
	if got := plain.Fetch("opens_4711"); !slices.Contains(got, "opens.value 120") {
		t.Errorf("fetch: %q", got)
	}
	if got := strings.Join(plain.Config("opens_4711"), "\n"); strings.Contains(got, ".value") {
		t.Errorf("config without dirtyconfig has values:\n%s", got)
	}
	plain.Quit()
	dirty := node.Client()
	dirty.Cap("multigraph", "dirtyconfig")
	if got := dirty.Config("opens_4711"); !slices.Contains(got, "opens.value 120") {
		t.Errorf("config with dirtyconfig: %q", got)
	}
	dirty.Quit()
	master := testhost.NewMuninMaster(t, node)
	for range 3 {
		l.connect(30)
		master.Update(1)
	}
	for _, graph := range []string{"opens_4711", "opens_peers_4711"} {
		if picture := master.Graph(graph); !bytes.HasPrefix(picture, []byte("\x89PNG")) {
			t.Errorf("munin-graph drew no PNG of %s: %.20q", graph, picture)
		}
	}
	if got := master.Last("opens_4711", "opens"); got != "210" {
		t.Errorf("the master stored %q connections, want 210", got)
	}
	if got := master.Last("opens_peers_4711", "other"); got != "20" {
		t.Errorf("the master stored %q connections of other peers, want 20: 10 a round after the master's first", got)
	}
	if warnings := node.Warnings(); len(warnings) > 0 {
		t.Errorf("munin-node complains: %q", warnings)
	}
}

func TestMuninConfigure(t *testing.T) {
	l := countingLab(t)
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: l.Server})
	node.Offer(filepath.Join(filepath.Dir(l.binary), "opens_"))
	off := node.Configure("--suggest")
	if off.Code != 0 || !strings.Contains(off.Stdout, "no") || !strings.Contains(off.Stdout, "not being counted") {
		t.Errorf("munin-node-configure --suggest where nothing is counted: %v", off)
	}
	node.Conf("[opens_*]\nenv.bpffs " + l.bpffs() + "\n")
	shell := node.Configure("--suggest", "--shell")
	for _, link := range []string{"opens_total", "opens_4711"} {
		if shell.Code != 0 || !strings.Contains(shell.Stdout, link) {
			t.Errorf("munin-node-configure --suggest --shell does not link %s: %v", link, shell)
		}
	}
}

// changing are the parts of a check's output that a second run has otherwise.
var changing = regexp.MustCompile(`in [0-9.ms]+ |rate=[0-9.]+|\(not 5m\) `)

// A check through NRPE gives the bytes and the exit code of a direct run, but for
// the length of the period.
func TestNRPE(t *testing.T) {
	l := countingLab(t)
	check := testhost.Binary(t, "check_opens")
	commands := map[string][]string{
		"ok":       {"-p", "4711"},
		"warning":  {"-p", "4711", "-w", "100"},
		"critical": {"-p", "4711", "-w", "10", "-c", "largest=39"},
		"off":      {"-p", "4711", "--bpffs", "/nonexistent/bpf"},
		"usage":    {"-p", "70000"},
	}
	lines := map[string]string{}
	for name, args := range commands {
		if name != "off" {
			args = append(args, "--bpffs", l.bpffs(), "--db", l.database())
			commands[name] = args
		}
		lines[name] = check + " '" + strings.Join(args, "' '") + "'"
	}
	nrpe := testhost.NewNRPE(t, testhost.NRPEOptions{Commands: lines, Netns: l.Server})
	codes := map[string]int{"ok": 0, "warning": 1, "critical": 2, "off": 3, "usage": 3}
	for name, args := range commands {
		direct := testhost.Run(t, testhost.Command{Path: check, Args: args, User: testhost.NagiosUser(t), Netns: l.Server})
		remote := nrpe.Check(name)
		same := func(text string) string { return changing.ReplaceAllString(strings.TrimSpace(text), "") }
		if remote.Code != codes[name] || direct.Code != codes[name] || same(remote.Stdout) != same(direct.Stdout) {
			t.Errorf("%s: NRPE gave %v, a direct run %v", name, remote, direct)
		}
	}
}

func TestIcinga(t *testing.T) {
	l := countingLab(t)
	icinga := testhost.NewIcinga(t, testhost.IcingaOptions{Netns: l.Server, Checks: map[string][]string{
		"opens": {testhost.Binary(t, "check_opens"), "-p", "4711", "--period", "1h", "-w", "100", "--bpffs", l.bpffs()},
	}})
	got := icinga.Service("opens")
	if got.State != 1 || len(got.Perfdata) != 5 || got.Perfdata[0].Value != 120 {
		t.Errorf("Icinga shows %+v", got)
	}
}

// The units that are shipped call commands that exist, with options that parse.
func TestUnits(t *testing.T) {
	units := filepath.Join("..", "..", "scripts", "dist", "systemd")
	for _, unit := range []string{"sockcensus-opens.service", "sockcensus-opens-record.service"} {
		text, err := os.ReadFile(filepath.Join(units, unit))
		if err != nil {
			t.Fatal(err)
		}
		calls := regexp.MustCompile(`(?m)^Exec(?:Start|Reload)=/usr/lib/sockcensus/opens (.*)$`).FindAllSubmatch(text, -1)
		if len(calls) == 0 {
			t.Errorf("%s calls nothing", unit)
		}
		for _, c := range calls {
			args := append([]string{"opens"}, append(strings.Fields(string(c[1])), "--help")...)
			if code, _, stderr := call(t, newFake(nil), nil, args...); code != 0 {
				t.Errorf("%s calls %q: %s", unit, c[1], stderr)
			}
		}
	}
	l := &lab{t: t, dir: testhost.Dir(t)}
	verify := testhost.Need(t, "systemd-analyze")
	// The programs that the units call are not installed here.
	for _, name := range []string{"run-sockcensus-bpf.mount", "sockcensus-opens.service", "sockcensus-opens-record.service", "sockcensus-opens-record.timer"} {
		text, err := os.ReadFile(filepath.Join(units, name))
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("/usr/lib/sockcensus/opens"), []byte("/bin/true"))
		if err := os.WriteFile(filepath.Join(l.dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(l.dir, "*"))
	got := testhost.Run(t, testhost.Command{Path: verify, Args: append([]string{"verify", "--man=no"}, files...)})
	if got.Code != 0 || strings.Contains(got.Stderr, l.dir) {
		t.Errorf("systemd-analyze verify: %v", got)
	}
}

// Without the right to enter another namespace nothing leads to its connections:
// no dead end is advised.
func TestAnotherNamespaceTakesRoot(t *testing.T) {
	l, nobody := newLab(t), testhost.MuninUser(t)
	for _, netns := range []string{l.Server.Name, "1"} {
		got := testhost.Run(t, testhost.Command{Path: l.binary, Argv0: "check_opens", Args: []string{"--netns", netns}, User: nobody})
		want := `--netns "` + netns + `": the connections of another network namespace can only be read from inside, and entering it needs CAP_SYS_ADMIN (run as root)`
		if got.Code != 3 || !strings.Contains(got.Stdout, want) || strings.Contains(got.Stdout, "tables") {
			t.Errorf("--netns %s: %v", netns, got)
		}
	}
}
