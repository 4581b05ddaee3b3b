package dist

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A muninGraph is one graph of one link, and what it shows of a [muninHost].
type muninGraph struct {
	form    string // as the documentation names it
	link    string
	section string // of plugin-conf.d, beside what the shipped file says; lines end in ";"
	service string // of a link's second graph
	// values are all fields of the graph: "p443=12" is that number, "48|50" the
	// second one while somebody is connected to munin-node, "+30" what each round adds to a
	// counter, "?" what [muninGraph.truth] tells, "*" any number. A name may end
	// in "*" where the host gives it.
	values string
	truth  func(*muninHost) map[string]uint64
}

// name is what the master calls the graph.
func (g *muninGraph) name() string {
	if g.service != "" {
		return g.service
	}
	return g.link
}

func (g *muninGraph) plugin() string {
	name, _, _ := strings.Cut(g.link, "_")
	return name
}

// muninGraphs are all graphs of all plugins, or of those in $PLUGINS.
func muninGraphs(t *testing.T) []muninGraph {
	t.Helper()
	const (
		port  = "PORT[_PORT...]"
		word  = "connections_WORD"
		quiet = "syn_recv=0 fin_wait_1=0 fin_wait_2=0 time_wait=0 close_wait=0 last_ack=0 closing=0 closed=0 bound_inactive=0"
	)
	all := []muninGraph{
		{form: "connections_" + port, link: "connections_443", values: "p443=12"},
		{form: "connections_" + port, link: "connections_8443", section: "env.p8443_warning 4", values: "p8443=5"},
		{form: "connections_" + port, link: "connections_4711", values: "p4711=0"},
		{form: "connections_" + port, link: "connections_443_8443_80", values: "p443=12 p8443=5 p80=4"},
		{form: "connections_udp_PORT", link: "connections_udp_53", values: "p53=2"},
		{form: "connections_states", link: "connections_states", truth: (*muninHost).timeWait,
			values: "established=48|50 syn_sent=2 syn_recv=0 fin_wait_1=0 fin_wait_2=3 time_wait=? close_wait=3 last_ack=0 closing=0 closed=0 bound_inactive=0 listening=9 total=?"},
		{form: "connections_states_PORT", link: "connections_states_443", values: "established=12 syn_sent=0 " + quiet + " listening=2 total=14"},
		{form: "connections_summary", link: "connections_summary", values: "active_opens=+34 passive_opens=+31 attempt_fails=? estab_resets=? retrans_segs=?", truth: (*muninHost).tcpCounters},
		{form: "connections_summary", link: "connections_summary", service: "connections_summary_memory", values: "orphans=? memory=?", truth: (*muninHost).tcpMemory},

		{form: word, link: "connections_viewers", values: "total=5 largest=3 net_192_0_2_0_24=3 net_2001_db8_0_0_64=2 other=0"},
		{form: word, link: "connections_programs", values: "total=48|50 proc_*=* none=6 other=0 largest=42|43"},
		{form: word, link: "connections_container", values: "total=0"},
		{form: word, link: "connections_by_state", section: "env.by state; env.port 443", values: "established=12 syn_sent=0 " + quiet + " listening=2 total=14 largest=12"},
		{form: word, link: "connections_by_port", section: "env.by port; env.exclude time-wait; env.top 3", values: "total=65|67 p443=14 p8443=6 p80=5 other=40|42 largest=14"},
		{form: word, link: "connections_by_peer_port", section: "env.by peer-port; env.filter dport = :443 or dport = :8443", values: "total=17 rp443=12 rp8443=5 other=0 largest=12"},
		{form: word, link: "connections_by_peer", section: "env.by peer; env.port 443; env.top 4", values: "total=12 ip_192_0_2_1=2 ip_192_0_2_2=2 ip_192_0_2_3=2 ip_192_0_2_4=2 other=4 largest=2"},
		{form: word, link: "connections_by_network", section: "env.by network; env.port 443; env.prefix4 32; env.prefix6 127", values: "total=12 net_192_0_2_1_32=2 net_192_0_2_2_32=2 net_192_0_2_3_32=2 net_192_0_2_4_32=2 net_2001_db8_0_0_0_0_0_0_127=1 net_2001_db8_0_0_0_0_0_2_127=2 net_2001_db8_0_0_0_0_0_4_127=1 other=0 largest=2"},
		{form: word, link: "connections_by_process", section: "user root; env.by process; env.port 443,80", values: "total=16 proc_*=12 none=4 other=0 largest=12"},
		{form: word, link: "connections_by_user", section: "env.by user; env.port 443,80", values: "total=16 user_root=12 none=4 other=0 largest=12"},
		{form: word, link: "connections_by_family", section: "env.by family; env.port 443", values: "total=12 ipv4=8 ipv6=4 largest=8"},
		{form: word, link: "connections_by_protocol", section: "env.by protocol; env.protocol tcp,udp; env.port 443,53", values: "total=14 tcp=12 udp=2 largest=12"},
		{form: word, link: "connections_by_cgroup", section: "env.by cgroup; env.port 443", values: "total=12 cg_*=12 other=0 largest=12"},
		{form: word, link: "connections_leaks", section: "env.state close-wait", values: "total=3"},
		{form: word, link: "connections_neighbour", section: "env.peer 192.0.2.1; env.ipv4 yes", values: "total=14"},
		{form: word, link: "connections_away", section: "env.peer_port 443; env.ipv6 yes", values: "total=4"},
		{form: word, link: "connections_here", section: "env.local 2001:db8::1; env.exclude established", values: "total=0"},
		{form: word, link: "connections_mine", section: "user root; env.process " + filepath.Base(os.Args[0]) + "; env.port 443,80", values: "total=12"},
		{form: word, link: "connections_roots", section: "env.user root; env.port 443,80", values: "total=12"},
		{form: word, link: "connections_bound", section: "env.interface lo", values: "total=0"},
		{form: word, link: "connections_from_proc", section: "env.source proc; env.port 443", values: "total=12"},

		{form: "clients_" + port, link: "clients_443", values: "clients=8 connections=12 undecided=0"},
		{form: "clients_" + port, link: "clients_8443", section: "env.min_age 1s", values: "clients=5 connections=5 undecided=0"},
		{form: "clients_" + port, link: "clients_4711", values: "clients=0 connections=0 undecided=0"},
		{form: "clients_" + port, link: "clients_443_8443", values: "clients=11 connections=17 undecided=0"},

		{form: "listeners_count", link: "listeners_count", values: "tcp=9 udp=2 public=6"},
		{form: "listeners_queue", link: "listeners_queue", values: "p81=100 p80=25 p22=0 p25=0 p443=0 p4711=0 p8443=0 p*=0"},
		{form: "listeners_drops", link: "listeners_drops", values: "p81=+3 p22=0 p25=0 p53=0 p80=0 p443=0 p4711=0 p8443=0 p*=0"},
		{form: "listeners_overflows", link: "listeners_overflows", values: "listen_overflows=+3 listen_drops=+3 req_q_full=0 syncookies_sent=0"},

		{form: "conntrack_table", link: "conntrack_table", values: "used=25 max=?", truth: (*muninHost).trackedMost},
		{form: "conntrack_stats", link: "conntrack_stats", values: "insert_failed=? drop=? early_drop=? invalid=+4 error=? search_restart=? clash_resolve=? chaintoolong=?", truth: (*muninHost).trackerCounters},
		{form: "conntrack_protocols", link: "conntrack_protocols", values: "tcp=20 udp=2 icmp=2 other=1"},
		{form: "conntrack_states", link: "conntrack_states", values: "none=0 syn_sent=0 syn_recv=0 established=17 fin_wait=0 close_wait=3 last_ack=0 time_wait=0 close=0"},
		{form: "conntrack_new", link: "conntrack_new", section: "env.sample 300ms", values: "new=0"},

		{form: "opens_PORT", link: "opens_443", values: "opens=12"},
		{form: "opens_PORT", link: "opens_8443", values: "opens=5"},
		{form: "opens_PORT", link: "opens_4711", values: "opens=+30"},
		{form: "opens_total", link: "opens_total", values: "in=+31 out=+31"},
		{form: "opens_peers_PORT", link: "opens_peers_4711", section: "env.top 2", values: "ip_192_0_2_1=+20 ip_2001_db8_0_0_0_0_0_1=+8 other=+2"},
	}
	return slices.DeleteFunc(all, func(g muninGraph) bool { return !slices.Contains(testhost.Plugins(t), g.plugin()) })
}

