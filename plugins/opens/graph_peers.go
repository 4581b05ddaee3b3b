package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// other is the field of the peers that have none of their own.
const other = "other"

// fieldsFormat names what is remembered: the fields of one port's graph.
func fieldsFormat(port uint16) string { return fmt.Sprintf("opens-peers-%d-1", port) }

// graphPeers fills the graph of a port's peers. A field's value is a count of
// its own that only rises, kept between runs: it is exact when peers change
// their fields, and where the kernel's counters begin anew.
func graphPeers(ctx context.Context, call *plugin.Call, h *host, q *question, port uint16, r *report.Report) error {
	s, err := h.sample(q.query.wants)
	if err == nil {
		err = q.query.counts(s.Method)
	}
	if err != nil {
		return err
	}
	r.Source = source(&s.Summary)
	store, err := ledgerStore(call, port)
	if err != nil && !plugin.NoStateDir(err) {
		return err
	}
	if err == nil {
		err = store.Update(ctx, func(old []byte, oldErr error) ([]byte, error) {
			l, note := readLedger(old, oldErr)
			if note != nil {
				r.Problems = append(r.Problems, store.Path()+": "+note.Error()+"; begun anew")
			}
			l.advance(s, &q.query)
			if err := l.fields(ctx, call, q.top, port, r); err != nil {
				return nil, err
			}
			return l.encode(), nil
		})
	}
	if plugin.NoStateDir(err) {
		sinceBeginning(q, s, &r.Graphs[0])
		call.Unremembered(r, err)
		return nil
	}
	return err
}

// ledgerStore is beside the file that keeps the set of fields.
func ledgerStore(call *plugin.Call, port uint16) (store state.Store, err error) {
	store = state.Store{Format: "opens-ledger-1", Limit: limit}
	store.Dir, store.File, err = state.Locate(call.Common().StateDir, fmt.Sprintf("opens.peers.%d", port), call.Env.Getenv)
	store.File += ".counts"
	return store, err
}

// fields gives the graph those that it has had and those that belong in it now,
// and what each has counted.
func (l *ledger) fields(ctx context.Context, call *plugin.Call, top int, port uint16, r *report.Report) error {
	g := &r.Graphs[0]
	var open []report.Metric
	for _, peer := range l.busiest(top) {
		open = append(open, peerField(peer))
	}
	g.Metrics = append(open, g.Metrics...)
	err := call.KeepFields(ctx, r, fieldsFormat(port), top, rememberedPeer)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(g.Metrics))
	for i := range g.Metrics {
		if g.Metrics[i].Open {
			names = append(names, g.Metrics[i].Name)
		}
	}
	l.credit(names)
	for i := range g.Metrics {
		g.Metrics[i].Value = report.Count(l.counts[g.Metrics[i].Name])
	}
	return nil
}

// recallFields gives a graph that could not be measured its fields.
func recallFields(call *plugin.Call, port uint16, g *report.Graph) {
	call.RecallFields(g, fieldsFormat(port), rememberedPeer)
}

// rememberedPeer is the field of a peer that is not among the busiest now.
func rememberedPeer(name string) report.Metric {
	m := counter(name, "", "Connections of one peer.")
	m.Draw = report.Stack
	return m
}

func peerField(peer netip.Addr) report.Metric {
	m := counter(report.AddressLabel(peer), peer.String(), "Connections of one peer.")
	m.Dimension, m.Key, m.Open, m.Draw = "peer", peer.String(), true, report.Stack
	return m
}

// sinceBeginning fills the graph for a call by hand, which remembers nothing:
// the largest of all time.
func sinceBeginning(q *question, s *opens.Sample, g *report.Graph) {
	t := newTally(q.query, breakdown{by: history.ByPeer})
	t.add(countsOf(s), s.Wall)
	rest := t.total()
	var metrics []report.Metric
	for i, row := range rankedPeers(t) {
		if i == q.top {
			break
		}
		m := peerField(row.Peer)
		m.Value = report.Count(row.Opens)
		rest -= row.Opens
		metrics = append(metrics, m)
	}
	last := &g.Metrics[len(g.Metrics)-1]
	last.Value = report.Count(rest)
	g.Metrics = append(metrics, g.Metrics...)
}

// busiest are the peers that opened the most of late.
func (l *ledger) busiest(top int) []netip.Addr {
	peers := make([]netip.Addr, 0, len(l.scores))
	for peer, score := range l.scores {
		if score >= 1 || len(l.scores) <= top {
			peers = append(peers, peer)
		}
	}
	slices.SortFunc(peers, func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(l.scores[b], l.scores[a]), a.Compare(b))
	})
	return peers[:min(top, len(peers))]
}
