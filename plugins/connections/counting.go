package main

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// counting holds the options of "connections count".
type counting struct {
	plugin.Common
	plugin.Output
	selection.Options
	grouping
	Names bool `long:"names" description:"show service names instead of port numbers"`
}

// List counts the selected sockets by any combination of groups.
func (c *counting) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	g, err := c.grouper()
	if err != nil {
		return nil, err
	}
	top, err := plugin.ParseTop(c.Top, 0)
	if err != nil {
		return nil, err
	}
	selected, err := c.Query(ctx, call, defaults(g))
	if err != nil {
		return nil, err
	}
	began := call.Env.Now()
	t, plan, err := count(ctx, selected, g)
	if err != nil {
		return nil, err
	}
	ranked := t.ranked()
	if len(g.dimensions) == 0 {
		ranked = []counted{{Count: t.total}}
	}
	table := &report.Table{
		Noun: "groups", Time: began, Source: func() string { return plan.Source },
		Columns: groupColumns(g), Notes: slices.Concat(planNotes(call, plan), t.notes()),
	}
	if top > 0 && len(ranked) > top {
		table.Notes = append(table.Notes, fmt.Sprintf("%d more groups with %d sockets are not shown", len(ranked)-top, report.Sum(ranked[top:])))
		ranked = ranked[:top]
	}
	var services *serviceNames
	if c.Names {
		services = &serviceNames{owners: &owners{host: selected.Host}, protocol: selected.Tables[0].Protocol}
	}
	table.Rows = groupRows(g, ranked, services)
	return table, nil
}

// serviceNames names the ports of groups.
type serviceNames struct {
	owners *owners
	// protocol is that of groups which do not tell theirs.
	protocol sock.Protocol
}

func (n *serviceNames) of(g *grouper, key group, port uint16) string {
	if slices.Contains(g.dimensions, byProtocol) {
		return n.owners.service(key.protocol, port)
	}
	return n.owners.service(n.protocol, port)
}

func groupColumns(g *grouper) []report.Column {
	columns := []report.Column{{Key: "count", Title: "COUNT", Right: true}}
	for _, d := range g.dimensions {
		columns = append(columns, report.Column{Key: d.key(), Title: title(d)})
	}
	return columns
}

func title(d dimension) string {
	switch d {
	case byPeerPort:
		return "PEER PORT"
	default:
		return upper(d.String())
	}
}

// groupRows turns groups into cells; without services ports are numbers.
func groupRows(g *grouper, ranked []counted, services *serviceNames) iter.Seq2[[]report.Cell, error] {
	return func(yield func([]report.Cell, error) bool) {
		row := make([]report.Cell, 1+len(g.dimensions))
		for _, c := range ranked {
			row[0] = report.Uint(c.Count)
			for i, d := range g.dimensions {
				row[i+1] = groupCell(g, c.Group, d, services)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// groupCell is a group's name: a number where it is one.
func groupCell(g *grouper, key group, d dimension, services *serviceNames) report.Cell {
	if pseudo := key.pseudo(d); pseudo != "" {
		return report.Text(pseudo)
	}
	port := key.port
	switch d {
	case byPort:
	case byPeerPort:
		port = key.peerPort
	default:
		return report.Text(g.text(key, d))
	}
	if services != nil {
		return report.Text(services.of(g, key, port))
	}
	return report.Uint(port)
}
