package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// names makes peers of a format with numbers from low on.
func names(format string, low, n int) []string {
	var all []string
	for i := range n {
		if strings.Contains(format, ".") {
			all = append(all, fmt.Sprintf(format, (low+i)/200, (low+i)%200+1))
		} else {
			all = append(all, fmt.Sprintf(format, low+i+1))
		}
	}
	return all
}

// stateDir is a directory that a user may keep state in.
func stateDir(t *testing.T, user *testhost.User) string {
	t.Helper()
	dir := filepath.Join(testhost.Dir(t), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if user != nil {
		if err := os.Chown(dir, int(user.UID), int(user.GID)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// listed runs "clients list" and returns the rows by peer.
func listed(t *testing.T, th *theatre, user *testhost.User, args ...string) (rows map[string]row, from, to time.Time) {
	t.Helper()
	args = append([]string{"list", "-p", "443,8443", "--format", "json"}, args...)
	from = time.Now()
	got := testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "clients"), Args: args, User: user, Netns: th.ns})
	to = time.Now()
	var document struct{ Clients []row }
	if err := json.Unmarshal([]byte(got.Stdout), &document); got.Code != 0 || err != nil {
		t.Fatalf("clients list: %v: %v", err, got)
	}
	rows = map[string]row{}
	for _, r := range document.Clients {
		rows[r.Peer] = r
	}
	return rows, from, to
}

type row struct {
	Peer        string
	Connections int
	Undecided   int
	OldestS     *float64 `json:"oldest_s"`
	BytesIn     *uint64  `json:"bytes_in"`
	RTT         *float64 `json:"rtt_ms"`
}

// bySS are the peers that the real ss shows now.
func bySS(t *testing.T, th *theatre) map[string]bool {
	t.Helper()
	got := testhost.Run(t, testhost.Command{Path: testhost.Need(t, "ss"), Args: []string{"-Htn", "state", "established", "( sport = :443 or sport = :8443 )"}, Netns: th.ns})
	if got.Code != 0 {
		t.Fatal(got)
	}
	peers := map[string]bool{}
	for line := range strings.Lines(got.Stdout) {
		fields := strings.Fields(line)
		peer, err := netip.ParseAddrPort(fields[len(fields)-1])
		if err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		peers[peer.Addr().Unmap().String()] = true
	}
	return peers
}

// 2,000 clients of known addresses and ages stay while others come and go, some
// of them again and again. What the plugin finds is held against what is known,
// and against running ss twice with a sleep between and comparing addresses.
func TestKnownTruth(t *testing.T) {
	const minAge = 5 * time.Second
	testhost.Binary(t, "clients") // builds it, which takes its time
	th := newTheatre(t)
	th.addresses(400)
	idle := append(th.enter(443, names("127.10.%d.%d", 0, 500)...), th.enter(8443, names("2001:db8::%x", 0, 300)...)...)
	busy := append(th.enter(443, names("127.11.%d.%d", 0, 700)...), th.enter(8443, names("127.12.%d.%d", 0, 400)...)...) // mapped
	busy = append(busy, th.enter(8443, names("2001:db8::%x", 300, 100)...)...)
	th.chat(busy)
	th.enter(443, names("127.10.%d.%d", 0, 50)...) // a second connection of 50 of them
	th.churn(443, time.Second, 40, func(i int) string { return fmt.Sprintf("127.20.%d.%d", i/200%100, i%200+1) })
	th.churn(8443, time.Second, 30, func(i int) string { return fmt.Sprintf("127.30.0.%d", i%20+1) })           // the same 20 again and again
	th.churn(443, 8*time.Second, 80, func(i int) string { return fmt.Sprintf("127.40.%d.%d", i/200, i%200+1) }) // each once, on both sides of 5s
	time.Sleep(7 * time.Second)
	dir := stateDir(t, nil)

	before := bySS(t, th)
	began := time.Now()
	first, _, to := listed(t, th, nil, "--state-dir", dir)
	time.Sleep(time.Until(began.Add(minAge)))
	after := bySS(t, th)
	judge(t, th, "first run", first, began.Add(minAge), to, minAge)
	if took := to.Sub(began); took < minAge || took > minAge+4*time.Second {
		t.Errorf("the first run took %v: the busy ones take a second look after 5s", took)
	}
	if len(first) < len(idle)+len(busy) || len(first) > len(idle)+len(busy)+100 {
		t.Errorf("%d clients of %d that stay", len(first), len(idle)+len(busy))
	}
	if r := first["127.10.0.1"]; r.Connections != 2 || r.OldestS == nil || *r.OldestS < 5 || *r.OldestS > time.Since(idle[0].tried).Seconds() {
		t.Errorf("127.10.0.1 has 2 connections: %+v", r)
	}
	if r := first["127.11.0.1"]; r.BytesIn == nil || *r.BytesIn == 0 || r.RTT == nil || *r.RTT <= 0 {
		t.Errorf("127.11.0.1 sent something: %+v", r)
	}

	// Comparing addresses finds the same, and takes those who come again for
	// such as stay.
	again, edge := 0, 0
	for peer := range before {
		_, ours := first[peer]
		switch {
		case !after[peer] || ours:
		case strings.HasPrefix(peer, "127.30.0."):
			again++
		default:
			t.Errorf("%s is in both lists of ss and not in ours", peer)
		}
	}
	for peer := range first {
		switch {
		case before[peer] && after[peer]:
		case strings.HasPrefix(peer, "127.40."):
			edge++ // came right after the first list, or left right before the second
		default:
			t.Errorf("%s is in our list and not in both lists of ss", peer)
		}
	}
	if again < 10 || edge > 10 {
		t.Errorf("%d addresses came again, want 10 or more; %d came or left between our looks and those of ss, want few", again, edge)
	}

	// With what the first run remembers, the next does without a second look
	// about all but the newest.
	began = time.Now()
	second, from, to := listed(t, th, nil, "--state-dir", dir, "--no-wait")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("without waiting it took %v", took)
	}
	judge(t, th, "second run", second, from, to, minAge)
	if r := second["127.11.0.1"]; r.Connections != 1 || r.Undecided != 0 {
		t.Errorf("a busy connection that was seen before: %+v", r)
	}
}

