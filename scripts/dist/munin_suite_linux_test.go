package dist

import (
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// TestMunin takes every graph of every plugin, as installed and configured by
// what is shipped, through all programs of a real Munin, and compares the values
// at each end with what the host is known to have.
func TestMunin(t *testing.T) {
	m := newMuninSuite(t)
	m.configure()
	m.node.Start()
	m.underMuninRun()
	m.underNode()
	m.underMaster()
	m.underAsyncd()
	if slices.Contains(testhost.Plugins(t), "conntrack") {
		m.newFlows()
	}
	if warnings := m.node.Warnings(); len(warnings) > 0 {
		t.Errorf("munin-node complained:\n%s", strings.Join(warnings, "\n"))
	}
}

// A muninSuite is a node for all graphs of one host.
type muninSuite struct {
	*muninHost
	graphs []muninGraph
	node   *testhost.MuninNode
}

var switchedOff = regexp.MustCompile(`(?m)^#(\[\w+\*?\]$|env\.|user )`)

// newMuninSuite configures a node by the shipped file with all of it switched
// on, and by the sections of the table.
func newMuninSuite(t *testing.T) *muninSuite {
	t.Helper()
	h := newMuninHost(t)
	m := &muninSuite{muninHost: h, graphs: muninGraphs(t), node: testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: h.ns})}
	m.node.LibraryDir = filepath.Join(h.usr, "share/munin/plugins")
	shipped := switchedOff.ReplaceAllString(example(t, h.usr, "munin/sockcensus"), "$1")
	m.node.Conf(strings.ReplaceAll(shipped, "/run/netns/blue", h.ns.Path()))
	m.node.Conf("[opens_*]\nenv.bpffs " + h.bpffs + "\n")
	for _, g := range m.graphs {
		if g.section != "" {
			m.node.Conf("[" + g.link + "]\n" + strings.ReplaceAll(g.section, "; ", "\n") + "\n")
		}
	}
	return m
}

var (
	offered = regexp.MustCompile(`(?m)^(\w+)_ +\| (?:yes|no) +\| yes \((.*?)\) *$`)
	linked  = regexp.MustCompile(`(?m)^ln -s '.*/(\w+)_' '(.*/(\w+))'$`)
)

// configure links the plugins by what munin-node-configure prints for a shell,
// and those that it has no reason to offer by hand.
func (m *muninSuite) configure() {
	m.t.Helper()
	m.suggest("auto", "connections +443 +4711 +8443 +states +summary", "conntrack +stats +table", "listeners +count +drops +overflows +queue", "opens +443 +4711 +8443 +total")
	m.suggest("manual", "clients +443 +4711 +8443")
	m.node.Conf("[conntrack_]\nuser root\n")
	m.suggest("auto", "connections +443 +4711 +8443 +states +summary", "conntrack +new +protocols +states +stats +table", "listeners +count +drops +overflows +queue", "opens +443 +4711 +8443 +total")
	shell := m.node.Configure("--suggest", "--shell")
	if shell.Code != 0 || shell.Stderr != "" {
		m.t.Errorf("munin-node-configure --suggest --shell: %s", shell)
	}
	commands := linked.FindAllStringSubmatch(shell.Stdout, -1)
	if len(commands) != strings.Count(shell.Stdout, "\n") {
		m.t.Errorf("munin-node-configure --shell prints more than links:\n%s", shell.Stdout)
	}
	if out, err := exec.Command("/bin/sh", "-c", shell.Stdout).CombinedOutput(); err != nil {
		m.t.Fatalf("the shell on what munin-node-configure printed: %v\n%s", err, out)
	}
	for _, link := range muninLinks(m.graphs) {
		if _, err := os.Lstat(filepath.Join(m.node.ServiceDir, link)); err != nil {
			plugin, _, _ := strings.Cut(link, "_")
			m.node.Link(link, filepath.Join(m.node.LibraryDir, plugin+"_"))
		}
	}
	if again := m.node.Configure("--suggest", "--shell", "--remove-also"); again.Code != 0 || strings.Contains(again.Stdout, "ln -s") {
		m.t.Errorf("munin-node-configure finds more to link: %s", again)
	}
}

