package testhost

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// muninInterval is Munin's time between two rounds.
const muninInterval = 5 * time.Minute

// muninGroup is the group of hosts that the node is in.
const muninGroup = "test"

// MuninMaster is a Munin master that collects from one node as user munin. Its
// rounds are real runs of munin-update under a clock of its own, so that an hour of
// values takes seconds. A rate is what the node's counters rose in real time,
// divided by the pretended five minutes.
type MuninMaster struct {
	Node  *MuninNode
	Clock time.Time // of the next round; only ever moved forward after the first

	t      testing.TB
	dir    string
	user   *User
	config string
	env    []string
	begin  time.Time      // of the first round
	read   map[string]int // how much of each log has been judged
}

// NewMuninMaster lays out a master for a node. Its clock begins two hours ago.
func NewMuninMaster(t testing.TB, node *MuninNode) *MuninMaster {
	t.Helper()
	Need(t, "munin-update")
	dir := Dir(t)
	m := &MuninMaster{
		Node: node, t: t, dir: dir, user: LookupUser(t, "munin", ""), config: filepath.Join(dir, "munin.conf"),
		env: moveMunin(t, dir), read: map[string]int{},
		Clock: time.Now().Add(-2 * time.Hour).Truncate(muninInterval),
	}
	for _, sub := range []string{"db", "html", "log", "run"} {
		ownedDir(t, m.user, filepath.Join(dir, sub))
	}
	writeFile(t, m.config, m.configText(fmt.Sprintf("127.0.0.1\n\tport %d", node.Port)))
	// A master that finds no trace of an earlier version tunes databases that do not
	// exist yet, and logs errors about them: Munin's own, once in a master's life.
	writeFile(t, filepath.Join(dir, "db", "datafile"), "version "+muninVersion(t, dir)+"\n")
	return m
}

func (m *MuninMaster) configText(address string) string {
	return fmt.Sprintf(`dbdir %[1]s/db
htmldir %[1]s/html
logdir %[1]s/log
rundir %[1]s/run
tmpldir /etc/munin/templates
staticdir /etc/munin/static
graph_strategy cron
[%[2]s;%[3]s]
	address %[4]s
	use_node_name yes
`, m.dir, muninGroup, m.Node.Host, address)
}

// Update runs rounds, each five minutes of the master's clock after the other, and
// fails the test at anything in the log that reports trouble. It returns what the
// rounds logged.
func (m *MuninMaster) Update(rounds int) string {
	m.t.Helper()
	log, warnings := m.TryUpdate(rounds)
	if len(warnings) > 0 {
		m.t.Errorf("munin-update complained:\n%s\nmunin-node's log:\n%s", strings.Join(warnings, "\n"), m.Node.Log())
	}
	return log
}

// TryUpdate is Update for tests that expect trouble: it returns the lines that
// report it.
func (m *MuninMaster) TryUpdate(rounds int) (log string, warnings []string) {
	m.t.Helper()
	if m.begin.IsZero() {
		m.begin = m.Clock
	}
	for range rounds {
		result := m.perl("munin-update", "--config_file", m.config)
		if result.Code != 0 || result.Stderr != "" {
			warnings = append(warnings, "munin-update: "+result.String())
		}
		log += m.newLog("munin-update.log")
		m.Clock = m.Clock.Add(muninInterval)
	}
	return log, append(warnings, suspiciousLines(log)...)
}

// Graph draws the last day of a service by munin-graph and returns the PNG. The
// service of a nested multigraph is spelled parent/child.
func (m *MuninMaster) Graph(service string) []byte {
	m.t.Helper()
	path := fmt.Sprintf("/%s/%s/%s-day.png", muninGroup, m.Node.Host, serviceName(service, "/"))
	writeFile(m.t, filepath.Join(m.dir, "db", "graphs"), path+"\n")
	result := m.perl("munin-graph", "--config", m.config)
	log := m.newLog("munin-graph.log")
	if lines := suspiciousLines(log); result.Code != 0 || len(lines) > 0 {
		m.t.Errorf("munin-graph complained: %s\nlog:\n%s", result, log)
	}
	png, err := os.ReadFile(filepath.Join(m.dir, "html", path))
	if err != nil {
		m.t.Fatalf("munin-graph drew nothing for %s: %v\n%s\nlog:\n%s", service, err, result, log)
	}
	return png
}

// perl runs one of the master's programs at the master's time.
func (m *MuninMaster) perl(name string, args ...string) Result {
	m.t.Helper()
	env := append([]string{"PERL5OPT=-MTesthostClock", "TESTHOST_TIME=" + strconv.FormatInt(m.Clock.Unix(), 10)}, m.env...)
	return Run(m.t, Command{Path: Need(m.t, name), Args: args, Env: env, User: m.user, Netns: m.Node.ns})
}

// newLog returns what was added to a log since it was last asked for.
func (m *MuninMaster) newLog(name string) string {
	log := readLog(filepath.Join(m.dir, "log", name))
	added := log[m.read[name]:]
	m.read[name] = len(log)
	return added
}

// RRDFiles returns the database files, by field, that a service has; that of a
// nested multigraph is spelled parent/child.
func (m *MuninMaster) RRDFiles(service string) map[string]string {
	m.t.Helper()
	prefix := filepath.Join(m.dir, "db", muninGroup, m.Node.Host+"-"+serviceName(service, "-")+"-")
	paths, err := filepath.Glob(prefix + "*.rrd")
	if err != nil {
		m.t.Fatal(err)
	}
	files := make(map[string]string, len(paths))
	for _, path := range paths {
		field := strings.TrimPrefix(path, prefix)
		if field = field[:len(field)-len("-g.rrd")]; !strings.Contains(field, "-") {
			files[field] = path
		}
	}
	return files
}

// Last returns the value of a field as the newest round stored it, "U" for
// unknown. It is the raw value, also for counters.
func (m *MuninMaster) Last(service, field string) string {
	m.t.Helper()
	path, ok := m.RRDFiles(service)[field]
	if !ok {
		m.t.Fatalf("munin-update stored no field %s of %s, only %v", field, service, m.RRDFiles(service))
	}
	result := Run(m.t, Command{Path: Need(m.t, "rrdtool"), Args: []string{"lastupdate", path}})
	words := strings.Fields(result.Stdout)
	if result.Code != 0 || len(words) == 0 {
		m.t.Fatalf("rrdtool lastupdate %s: %s", path, result)
	}
	return words[len(words)-1]
}

// Values returns what a field's database holds of the rounds so far, oldest first:
// averages over five minutes, rates for counters, NaN spelled "nan".
func (m *MuninMaster) Values(service, field string) []string {
	m.t.Helper()
	args := []string{
		"fetch", m.RRDFiles(service)[field], "AVERAGE",
		"--start", strconv.FormatInt(m.begin.Unix(), 10), "--end", strconv.FormatInt(m.Clock.Unix(), 10),
	}
	result := Run(m.t, Command{Path: Need(m.t, "rrdtool"), Args: args})
	if result.Code != 0 {
		m.t.Fatalf("rrdtool fetch: %s", result)
	}
	var values []string
	for line := range strings.Lines(result.Stdout) {
		if _, value, ok := strings.Cut(line, ": "); ok {
			values = append(values, strings.ReplaceAll(strings.TrimSpace(value), "-nan", "nan"))
		}
	}
	return values
}