// judge holds rows against what is known of the time between from and to.
func judge(t *testing.T, th *theatre, what string, rows map[string]row, from, to time.Time, minAge time.Duration) {
	t.Helper()
	sure, _ := th.stayed(from, to, minAge+minAge/10+50*time.Millisecond) // the tolerance of a second look
	_, maybe := th.stayed(from, to, minAge)
	for peer := range sure {
		if _, ok := rows[peer]; !ok {
			t.Errorf("%s: %s stayed and is not listed", what, peer)
		}
	}
	undecided := 0
	for peer, r := range rows {
		if r.Connections > 0 && !maybe[peer] {
			t.Errorf("%s: %s is listed and did not stay: %+v", what, peer, r)
		}
		if r.Connections == 0 {
			undecided++
		}
	}
	t.Logf("%s: %d rows, %d of them undecided; %d stayed, %d may have", what, len(rows), undecided, len(sure), len(maybe))
}

// Runs at the same time with one state directory find the same.
func TestAtOnce(t *testing.T) {
	th := newTheatre(t)
	th.chat(th.enter(443, names("127.10.%d.%d", 0, 300)...))
	dir, check := stateDir(t, nil), testhost.Binary(t, "check_clients")
	for round := range 3 {
		results := make(chan testhost.Result, 8)
		for range cap(results) {
			go func() {
				results <- testhost.Run(t, testhost.Command{Path: check, Args: []string{"-p", "443", "--min-age", "1s", "--state-dir", dir}, Netns: th.ns})
			}()
		}
		for range cap(results) {
			if got := <-results; got.Code != 0 || !strings.Contains(got.Stdout, "clients=300;;;0; connections=300;;;0;") || strings.Contains(got.Stdout, "begun anew") {
				t.Errorf("round %d: %v", round, got)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %d files: want the state and its lock", err, len(entries))
	}
}

// As nobody everything is seen; what is wrong with the state is said.
func TestUnprivileged(t *testing.T) {
	th := newTheatre(t)
	th.chat(th.enter(443, names("127.10.%d.%d", 0, 30)...))
	nobody := testhost.MuninUser(t)
	dir := stateDir(t, nobody)
	run := func(args ...string) testhost.Result {
		args = append([]string{"check", "-p", "443", "--min-age", "1s"}, args...)
		return testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "clients"), Args: args, User: nobody, Netns: th.ns})
	}
	if got := run("--no-wait", "--state-dir", dir, "-c", "20", "--min-age", "4s"); got.Code != 0 || !strings.Contains(got.Stdout, "30 peers of port 443 undecided, clients, connections, largest, oldest collecting") {
		t.Errorf("first run: %v", got)
	}
	if got := run("--no-wait", "--state-dir", dir, "-c", "20", "--min-age", "4s"); got.Code != 3 || !strings.Contains(got.Stdout, "the verdict hangs on 30 undecided peers") {
		t.Errorf("a run right after it: %v", got)
	}
	time.Sleep(4100 * time.Millisecond)
	if got := run("--no-wait", "--state-dir", dir, "-c", "20", "--min-age", "4s"); got.Code != 2 || !strings.Contains(got.Stdout, "clients=30;;20;0;") {
		t.Errorf("four seconds later: %v", got)
	}
	if err := os.WriteFile(stateFile(t, dir), []byte("\x00\xff"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run("--state-dir", dir, "-w", "30"); got.Code != 0 || !strings.Contains(got.Stdout, "clients=30;30;;0;") || !strings.Contains(got.Stdout, "begun anew") {
		t.Errorf("with a broken file: %v", got)
	}
	if got := run("--state-dir", "/proc/1"); got.Code != 0 || !strings.Contains(got.Stdout, "clients=30;;;0;") || !strings.Contains(got.Stdout, "nothing is remembered") {
		t.Errorf("with a directory that is not ours: %v", got)
	}
	if got := run("--source", "proc"); got.Code != 3 || !strings.Contains(got.Stdout, "by netlink only") {
		t.Errorf("by a source that cannot tell: %v", got)
	}
	sleeper := testhost.Background(t, testhost.Command{Path: testhost.Need(t, "sleep"), Args: []string{"600"}, Netns: th.ns})
	outside := testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "check_clients"), Args: []string{"-p", "443", "--netns", fmt.Sprint(sleeper)}, User: nobody})
	if outside.Code != 3 || !strings.Contains(outside.Stdout, "CAP_SYS_ADMIN") {
		t.Errorf("from outside without rights: %v", outside)
	}
	if got := testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "check_clients"), Args: []string{"-p", "443", "--min-age", "1s", "--netns", th.ns.Name}}); got.Code != 0 || !strings.Contains(got.Stdout, "clients=30;;;0;") {
		t.Errorf("from another namespace: %v", got)
	}
}

