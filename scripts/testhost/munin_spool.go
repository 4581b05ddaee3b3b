package testhost

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// MuninSpool is a real munin-asyncd that asks a node for its values every second
// and keeps them for masters that come by seldom. It offers no dirtyconfig.
type MuninSpool struct {
	t    testing.TB
	node *MuninNode
	user *User
	dir  string
	proc *process
	out  bytes.Buffer // to be read when the process has ended
}

// Spool starts munin-asyncd on a started node.
func (n *MuninNode) Spool() *MuninSpool {
	n.t.Helper()
	s := &MuninSpool{t: n.t, node: n, user: LookupUser(n.t, "munin-async", "")}
	s.dir = ownedDir(n.t, s.user, filepath.Join(n.dir, "spool"))
	args := []string{"--host", n.address(), "--spooldir", s.dir, "--minrate", "1"}
	s.proc = start(n.t, Command{Path: Need(n.t, "munin-asyncd"), Args: args, Env: n.env, User: s.user, Netns: n.ns}, &s.out, &s.out)
	n.t.Cleanup(s.proc.stop)
	return s
}

// Master lays out a Munin master that collects from the spool by spoolfetch, through
// munin-async as through ssh to the node's host. What it stores has the time at which
// munin-asyncd collected it; its own clock is the real one.
func (s *MuninSpool) Master() *MuninMaster {
	s.t.Helper()
	m := NewMuninMaster(s.t, s.node)
	m.Clock = time.Now()
	writeFile(s.t, m.config, m.configText(fmt.Sprintf("cmd://%s --spoolfetch --spooldir %s", Need(s.t, "munin-async"), s.dir)))
	return m
}

// Fetch waits until a link's values have been collected this many times and returns
// what munin-async answers to a master's spoolfetch for all links: config and
// `field.value EPOCH:VALUE`.
func (s *MuninSpool) Fetch(link string, times int) []string {
	s.t.Helper()
	var lines []string
	s.proc.waitFor(s.t, "munin-asyncd's spool", readyLimit, func() string { return s.complaints() + strings.Join(lines, "\n") }, func() bool {
		time.Sleep(200 * time.Millisecond) // to ask is work, which munin-asyncd would wait for
		lines = s.ask("spoolfetch 0")
		return len(spoolEpochs(lines, link)) >= times
	})
	return lines
}

// Stop ends munin-asyncd and returns what it complained about.
func (s *MuninSpool) Stop() string {
	s.proc.stop()
	return s.complaints()
}

func (s *MuninSpool) complaints() string {
	if s.proc.running() {
		return ""
	}
	return s.out.String()
}

// ask runs munin-async for one command whose answer ends with a line of one dot.
func (s *MuninSpool) ask(command string) []string {
	s.t.Helper()
	r := Run(s.t, Command{
		Path: Need(s.t, "munin-async"), Args: []string{"--spoolfetch", "--spooldir", s.dir},
		Env: s.node.env, User: s.user, Stdin: "cap multigraph\n" + command + "\nquit\n",
	})
	if r.Code != 0 || r.Stderr != "" {
		s.t.Fatalf("munin-async: %s", r)
	}
	lines := strings.Split(r.Stdout, "\n")
	if len(lines) < 3 || !slices.Contains(lines, ".") {
		s.t.Fatalf("munin-async's answer: %q", lines)
	}
	return lines[2:slices.Index(lines, ".")]
}

// spoolEpochs returns the times at which a link has values, each once.
func spoolEpochs(lines []string, link string) []string {
	var epochs []string
	inside := false
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "multigraph "); ok {
			inside = strings.TrimSpace(name) == link
		}
		name, value, _ := strings.Cut(line, " ")
		epoch, _, ok := strings.Cut(value, ":")
		if inside && ok && strings.HasSuffix(name, ".value") && !slices.Contains(epochs, epoch) {
			epochs = append(epochs, epoch)
		}
	}
	return epochs
}