// timeWait counts what munin's own connections leave behind.
func (h *muninHost) timeWait() map[string]uint64 {
	waiting := uint64(strings.Count(h.tool("ss", "", "-tanH", "state", "time-wait"), "\n"))
	all := uint64(strings.Count(h.tool("ss", "", "-tanH"), "\n"))
	return map[string]uint64{"time_wait": waiting, "total": all}
}

// tcpCounters are read from the kernel's own table, as nstat reads them.
func (h *muninHost) tcpCounters() map[string]uint64 {
	tcp := h.counters("/proc/net/snmp", "Tcp:")
	return map[string]uint64{"attempt_fails": tcp["AttemptFails"], "estab_resets": tcp["EstabResets"], "retrans_segs": tcp["RetransSegs"]}
}

func (h *muninHost) tcpMemory() map[string]uint64 {
	words := strings.Fields(regexp.MustCompile(`(?m)^TCP: .*`).FindString(h.proc("/proc/net/sockstat")))
	found := map[string]uint64{}
	for i := 1; i+1 < len(words); i += 2 {
		found[words[i]] = wholeNumber(h.t, words[i+1])
	}
	return map[string]uint64{"orphans": found["orphan"], "memory": found["mem"]}
}

func (h *muninHost) trackedMost() map[string]uint64 {
	return map[string]uint64{"max": wholeNumber(h.t, strings.TrimSpace(h.proc("/proc/sys/net/netfilter/nf_conntrack_max")))}
}