// muninNode serves graphs of a theatre with 12 clients, 3 of them on port 8443.
func muninNode(t *testing.T) *testhost.MuninNode {
	t.Helper()
	th := newTheatre(t)
	th.addresses(2)
	th.chat(append(th.enter(443, names("127.10.%d.%d", 0, 9)...), th.enter(8443, "127.10.0.50", "2001:db8::1", "2001:db8::2")...))
	th.enter(8443, "127.10.0.1") // is on both ports
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: th.ns})
	for _, link := range []string{"clients_443", "clients_443_8443", "clients_8443"} {
		node.Link(link, testhost.Binary(t, "clients"))
	}
	node.Conf("[clients_*]\nenv.min_age 1s\n[clients_443]\nenv.clients_warning 100\n[clients_8443]\nenv.no_wait yes\n")
	return node
}

func TestMuninRun(t *testing.T) {
	node := muninNode(t)
	for link, want := range map[string]string{
		"clients_443":      "clients.value 9\nconnections.value 9\nundecided.value 0\n",
		"clients_443_8443": "clients.value 12\nconnections.value 13\nundecided.value 0\n",
	} {
		config, values := node.Run(link, "config"), node.Run(link, "")
		if config.Code != 0 || !strings.Contains(config.Stdout, "graph_title Clients of port") || config.Stderr+values.Stderr != "" {
			t.Errorf("%s: %v\n%v", link, config, values)
		}
		if values.Stdout != want {
			t.Errorf("%s printed %q, want %q", link, values.Stdout, want)
		}
	}
	if got := node.Run("clients_8443", ""); !strings.Contains(got.Stdout, "clients.value U\n") || !strings.Contains(got.Stdout, "# sockcensus: collecting") {
		t.Errorf("first run that may not wait: %v", got)
	}
	time.Sleep(time.Second)
	if got := node.Run("clients_8443", ""); got.Stdout != "clients.value 4\nconnections.value 4\nundecided.value 0\n" {
		t.Errorf("second run that may not wait: %v", got)
	}
}

