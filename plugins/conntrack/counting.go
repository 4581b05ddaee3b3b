package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
)

// counting holds the options of "conntrack count".
type counting struct {
	plugin.Common
	plugin.Output
	flowSelection
	grouping
	Names bool `long:"names" description:"show service names instead of port numbers"`
}

// List counts the selected flows by any combination of groups. The whole table
// is never read to be counted: the kernel knows the number.
func (c *counting) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	filter, err := c.filter()
	if err != nil {
		return nil, err
	}
	dimensions, err := parseDimensions(c.By)
	if err != nil {
		return nil, err
	}
	top, err := plugin.ParseTop(c.Top, 0)
	if err != nil {
		return nil, err
	}
	h, err := openHost(call)
	if err != nil {
		return nil, err
	}
	defer h.close()
	if filter.IsZero() && len(dimensions) == 0 {
		return wholeCount(ctx, call, h)
	}
	return c.countFlows(ctx, call, h, filter, dimensions, top)
}

// wholeCount is the number of entries, and how many fit.
func wholeCount(ctx context.Context, call *plugin.Call, h *host) (*report.Table, error) {
	t, source, err := h.table(ctx)
	if err != nil {
		return nil, explained(err)
	}
	percent, ok := t.UsedPercent()
	row := []report.Cell{report.Uint(t.Used), orNull(t.MaxKnown, report.Uint(t.Max)), orNull(ok, report.Float(percent))}
	table := &report.Table{
		Noun: "groups", Time: call.Env.Now(), Source: func() string { return source },
		Columns: []report.Column{
			{Key: "count", Title: "COUNT", Right: true}, {Key: "max", Title: "MAX", Right: true},
			{Key: "used_percent", Title: "USED%", Right: true},
		},
		Rows: func(yield func([]report.Cell, error) bool) { yield(row, nil) },
	}
	if sentence, idle := h.idle(); idle {
		table.Notes = append(table.Notes, sentence)
	}
	if call.Verbose() > 0 {
		table.Notes = append(table.Notes, "source: "+source)
	}
	return table, nil
}

func (c *counting) countFlows(ctx context.Context, call *plugin.Call, h *host, filter *conntrack.Filter, dimensions []dimension, top int) (*report.Table, error) {
	client, err := h.client()
	if err != nil {
		return nil, err
	}
	began := call.Env.Now()
	t := newTally(dimensions)
	if err := t.fill(ctx, client, filter); err != nil {
		return nil, err
	}
	ranked := t.ranked()
	if len(dimensions) == 0 {
		ranked = []counted{{Count: t.total}}
	}
	table := &report.Table{
		Noun: "groups", Time: began, Source: func() string { return fromNetlink },
		Columns: groupColumns(dimensions), Notes: notes(call, h, filter, t.total == 0),
	}
	if slices.Contains(dimensions, byStatus) {
		table.Notes = append(table.Notes, "a flow counts under each status that it has")
	}
	if top > 0 && len(ranked) > top {
		table.Notes = append(table.Notes, fmt.Sprintf("%d more groups with %d flows are not shown", len(ranked)-top, report.Sum(ranked[top:])))
		ranked = ranked[:top]
	}
	g := &groupRows{dimensions: dimensions}
	if c.Names {
		g.services, g.protocol = names.NewServices(""), conntrack.TCP
		if len(filter.Protocols) > 0 {
			g.protocol = filter.Protocols[0]
		}
	}
	table.Rows = g.each(ranked)
	return table, nil
}

func groupColumns(dimensions []dimension) []report.Column {
	columns := []report.Column{{Key: "count", Title: "COUNT", Right: true}}
	for _, d := range dimensions {
		columns = append(columns, report.Column{Key: d.key(), Title: strings.ToUpper(strings.ReplaceAll(d.String(), "-", " "))})
	}
	return columns
}

// groupRows turns groups into cells, reusing one row.
type groupRows struct {
	dimensions []dimension
	services   *names.Services // nil shows ports as numbers
	// protocol is that of groups which do not tell theirs.
	protocol conntrack.Protocol
}

func (g *groupRows) each(ranked []counted) iter.Seq2[[]report.Cell, error] {
	return func(yield func([]report.Cell, error) bool) {
		row := make([]report.Cell, 1+len(g.dimensions))
		for _, c := range ranked {
			row[0] = report.Uint(c.Count)
			protocol, rest := g.protocolOf(c.Group), c.Group
			for i, d := range g.dimensions {
				row[i+1] = g.cell(d, rest[:d.width()], protocol)
				rest = rest[d.width():]
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (g *groupRows) protocolOf(group string) conntrack.Protocol {
	for _, d := range g.dimensions {
		if d == byProtocol {
			return conntrack.Protocol(group[0])
		}
		group = group[d.width():]
	}
	return g.protocol
}

func (g *groupRows) cell(d dimension, value string, protocol conntrack.Protocol) report.Cell {
	if port, ok := d.port(value); ok && g.services != nil {
		return report.Text(g.services.Name(port, protocol.String()))
	}
	return d.cell(value)
}
