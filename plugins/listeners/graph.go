package main

import (
	"context"
	"fmt"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// The Munin suffixes.
const (
	countGraph     = "count"
	queueGraph     = "queue"
	dropsGraph     = "drops"
	overflowsGraph = "overflows"
)

// portForms says which metrics a graph by port may have.
const portForms = "p443 and so on, one for each port"

const suffixForms = "use listeners_count, listeners_queue, listeners_drops or listeners_overflows"

// Graph makes the graph of a Munin suffix. The shape comes first: whatever goes
// wrong while measuring, the fields of a fixed graph are known.
func (m *measurement) Graph(ctx context.Context, call *plugin.Call, suffix string) (*report.Report, error) {
	r := &report.Report{Plugin: "listeners"}
	m.more = ""
	switch suffix {
	case countGraph:
		r.Graphs = []report.Graph{countShape()}
	case queueGraph:
		r.Graphs, m.more = []report.Graph{queueShape()}, portForms
	case dropsGraph:
		r.Graphs, m.more = []report.Graph{dropsShape()}, portForms
	case overflowsGraph:
		r.Graphs = []report.Graph{overflowsShape()}
	default:
		return nil, plugin.Usagef("suffix %s is none of the graphs: %s", quote.Text(suffix), suffixForms)
	}
	if err := m.unfixed(call, suffix); err != nil {
		return r, err
	}
	switch suffix {
	case overflowsGraph:
		return r, m.overflows(ctx, call, r)
	case countGraph:
		return r, m.counts(ctx, call, r)
	default:
		return r, m.ports(ctx, call, r, suffix)
	}
}

// unfixed refuses the options that the name of a graph has decided, those that
// only the check reads, and a selection where there is nothing to select.
func (m *measurement) unfixed(call *plugin.Call, suffix string) error {
	const decided, expects = "the name of the link says what it counts", "what is expected is the check's, check_listeners"
	for _, option := range []struct {
		name   string
		values []string
		why    string
	}{
		{"port", append(m.Port, m.LocalPort...), decided}, {"protocol", m.Protocol, decided}, {"state", m.State, decided},
		{"by", []string{call.Env.Getenv("by")}, decided},
		{"baseline", []string{m.Baseline}, expects}, {"require", m.Require, expects}, {"allow", m.Allow, expects},
		{"unexpected", []string{m.Unexpected}, expects}, {"missing", []string{m.Missing}, expects},
	} {
		if len(plugin.Words(option.values)) > 0 {
			return plugin.Usagef("env.%s cannot change this graph: %s", option.name, option.why)
		}
	}
	if suffix == overflowsGraph && m.Any() {
		return plugin.Usagef("listeners_overflows is about all listeners of the host: a selection cannot narrow it")
	}
	return nil
}

func countShape() report.Graph {
	return report.Graph{
		Title: "Listening sockets", VerticalLabel: "listeners", Category: "network",
		Info: "TCP sockets in LISTEN and UDP sockets that are not connected, IPv4 and IPv6. Several sockets of one program on one address and port are one listener.",
		Metrics: []report.Metric{
			{Name: "tcp", Label: "tcp", Help: "TCP listeners.", Draw: report.Stack, Min: report.Count(0)},
			{Name: "udp", Label: "udp", Help: "UDP listeners outside the range of ports that clients get.", Draw: report.Stack, Min: report.Count(0)},
			{Name: "public", Label: "public", Help: "Listeners that can be reached from beyond this host.", Min: report.Count(0)},
		},
	}
}

func queueShape() report.Graph {
	return report.Graph{
		Title: "Fill of accept queues", VerticalLabel: "%", Category: "network",
		Info: "Connections that wait to be accepted, in percent of what the queue of the port's fullest socket holds. A full queue drops connections.",
	}
}

func dropsShape() report.Graph {
	return report.Graph{
		Title: "Drops of listening sockets", VerticalLabel: "drops", Category: "network",
		Info: "Connections (TCP) and packets (UDP) that the listening sockets of a port dropped, most often because a queue was full.",
	}
}

// hostCounters are the counters of listeners_overflows: field, name in
// /proc/net/netstat and meaning
// (https://docs.kernel.org/networking/snmp_counter.html).
var hostCounters = []struct{ field, counter, label, help string }{
	{"listen_overflows", "ListenOverflows", "accept queue full", "Connections that were dropped because an accept queue was full."},
	{"listen_drops", "ListenDrops", "dropped", "Connections that were dropped for any reason, a full queue among them."},
	{"req_q_full", "TCPReqQFullDrop", "request queue full", "Requests that were dropped because a queue of half-open connections was full, without SYN cookies."},
	{"syncookies_sent", "SyncookiesSent", "SYN cookies sent", "SYN cookies that were sent because a queue of half-open connections was full."},
}

func overflowsShape() report.Graph {
	g := report.Graph{
		Title: "Overflows of listening sockets", VerticalLabel: "events", Category: "network",
		Info: "The kernel's own counters for all TCP listeners of this host.",
	}
	for _, c := range hostCounters {
		g.Metrics = append(g.Metrics, report.Metric{Name: c.field, Label: c.label, Help: c.help, Kind: report.Counter, Min: report.Count(0)})
	}
	return g
}

// overflows reads the host's counters.
func (m *measurement) overflows(ctx context.Context, call *plugin.Call, r *report.Report) error {
	r.Source = "proc"
	if !call.NeedValues {
		return nil
	}
	selected, err := m.query(ctx, call)
	if err != nil {
		return err
	}
	return scan.InNetDir(selected.Query, func(dir string) error {
		counters, err := kernfs.Netstat(dir)
		if err != nil {
			return err
		}
		for i, c := range hostCounters {
			value, ok := counters.Uint("TcpExt", c.counter)
			if !ok {
				r.Problems = append(r.Problems, "this kernel does not count TcpExt "+c.counter)
				continue
			}
			r.Graphs[0].Metrics[i].Value = report.Count(value)
		}
		return nil
	})
}

// survey reads the listeners that the environment selects.
func (m *measurement) survey(ctx context.Context, call *plugin.Call, r *report.Report) (*survey, error) {
	selected, err := m.query(ctx, call)
	if err != nil {
		return nil, err
	}
	s, err := m.take(ctx, selected, false)
	if err == nil {
		r.Source = s.plan.Source
	}
	return s, err
}

func (m *measurement) counts(ctx context.Context, call *plugin.Call, r *report.Report) error {
	if !call.NeedValues {
		_, err := m.query(ctx, call)
		return err
	}
	s, err := m.survey(ctx, call, r)
	if err != nil {
		return err
	}
	c := countListeners(s.listeners())
	if c.unproven > 0 {
		r.Notes = append(r.Notes, publicByAddress)
	}
	for i, n := range []uint64{c.tcp, c.udp, c.public} {
		r.Graphs[0].Metrics[i].Value = report.Count(n)
	}
	return nil
}

// Autoconf lists the listeners once; either source is enough.
func (m *measurement) Autoconf(ctx context.Context, call *plugin.Call) error {
	_, err := m.survey(ctx, call, new(report.Report))
	return err
}

// Suggest offers what works here: queues and drops are told by netlink alone.
func (m *measurement) Suggest(ctx context.Context, call *plugin.Call) ([]string, error) {
	s, err := m.survey(ctx, call, new(report.Report))
	if err != nil {
		return nil, err
	}
	suffixes := []string{countGraph}
	c := countListeners(s.listeners())
	if c.queueKnown {
		suffixes = append(suffixes, queueGraph)
	}
	if c.dropsKnown {
		suffixes = append(suffixes, dropsGraph)
	}
	return append(suffixes, overflowsGraph), nil
}

func portLabel(port uint16) (name, label string) {
	return fmt.Sprintf("p%d", port), fmt.Sprintf("port %d", port)
}
