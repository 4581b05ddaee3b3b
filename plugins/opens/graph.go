package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
	sockselection "github.com/sockcensus/sockcensus/pkg/selection"
)

// A graphKind is one of the graphs that Munin can ask for.
type graphKind uint8

const (
	portGraph graphKind = iota
	totalGraph
	peersGraph
)

// A graphName is a Munin suffix, understood.
type graphName struct {
	kind graphKind
	port uint16
}

// suffixForms says what a suffix may look like.
const suffixForms = "use opens_PORT, opens_total or opens_peers_PORT, such as opens_443"

// parseSuffix reads the part of a link's name behind "opens_".
func parseSuffix(suffix string) (name graphName, err error) {
	if suffix == "total" {
		return graphName{kind: totalGraph}, nil
	}
	text, peers := strings.CutPrefix(suffix, "peers_")
	if peers {
		name.kind = peersGraph
	}
	var ok bool
	if name.port, ok = plugin.ParsePort(text); !ok {
		return name, plugin.Usagef("suffix %s is none of the graphs: %s", quote.Text(suffix), suffixForms)
	}
	return name, nil
}

// Graph makes the graph of a Munin suffix. The shape comes first: whatever
// goes wrong while measuring, its fields are known.
func (m *measurement) Graph(ctx context.Context, call *plugin.Call, suffix string) (*report.Report, error) {
	name, err := parseSuffix(suffix)
	if err != nil {
		return nil, err
	}
	r := &report.Report{Plugin: "opens", Graphs: []report.Graph{shape(name, m.Direction)}}
	r.Default = r.Graphs[0].Metrics[0].Name
	if err := m.graph(ctx, call, name, r); err != nil {
		if name.kind == peersGraph {
			recallFields(call, name.port, &r.Graphs[0])
		}
		return r, err
	}
	return r, nil
}

func (m *measurement) graph(ctx context.Context, call *plugin.Call, name graphName, r *report.Report) error {
	if err := m.unfixed(name); err != nil {
		return err
	}
	q, err := m.question()
	if err != nil {
		return err
	}
	if !call.NeedValues && name.kind != peersGraph { // whose fields depend on who is there
		return nil
	}
	q.query.both = name.kind == totalGraph
	if name.kind != totalGraph {
		q.query.ports = []sockselection.PortRange{{Low: name.port, High: name.port}}
	}
	h, err := openHost(call, m.kernel, &m.place)
	if err != nil {
		return err
	}
	defer h.close()
	if name.kind == peersGraph {
		return graphPeers(ctx, call, h, &q, name.port, r)
	}
	return graphTotals(h, &q, r)
}

// unfixed refuses the options that a graph sets itself.
func (m *measurement) unfixed(name graphName) error {
	if len(plugin.Words(m.Port)) > 0 {
		return plugin.Usagef("env.port cannot change this graph: the name of the link says what it counts")
	}
	if name.kind == totalGraph && m.Direction != "" {
		return plugin.Usagef("env.direction cannot change this graph: it has a line for each direction")
	}
	return nil
}

func shape(name graphName, direction string) report.Graph {
	service := fmt.Sprintf("port %d", name.port)
	if direction == "out" {
		service += " of other hosts"
	}
	g := report.Graph{VerticalLabel: "connections", Category: "network"}
	switch name.kind {
	case totalGraph:
		g.Title = "TCP connections opened"
		g.Info = "TCP connections as they open, counted in the kernel at the completed handshake: also those that live for a millisecond."
		g.Metrics = []report.Metric{
			counter("in", "incoming", "Connections that peers opened."),
			counter("out", "outgoing", "Connections that this host opened."),
		}
	case peersGraph:
		g.Title = "Connections opened to " + service + " by peer"
		g.Info = "Connections as they open, by the address of the peer: those that opened the most of late, and all others."
		g.Metrics = []report.Metric{counter(other, other, "Connections of all other peers.")}
		g.Metrics[0].Draw = report.Stack
	default:
		g.Title = "Connections opened to " + service
		g.Info = "Connections as they open, counted in the kernel at the completed handshake: also those that live for a millisecond."
		g.Metrics = []report.Metric{counter(defaultMetric, "connections", "Connections opened.")}
	}
	return g
}

func counter(name, label, help string) report.Metric {
	return report.Metric{Name: name, Label: label, Help: help, Kind: report.Counter, Min: report.Count(0)}
}

// graphTotals fills the graphs of one port and of everything.
func graphTotals(h *host, q *question, r *report.Report) error {
	t := newTally(q.query, breakdown{by: history.ByDirection})
	s, err := t.sample(h)
	if err == nil {
		err = q.query.counts(s.Method)
	}
	if err != nil {
		return err
	}
	r.Source = source(&s.Summary)
	t.add(countsOf(s), s.Wall)
	metrics := r.Graphs[0].Metrics
	for i, direction := range []opens.Direction{opens.In, opens.Out}[:len(metrics)] {
		if len(metrics) == 1 {
			direction = q.query.direction
		}
		if s.Method == opens.NFT && direction == opens.Out {
			r.Problems = append(r.Problems, errNoOutgoing.Error())
			continue
		}
		metrics[i].Value = report.Count(t.of(direction))
	}
	if s.Lost > 0 {
		r.Problems = append(r.Problems, plural(s.Lost, "connection")+" found no room in the tables and are counted nowhere: switch on with a larger --size")
	}
	return nil
}

// of sums up the groups of a direction.
func (t *tally) of(d opens.Direction) (n uint64) {
	for row, opens := range t.groups {
		if row.Service.Direction == d {
			n += opens
		}
	}
	return n
}

// Autoconf is yes where connections are being counted and may be read.
func (m *measurement) Autoconf(_ context.Context, call *plugin.Call) error {
	h, err := openHost(call, m.kernel, &m.place)
	if err != nil {
		return err
	}
	defer h.close()
	return h.counter(func(counter opens.Counter) error {
		status, err := counter.Status()
		if err == nil && !status.Counting {
			err = errors.New("a part of the counters is missing: run sockcensus-opens on as root")
		}
		return err
	})
}

// Suggest offers the total, and the ports that others can connect to.
func (m *measurement) Suggest(ctx context.Context, call *plugin.Call) ([]string, error) {
	if err := m.Autoconf(ctx, call); err != nil {
		return nil, err
	}
	suffixes := []string{"total"}
	ports, err := new(sockselection.Options).ServedPorts(ctx, call)
	if err != nil {
		return suffixes, nil // the total is something
	}
	for _, port := range ports {
		suffixes = append(suffixes, strconv.Itoa(int(port)))
	}
	return suffixes, nil
}