// trackerCounters sums up what conntrack -S tells of each CPU.
func (h *muninHost) trackerCounters() map[string]uint64 {
	sum := map[string]uint64{}
	for _, match := range regexp.MustCompile(`(\w+)=(\d+)`).FindAllStringSubmatch(h.tool("conntrack", "", "-S"), -1) {
		sum[match[1]] += wholeNumber(h.t, match[2])
	}
	return sum
}

// counters reads a pair of lines, names and numbers, of a table in /proc/net.
func (h *muninHost) counters(file, group string) map[string]uint64 {
	h.t.Helper()
	lines := regexp.MustCompile(`(?m)^`+group+` .*`).FindAllString(h.proc(file), 2)
	names, values := strings.Fields(lines[0]), strings.Fields(lines[1])
	found := map[string]uint64{}
	for i := 1; i < len(names); i++ {
		if !strings.HasPrefix(values[i], "-") {
			found[names[i]] = wholeNumber(h.t, values[i])
		}
	}
	return found
}

// proc reads a file of the namespace.
func (h *muninHost) proc(file string) (text string) {
	h.t.Helper()
	h.must(h.ns.Do(func() error {
		b, err := os.ReadFile(strings.Replace(file, "/proc/net", "/proc/thread-self/net", 1))
		text = string(b)
		return err
	}))
	return text
}

// muninLinks are the names of all links, each once.
func muninLinks(graphs []muninGraph) []string {
	var names []string
	for _, g := range graphs {
		if !slices.Contains(names, g.link) {
			names = append(names, g.link)
		}
	}
	return names
}

// TestMuninGraphsAreAllTested holds the table against what people are told: the
// help and the documentation of each plugin.
func TestMuninGraphsAreAllTested(t *testing.T) {
	tested := map[string]map[string]bool{}
	for _, g := range muninGraphs(t) {
		if tested[g.plugin()] == nil {
			tested[g.plugin()] = map[string]bool{}
		}
		tested[g.plugin()][g.form] = true
		pattern := strings.NewReplacer("PORT[_PORT...]", `\d+(_\d+)*`, "PORT", `\d+`, "WORD", `[a-z][a-z0-9_]*`).Replace(g.form)
		if !regexp.MustCompile("^" + pattern + "$").MatchString(g.link) {
			t.Errorf("%s is no %s", g.link, g.form)
		}
	}
	for _, name := range testhost.Plugins(t) {
		forms := slices.Sorted(maps.Keys(tested[name]))
		help := testhost.Run(t, testhost.Command{Path: testhost.Binary(t, name), Args: []string{"help"}}).Stdout
		pod := testhost.Run(t, testhost.Command{Path: filepath.Join(testhost.Documentation(t), name), Args: []string{"documentation", "pod"}}).Stdout
		for what, told := range map[string][]string{
			"help":          matches(`(?m)^  (`+name+`_\S+)`, cutOut(help, "Munin graphs:", "\n\n")),
			"documentation": matches(`=item B<(`+name+`_\S+)>`, cutOut(pod, "Link the plugin", "=back")),
		} {
			slices.Sort(told)
			if len(told) == 0 || !slices.Equal(told, forms) {
				t.Errorf("the %s of %s has the graphs %q, the table those of %q", what, name, told, forms)
			}
		}
	}
}

// cutOut is the part of a text behind a heading, up to an end.
func cutOut(text, heading, end string) string {
	_, text, _ = strings.Cut(text, heading)
	text, _, _ = strings.Cut(text, end)
	return text
}

// matches are the parts of a text that the group of a pattern matches.
func matches(pattern, text string) []string {
	var all []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}

func wholeNumber(t *testing.T, text string) uint64 {
	t.Helper()
	var n uint64
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatalf("%q is no number: %v", text, err)
	}
	return n
}
