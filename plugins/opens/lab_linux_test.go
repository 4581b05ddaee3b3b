package main

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

// A lab is two network namespaces, with the plugin's binary.
type lab struct {
	*testnet.Pair
	t      testing.TB
	dir    string // everything of the test
	binary string

	// Of labs that count: who connected to port 4711, and how many should have.
	accepted *testnet.Accepted
	made     int
}

func newLab(t testing.TB) *lab {
	t.Helper()
	return &lab{t: t, Pair: testnet.NewPair(t), dir: testhost.Dir(t), binary: testhost.Binary(t, "opens")}
}

// bpffs is where the counters of the test are pinned.
func (l *lab) bpffs() string { return filepath.Join(l.dir, "sockcensus", "bpf") }

func (l *lab) database() string { return filepath.Join(l.dir, "opens.db") }

// command is a call of the plugin in the server's namespace, on the test's own
// counters.
func (l *lab) command(name string, args ...string) testhost.Command {
	words := append([]string{}, args...)
	words = append(words, "--bpffs", l.bpffs(), "--db", l.database())
	return testhost.Command{Path: l.binary, Argv0: name, Args: words, Netns: l.Server}
}

// opens runs a person's command, which must end with code.
func (l *lab) opens(code int, args ...string) testhost.Result {
	l.t.Helper()
	got := testhost.Run(l.t, l.command("opens", args...))
	if got.Code != code {
		l.t.Fatalf("opens %s: want exit %d: %v", strings.Join(args, " "), code, got)
	}
	return got
}

// check runs the check with the test's state directory.
func (l *lab) check(args ...string) testhost.Result {
	l.t.Helper()
	return testhost.Run(l.t, l.command("check_opens", append([]string{"--state-dir", l.dir}, args...)...))
}

// on switches counting on, and off when the test ends, and proves that nothing
// stays.
func (l *lab) on(args ...string) {
	l.t.Helper()
	l.t.Cleanup(func() {
		testhost.Run(l.t, l.command("opens", "off"))
		if entries, err := os.ReadDir(filepath.Dir(l.bpffs())); !errors.Is(err, os.ErrNotExist) {
			l.t.Errorf("something is left of %s: %v %v", filepath.Dir(l.bpffs()), entries, err)
		}
		if mounts, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(mounts), l.dir) {
			l.t.Errorf("something below %s is still mounted", l.dir)
		}
	})
	l.opens(0, append([]string{"on"}, args...)...)
}

// A place is one port of a direction, and who is there.
type key struct {
	direction string
	port      uint16
	peer      netip.Addr
}

// counted is what opens count or report tell in JSON.
func (l *lab) counted(args ...string) map[key]uint64 {
	l.t.Helper()
	return rowsOf(l.t, l.opens(0, append(args, "--by", "direction,port,peer", "--format", "json")...).Stdout)
}

func rowsOf(t testing.TB, document string) map[key]uint64 {
	t.Helper()
	var all struct {
		Opens []struct {
			Direction string
			Port      *uint16
			Peer      *netip.Addr
			Opens     uint64
		}
	}
	if err := json.Unmarshal([]byte(document), &all); err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	got := map[key]uint64{}
	for _, row := range all.Opens {
		k := key{direction: row.Direction}
		if row.Port != nil {
			k.port = *row.Port
		}
		if row.Peer != nil {
			k.peer = *row.Peer
		}
		got[k] += row.Opens
	}
	return got
}

// incomingOf is what was accepted, as rowsOf tells it.
func incomingOf(accepted *testnet.Accepted) map[key]uint64 {
	rows := map[key]uint64{}
	for port, peers := range accepted.Peers() {
		for peer, n := range peers {
			rows[key{"in", port, peer}] = n
		}
	}
	return rows
}

// load is how many connections the large tests make.
func load() int {
	if os.Getenv("SOCKCENSUS_FULL") == "1" {
		return 100_000
	}
	return 10_000
}

// background starts a call of the plugin that the test itself ends.
func (l *lab) background(stdout *os.File, args ...string) *exec.Cmd {
	l.t.Helper()
	c := l.command("opens", append(args, "--netns", l.Server.Name)...)
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stdout, cmd.Stderr = stdout, stdout
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	return cmd
}
