package testhost

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// probe copies the shell plugin to where every user may run it, under a name.
func probe(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/probe_")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(Dir(t), name)
	writeFile(t, path, string(text))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMuninNodeServesPlugins(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{Netns: NewNetns(t)})
	plugin := probe(t, "probe_")
	n.Link("probe_a", plugin)
	n.Link("probe_b", plugin)
	n.Conf("[probe_b]\nenv.number 7\nenv.dump yes\n")
	n.Start()

	c := n.Client()
	if want := "# munin node at test.example"; c.Banner != want {
		t.Errorf("banner %q, want %q", c.Banner, want)
	}
	if config := c.Config("probe_a"); slices.ContainsFunc(config, isValue) || !slices.Contains(config, "number.label number") {
		t.Errorf("config without dirtyconfig: %q", config)
	}
	if caps := c.Cap("multigraph", "dirtyconfig"); !slices.Contains(caps, "dirtyconfig") {
		t.Errorf("the node's capabilities: %q", caps)
	}
	if config := c.Config("probe_a"); !slices.Contains(config, "number.value 42") {
		t.Errorf("config with dirtyconfig: %q", config)
	}
	list := c.List()
	slices.Sort(list)
	if !slices.Equal(list, []string{"probe_a", "probe_b"}) {
		t.Errorf("list: %q", list)
	}
	state := filepath.Join(n.StateDir, "nobody")
	got := c.Fetch("probe_b")
	for _, want := range []string{
		"number.value 7", "uid.value 65534", "# MUNIN_PLUGSTATE=" + state,
		"# MUNIN_STATEFILE=" + filepath.Join(state, "probe_b-127.0.0.1"),
	} {
		if !slices.Contains(got, want) {
			t.Errorf("fetch lacks %q: %q", want, got)
		}
	}
	c.Quit()
	if w := n.Warnings(); len(w) > 0 {
		t.Errorf("munin-node complained: %q", w)
	}
}

func isValue(line string) bool { return strings.Contains(line, ".value ") }

func TestMuninNodeReportsComplaints(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{})
	n.Link("probe_a", probe(t, "probe_"))
	n.Conf("[probe_*]\nenv.complain Something broke\n")
	n.Start()
	n.Client().Fetch("probe_a")
	if w := n.Warnings(); len(w) == 0 {
		t.Errorf("a plugin's words on stderr are not in the warnings; log:\n%s", n.Log())
	}
}

func TestMuninRun(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{})
	n.Link("probe_a", probe(t, "probe_"))
	n.Conf("[probe_a]\nenv.number 11\n")
	if r := n.Run("probe_a", ""); r.Code != 0 || r.Stderr != "" || !strings.Contains(r.Stdout, "number.value 11\n") {
		t.Errorf("munin-run probe_a: %s", r)
	}
	if r := n.Run("probe_a", "autoconf"); r.Stdout != "yes\n" || r.Code != 0 {
		t.Errorf("munin-run probe_a autoconf: %s", r)
	}
	if r := n.Run("probe_c", "config"); r.Code == 0 {
		t.Errorf("munin-run of a link that is not there: %s", r)
	}
}

func TestMuninNodeConfigure(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{})
	n.Offer(probe(t, "probe_"))
	if r := n.Configure("--suggest"); r.Code != 0 || !strings.Contains(r.Stdout, "probe_") || !strings.Contains(r.Stdout, "one") {
		t.Errorf("--suggest: %s", r)
	}
	r := n.Configure("--suggest", "--shell")
	want := "ln -s '" + n.LibraryDir + "/probe_' '" + n.ServiceDir + "/probe_one'\n"
	if r.Code != 0 || !strings.Contains(r.Stdout, want) {
		t.Errorf("--suggest --shell lacks %q: %s", want, r)
	}
}