// suggest compares what munin-node-configure offers of a family of plugins with
// "PLUGIN +SUFFIX ..." of each. Nothing may be offered that the table does not test.
func (m *muninSuite) suggest(family string, want ...string) {
	m.t.Helper()
	got := m.node.Configure("--suggest", "--families", family)
	if got.Code != 0 || got.Stderr != "" {
		m.t.Errorf("munin-node-configure --suggest: %s", got)
	}
	var all []string
	for _, match := range offered.FindAllStringSubmatch(got.Stdout, -1) {
		all = append(all, match[1]+" "+match[2])
		for suffix := range strings.FieldsSeq(match[2]) {
			if link := match[1] + "_" + strings.TrimPrefix(suffix, "+"); !slices.Contains(muninLinks(m.graphs), link) {
				m.t.Errorf("%s is offered and not in the table", link)
			}
		}
	}
	want = slices.DeleteFunc(want, func(line string) bool { return !slices.Contains(testhost.Plugins(m.t), strings.Fields(line)[0]) })
	if !slices.Equal(all, want) {
		m.t.Errorf("munin-node-configure offers of %s\n%s\nwant\n%s", family, strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
}

func (m *muninSuite) underMuninRun() {
	m.t.Helper()
	for _, link := range muninLinks(m.graphs) {
		config := m.node.Run(link, "config")
		if config.Code != 0 || config.Stderr != "" {
			m.t.Errorf("munin-run %s config: %s", link, config)
		}
		m.configs("munin-run", link, strings.Split(config.Stdout, "\n"))
		m.values("munin-run", link, func() []string {
			fetch := m.node.Run(link, "")
			if fetch.Code != 0 || fetch.Stderr != "" {
				m.t.Errorf("munin-run %s: %s", link, fetch)
			}
			return strings.Split(fetch.Stdout, "\n")
		})
	}
}

// underNode speaks the node's protocol as a client that knows nothing, which gets
// no multigraph, and as a modern one, which gets values with the config.
func (m *muninSuite) underNode() {
	m.t.Helper()
	var multi []string
	for _, g := range m.graphs {
		if g.service != "" {
			multi = append(multi, g.link)
		}
	}
	old := m.node.Client()
	want := slices.DeleteFunc(muninLinks(m.graphs), func(link string) bool { return slices.Contains(multi, link) })
	m.lists(old, want)
	for _, link := range want {
		config := old.Config(link)
		m.configs("munin-node", link, config)
		if slices.ContainsFunc(config, func(line string) bool { return strings.Contains(line, ".value ") }) {
			m.t.Errorf("%s: a config without dirtyconfig has values: %q", link, config)
		}
		m.values("munin-node", link, func() []string { return old.Fetch(link) })
	}
	old.Quit()
	modern := m.node.Client()
	modern.Cap("multigraph", "dirtyconfig")
	m.lists(modern, muninLinks(m.graphs))
	for _, link := range muninLinks(m.graphs) {
		m.values("munin-node's dirty config", link, func() []string {
			config := modern.Config(link)
			m.configs("munin-node's dirty config", link, config)
			return config
		})
	}
	for _, link := range multi {
		m.values("munin-node", link, func() []string { return modern.Fetch(link) })
	}
	modern.Quit()
}

func (m *muninSuite) lists(c *testhost.MuninClient, want []string) {
	m.t.Helper()
	got := c.List()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		m.t.Errorf("munin-node lists %q, want %q", got, want)
	}
}

// muninRounds are the master's. A rate needs two; the third closes the first five
// minutes that a database knows entirely.
const muninRounds = 3

// underMaster collects, judges and draws.
func (m *muninSuite) underMaster() {
	m.t.Helper()
	master := testhost.NewMuninMaster(m.t, m.node)
	var before map[string]map[string]string
	for round := range muninRounds {
		if round == muninRounds-1 {
			before = m.stored(master, muninGraph.counts)
		}
		m.visit()
		master.Update(1)
	}
	after := m.stored(master, nil)
	for _, g := range m.graphs {
		m.stores("munin-update", &g, after[g.name()])
		for field, text := range g.rises(after[g.name()]) {
			rise := m.count(text)
			if got := m.count(after[g.name()][field]) - m.count(before[g.name()][field]); got != rise {
				m.t.Errorf("munin-update: %s of %s rose by %d in a round, want %d", field, g.name(), got, rise)
			}
			m.rate(master, g.name(), field, rise)
		}
	}
	in, opens := after["opens_total"]["in"]
	passive, connections := after["connections_summary"]["passive_opens"]
	if opens && connections && in != passive {
		m.t.Errorf("in one round opens_total had %s incoming connections and the kernel %s", in, passive)
	}
	m.pictures(master.Publish())
	if alarms := master.Alarms(); slices.Contains(testhost.Plugins(m.t), "connections") && !slices.Equal(alarms, []string{"connections_8443 p8443 warning"}) {
		m.t.Errorf("munin-limits' alarms are %q", alarms)
	}
}

// stored is the newest value of each field, by graph, of some graphs or all.
func (m *muninSuite) stored(master *testhost.MuninMaster, some func(muninGraph) bool) map[string]map[string]string {
	m.t.Helper()
	all := map[string]map[string]string{}
	for _, g := range m.graphs {
		if some != nil && !some(g) {
			continue
		}
		fields := map[string]string{}
		for field := range master.RRDFiles(g.name()) {
			fields[field] = master.Last(g.name(), field)
		}
		all[g.name()] = fields
	}
	return all
}

// stores checks values that were collected a while ago.
func (m *muninSuite) stores(step string, g *muninGraph, got map[string]string) {
	m.t.Helper()
	if wrong := m.wrong(g, nil, nil, got); len(wrong) > 0 {
		m.t.Errorf("%s has %s", step, strings.Join(wrong, "; "))
	}
}

// rate checks what the database made of a counter: a round's rise by 300 s.
func (m *muninSuite) rate(master *testhost.MuninMaster, graph, field string, rise uint64) {
	m.t.Helper()
	var newest float64
	for _, text := range master.Values(graph, field) {
		if text != "nan" {
			if _, err := fmt.Sscan(text, &newest); err != nil {
				m.t.Fatalf("%q is no rate: %v", text, err)
			}
		}
	}
	want := float64(rise) / 300
	if newest < want*0.95 || newest > want*1.05 {
		m.t.Errorf("the database has %g/s for %s of %s, want %g", newest, field, graph, want)
	}
}

// pictures checks that each graph has its four and is shown on the host's page.
func (m *muninSuite) pictures(pages string) {
	m.t.Helper()
	index := read(m.t, filepath.Join(pages, "index.html"))
	for _, g := range m.graphs {
		for _, scale := range testhost.MuninScales {
			text := read(m.t, filepath.Join(pages, g.name()+"-"+scale+".png"))
			picture, err := png.Decode(strings.NewReader(text))
			if err != nil || len(text) < 4000 || picture.Bounds().Dx() < 450 || picture.Bounds().Dy() < 250 {
				m.t.Errorf("munin-graph's picture of %s by %s: %d bytes, %v", g.name(), scale, len(text), err)
			}
		}
		if !strings.Contains(index, g.name()+"-day.png") {
			m.t.Errorf("%s is not on the host's page", g.name())
		}
	}
}

// underAsyncd has munin-asyncd collect, and a master that asks for its spool.
func (m *muninSuite) underAsyncd() {
	m.t.Helper()
	client := m.node.Client()
	client.Cap("multigraph")
	list := client.List()
	client.Quit()
	spool := m.node.Spool()
	lines := spool.Fetch(list[len(list)-1], 1)
	if complaints := spool.Stop(); complaints != "" {
		m.t.Errorf("munin-asyncd complained: %s", complaints)
	}
	byGraph := map[string][]string{}
	var graph string
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "multigraph "); ok {
			graph = name
			continue
		}
		byGraph[graph] = append(byGraph[graph], line)
	}
	master := spool.Master()
	master.Update(1)
	stored := m.stored(master, nil)
	for _, g := range m.graphs {
		m.stores("munin-asyncd", &g, valuesOf(byGraph[g.name()]))
		m.stores("munin-update from the spool", &g, stored[g.name()])
	}
}