func TestMuninNodeProtocol(t *testing.T) {
	node := muninNode(t)
	node.Start()
	plain := node.Client()
	plain.Cap("multigraph")
	if got := plain.Fetch("clients_443"); !slices.Contains(got, "clients.value 9") {
		t.Errorf("fetch without dirtyconfig: %q", got)
	}
	if got := strings.Join(plain.Config("clients_443"), "\n"); strings.Contains(got, ".value") {
		t.Errorf("config without dirtyconfig has values:\n%s", got)
	}
	plain.Quit()
	dirty := node.Client()
	dirty.Cap("multigraph", "dirtyconfig")
	if got := dirty.Config("clients_443"); !slices.Contains(got, "clients.value 9") || !slices.Contains(got, "clients.warning 0:100") {
		t.Errorf("config with dirtyconfig: %q", got)
	}
	dirty.Quit()
	if warnings := node.Warnings(); len(warnings) > 0 {
		t.Errorf("munin-node complains: %q", warnings)
	}
}

func TestMuninUpdate(t *testing.T) {
	node := muninNode(t)
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	master.Update(3)
	for field, want := range map[string]string{"clients": "12", "connections": "13", "undecided": "0"} {
		if got := master.Last("clients_443_8443", field); got != want {
			t.Errorf("the master stored %q %s, want %s", got, field, want)
		}
	}
	if picture := master.Graph("clients_443"); !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		t.Errorf("munin-graph drew no PNG: %.20q", picture)
	}
}

func TestMuninConfigure(t *testing.T) {
	th := newTheatre(t)
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: th.ns})
	node.Offer(testhost.Binary(t, "clients_"))
	suggested := node.Configure("--suggest", "--families", "manual")
	if suggested.Code != 0 || !regexp.MustCompile(`clients_ .*443.*8443`).MatchString(suggested.Stdout) {
		t.Errorf("munin-node-configure --suggest: %v", suggested)
	}
	if got := node.Configure("--suggest", "--shell"); got.Code != 0 || strings.Contains(got.Stdout, "clients_") {
		t.Errorf("a plugin of family manual is linked by itself: %v", got)
	}
}