func TestMunindoc(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{})
	plugin := probe(t, "probe_")
	writeFile(t, plugin+".pod", "=head1 NAME\n\nprobe_ - says what it is told\n\n=cut\n")
	n.Offer(plugin)
	n.Offer(plugin + ".pod")
	if r := n.Doc("probe_"); r.Code != 0 || !strings.Contains(r.Stdout, "probe_ - says what it is told") || r.Stderr != "" {
		t.Errorf("munindoc probe_: %s", r)
	}
	if r := n.Configure("--suggest"); r.Code != 0 || strings.Contains(r.Stdout, ".pod") {
		t.Errorf("--suggest with a .pod in the library: %s", r)
	}
}

func TestMuninMasterCollectsAndDraws(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{Netns: NewNetns(t)})
	n.Link("probe_a", probe(t, "probe_"))
	n.Start()
	m := NewMuninMaster(t, n)
	before := m.Clock
	m.Update(4)
	if got := m.Clock.Sub(before); got != 4*muninInterval {
		t.Errorf("four rounds took %v of the master's time", got)
	}
	if got := m.Last("probe_a", "number"); got != "42" {
		t.Errorf("stored number %s, want 42", got)
	}
	if got := len(m.RRDFiles("probe_a")); got != 4 {
		t.Errorf("%d fields stored, want 4: %v", got, m.RRDFiles("probe_a"))
	}
	values := m.Values("probe_a", "number")
	if !slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(v, "4.2000000000e+01") }) {
		t.Errorf("values over time: %q", values)
	}
	pages := m.Publish()
	for _, scale := range MuninScales {
		if _, err := os.Stat(filepath.Join(pages, "probe_a-"+scale+".png")); err != nil {
			t.Errorf("munin-cron's programs drew no %s: %v", scale, err)
		}
	}
	picture, err := png.Decode(bytes.NewReader(m.Graph("probe_a")))
	if err != nil || picture.Bounds().Dx() < 300 {
		t.Errorf("munin-graph's picture: %v", err)
	}
}

func TestMuninMasterReportsTrouble(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{})
	n.Link("probe_a", probe(t, "probe_"))
	n.Conf("[probe_a]\nenv.counter 12.5\n")
	n.Start()
	if log, warnings := NewMuninMaster(t, n).TryUpdate(2); len(warnings) == 0 {
		t.Errorf("a counter that is no integer gave no warning:\n%s", log)
	}
}

func TestMuninMasterDrawsNestedGraphs(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{})
	n.Link("probe_a", probe(t, "probe_"))
	n.Conf("[probe_a]\nenv.nested yes\n")
	n.Start()
	m := NewMuninMaster(t, n)
	m.Update(3)
	if got := m.Last("probe_a/child", "age"); got != "5" {
		t.Errorf("stored age %s, want 5", got)
	}
	if got := len(m.RRDFiles("probe_a")); got != 4 {
		t.Errorf("%d fields of the parent, want 4: %v", got, m.RRDFiles("probe_a"))
	}
	if _, err := png.Decode(bytes.NewReader(m.Graph("probe_a/child"))); err != nil {
		t.Errorf("munin-graph's picture: %v", err)
	}
}

func TestMuninSpool(t *testing.T) {
	n := NewMuninNode(t, MuninNodeOptions{Netns: NewNetns(t)})
	n.Link("probe_a", probe(t, "probe_"))
	n.Start()
	s := n.Spool()
	lines := s.Fetch("probe_a", 2)
	epochs := spoolEpochs(lines, "probe_a")
	if !slices.Contains(lines, "number.value "+epochs[0]+":42") || !slices.Contains(lines, "number.label number") {
		t.Errorf("spoolfetch: %q", lines)
	}
	m := s.Master()
	m.Update(1)
	if got := m.Last("probe_a", "number"); got != "42" {
		t.Errorf("a master stored %s from the spool, want 42", got)
	}
	if complaints := s.Stop(); complaints != "" {
		t.Errorf("munin-asyncd complained: %s", complaints)
	}
}