// newFlows makes 100 flows a second while conntrack_new counts.
func (m *muninSuite) newFlows() {
	m.t.Helper()
	fd := m.socket("127.0.0.1:1", unix.SOCK_DGRAM)
	stop, stopped := make(chan struct{}), make(chan error)
	go func() { stopped <- sendFlows(fd, stop) }()
	got := valuesOf(strings.Split(m.node.Run("conntrack_new", "").Stdout, "\n"))
	close(stop)
	m.must(<-stopped)
	var rate float64
	if _, err := fmt.Sscan(got["new"], &rate); err != nil || rate < 60 || rate > 140 {
		m.t.Errorf("conntrack_new has %v of 100 new flows a second", got)
	}
}

// sendFlows sends a packet every 10 ms, each to another port.
func sendFlows(fd int, stop <-chan struct{}) error {
	began, port := time.Now(), 2000
	for {
		select {
		case <-stop:
			return nil
		case <-time.After(5 * time.Millisecond):
		}
		for ; time.Duration(port-2000)*10*time.Millisecond < time.Since(began); port++ {
			err := unix.Sendto(fd, []byte("!"), 0, &unix.SockaddrInet4{Port: port, Addr: [4]byte{192, 0, 2, 1}})
			if err != nil && err != unix.ECONNREFUSED {
				return err
			}
		}
	}
}