// A check through NRPE gives the words and the exit code of a direct run; ages
// grow meanwhile.
func TestNRPE(t *testing.T) {
	th := newTheatre(t)
	th.chat(th.enter(443, names("127.10.%d.%d", 0, 40)...))
	check, nagios := testhost.Binary(t, "check_clients"), testhost.NagiosUser(t)
	dir := stateDir(t, nagios)
	commands := map[string][]string{
		"ok":       {"-p", "443", "--min-age", "1s", "--state-dir", dir},
		"warning":  {"-p", "443", "--min-age", "1s", "--state-dir", dir, "-w", "39"},
		"critical": {"-p", "443", "--min-age", "1s", "-c", "39"},
		"network":  {"-p", "443", "--min-age", "1s", "--by", "network", "-c", "largest=39"},
		"unknown":  {"-p", "443", "--min-age", "1h", "-w", "39", "--no-wait"},
	}
	lines := map[string]string{}
	for name, args := range commands {
		lines[name] = check + " '" + strings.Join(args, "' '") + "'"
	}
	want := map[string]int{"ok": 0, "warning": 1, "critical": 2, "network": 2, "unknown": 3}
	nrpe := testhost.NewNRPE(t, testhost.NRPEOptions{Commands: lines, Netns: th.ns})
	for name, args := range commands {
		direct := testhost.Run(t, testhost.Command{Path: check, Args: args, User: nagios, Netns: th.ns})
		if direct.Code != want[name] || direct.Stderr != "" {
			t.Errorf("%s: %v", name, direct)
		}
		for _, version := range [][]string{nil, {"-2"}} {
			remote := nrpe.Check(name, version...)
			// Packets of version 2 hold 1 KiB.
			size := min(len(ageless(remote.Stdout)), len(ageless(direct.Stdout)), 700)
			if remote.Code != direct.Code || ageless(remote.Stdout)[:size] != ageless(direct.Stdout)[:size] {
				t.Errorf("%s %v: NRPE gave %v, a direct run %v", name, version, remote, direct)
			}
		}
	}
}

// ageless is a check's output without what grows while it is compared.
func ageless(output string) string {
	output = regexp.MustCompile(`oldest[ =][0-9.]+m?s`).ReplaceAllString(output, "oldest")
	return regexp.MustCompile(`[0-9.]+ k?B (in|out)|rtt [0-9.]+ ms`).ReplaceAllString(output, "$1")
}

func TestNagios(t *testing.T) {
	th := newTheatre(t)
	th.enter(443, names("127.10.%d.%d", 0, 4)...)
	time.Sleep(time.Second)
	nagios := testhost.NewNagios(t, testhost.NagiosOptions{Netns: th.ns, Checks: map[string]string{
		"Clients": testhost.Binary(t, "check_clients") + " -p 443 --min-age 1s -w 3 -c 100",
	}})
	got := nagios.Service("Clients")
	if got.State != 1 || got.Output != "CLIENTS WARNING - 4 clients of port 443 for 1s or more (above 3)" || !strings.HasPrefix(got.PerfData, "clients=4;3;100;0; connections=4;;;0; largest=1;;;0; oldest=") {
		t.Errorf("Nagios shows %+v", got)
	}
}

func TestIcinga(t *testing.T) {
	th := newTheatre(t)
	th.enter(443, names("127.10.%d.%d", 0, 4)...)
	time.Sleep(time.Second)
	icinga := testhost.NewIcinga(t, testhost.IcingaOptions{Netns: th.ns, Checks: map[string][]string{
		"clients": {testhost.Binary(t, "check_clients"), "-p", "443", "--min-age", "1s", "-w", "3", "-c", "oldest=86400"},
	}})
	got := icinga.Service("clients")
	if got.State != 1 || len(got.Perfdata) != 5 {
		t.Fatalf("Icinga shows state %d and %d items: %+v", got.State, len(got.Perfdata), got)
	}
	for _, item := range got.Perfdata {
		if item.Label == "clients" && (item.Value != 4 || item.Warn == nil || *item.Warn != 3) || item.Label == "oldest" && item.Unit != "seconds" {
			t.Errorf("Icinga reads %s as %+v", item.Raw, item)
		}
	}
}
