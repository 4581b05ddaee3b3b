package main

import (
	"context"
	"errors"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// A measurement holds the options of the check, the Munin plugin and the
// metrics command.
type measurement struct {
	plugin.Common
	plugin.Limits
	selection.Options
	grouping
}

// Check counts what the options select.
func (m *measurement) Check(ctx context.Context, call *plugin.Call) (*report.Report, error) {
	g, err := m.grouper()
	if err != nil {
		return nil, err
	}
	if len(g.dimensions) > 1 {
		return nil, plugin.Usagef("--by takes one group in a check and in metrics: graph or check several with several calls")
	}
	top, err := plugin.ParseTop(m.Top, 10)
	if err != nil {
		return nil, err
	}
	selected, unseen, err := m.QuerySeen(ctx, call, defaults(g))
	if err != nil {
		return nil, err
	}
	view, err := newView(call, selected, g, top)
	if err != nil {
		return nil, err
	}
	if err := view.foresee(call); err != nil {
		return nil, err
	}
	if unseen != nil && len(call.Limits) == 0 {
		return nil, unseen // there is nothing that bounds could settle
	}
	t, plan, err := count(ctx, selected, g)
	if err != nil {
		return nil, err
	}
	t.unheld = unseen
	metrics := view.metrics(t)
	r := &report.Report{
		Plugin:   "connections",
		Headline: describe(metrics[0].Value, &m.Options, selected.Tables),
		Default:  "total",
		Graphs: []report.Graph{{
			Title: "Connections", VerticalLabel: "sockets", Category: "network",
			Metrics: metrics,
		}},
		Source: plan.Source,
		Notes:  t.notes(),
		Trace:  selection.Trace(call, plan),
	}
	r.Details = slices.Concat(view.mistaken(t), plan.Notes)
	return r, nil
}

// MoreNames tells which names a threshold may use beyond the metrics of a report.
func (m *measurement) MoreNames() string {
	g, err := m.grouper()
	if err != nil || len(g.dimensions) != 1 || closed(g.dimensions[0]) {
		return ""
	}
	d := g.dimensions[0]
	if d == byPort && len(plugin.Words(slices.Concat(m.Port, m.LocalPort))) > 0 ||
		d == byPeerPort && len(plugin.Words(m.PeerPort)) > 0 {
		return "" // the ports that the selection names are metrics already
	}
	return ", and groups of the selection such as " + labelExample(d)
}

// defaults are the states that are counted when none are named.
func defaults(g *grouper) selection.Defaults {
	if g.has(byState) {
		return selection.Defaults{Stateful: sock.AllStates, Stateless: sock.AllStates}
	}
	return selection.Defaults{Stateful: sock.StatesOf(sock.Established), Stateless: sock.AllStates}
}

func (g *grouper) has(d dimension) bool { return slices.Contains(g.dimensions, d) }

// needs are the parts of a socket that grouping cannot do without.
func (g *grouper) needs() sock.Fields {
	var needs sock.Fields
	if g.has(byCgroup) {
		needs |= sock.FieldCgroup
	}
	if g.has(byUser) {
		needs |= sock.FieldUID
	}
	return needs
}

// count makes the tally of what is selected, by the cheapest plan.
func count(ctx context.Context, selected *selection.Selected, g *grouper) (*tally, scan.Plan, error) {
	selected.Need |= g.needs()
	scanner, err := scan.Open(selected.Query)
	if err != nil {
		return nil, scan.Plan{}, err
	}
	defer scanner.Close()
	g.owners = &owners{host: selected.Host}
	if g.has(byCgroup) {
		g.owners.noCgroups = selected.Host.FindCgroups()
	}
	t := newTally(g)
	switch {
	case len(g.dimensions) == 0 || t.onlyStates():
		err = countStates(ctx, scanner, t)
	case g.has(byProcess):
		err = countHeld(ctx, scanner, selected.Root, t)
	default:
		err = scanner.Count(ctx, t.reset, t.add)
	}
	plan := scanner.Plan()
	t.untold = plan.Untold
	return t, plan, explained(err)
}

// countStates lets the scanner use the kernel's counters.
func countStates(ctx context.Context, scanner *scan.Scanner, t *tally) error {
	counts, err := scanner.States(ctx)
	if err != nil {
		return err
	}
	t.total = counts.Total(sock.AllStates) + counts.Of(sock.UnknownState)
	if len(t.grouper.dimensions) > 0 {
		t.states = counts
	}
	return nil
}

// explained says what an interrupted dump means for a count.
func explained(err error) error {
	if errors.Is(err, sock.ErrInterrupted) {
		return errors.New("the socket table changed under every one of three dumps, so there is no exact count: try again")
	}
	return err
}
