package main

import (
	"iter"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
)

// groupRows turns groups into cells, reusing one row.
type groupRows struct {
	breakdown
	// detailed is for scripts: what is not known is null, hours are in RFC 3339.
	detailed bool
	services *names.Services // nil shows ports as numbers
	location *time.Location
	bar      *bar // nil: none
}

func isDetailed(format string) bool { return format == "json" || format == "csv" }

func newGroupRows(b breakdown, format string, services bool, location *time.Location) *groupRows {
	g := &groupRows{breakdown: b, detailed: isDetailed(format), location: location}
	if services {
		g.services = names.NewServices("")
	}
	return g
}

func (g *groupRows) columns() []report.Column {
	var columns []report.Column
	for _, d := range g.dimensions {
		columns = append(columns, report.Column{Key: d.name, Title: strings.ToUpper(d.name), Right: d.group == history.ByPort && g.services == nil})
	}
	columns = append(columns, report.Column{Key: "opens", Title: "OPENS", Right: true})
	if g.bar != nil {
		columns = append(columns, report.Column{Key: "bar", Title: " "})
	}
	return columns
}

func (g *groupRows) each(rows []history.Row) iter.Seq2[[]report.Cell, error] {
	return func(yield func([]report.Cell, error) bool) {
		var cells []report.Cell
		for i := range rows {
			cells = cells[:0]
			for _, d := range g.dimensions {
				cells = append(cells, g.cell(d, &rows[i]))
			}
			cells = append(cells, report.Uint(rows[i].Opens))
			if g.bar != nil {
				cells = append(cells, report.Text(g.bar.of(rows[i].Opens)))
			}
			if !yield(cells, nil) {
				return
			}
		}
	}
}

func (g *groupRows) cell(d dimension, row *history.Row) report.Cell {
	switch d.group {
	case history.ByHour:
		if g.detailed {
			return report.Text(row.Hour.UTC().Format(time.RFC3339))
		}
		return report.Text(row.Hour.In(g.location).Format("2006-01-02 15:04"))
	case history.ByPort:
		return g.port(row.Service.Port)
	case history.ByDirection:
		return report.Text(row.Service.Direction.String())
	case history.ByPeer:
		return g.known(!row.Other, row.Peer.String())
	default:
		return g.known(!row.Other, row.Network.String())
	}
}

// port is the service's; 0 stands for those that found no room in the kernel's
// table of ports.
func (g *groupRows) port(port uint16) report.Cell {
	switch {
	case port == 0:
		return g.known(false, "")
	case g.services != nil:
		return report.Text(g.services.Name(port, "tcp"))
	default:
		return report.Uint(port)
	}
}

func (g *groupRows) known(known bool, text string) report.Cell {
	switch {
	case known:
		return report.Text(text)
	case g.detailed:
		return report.Null()
	default:
		return report.Text("other")
	}
}

// A bar draws numbers as lengths, in eighths of a character.
type bar struct {
	most  uint64
	width int
}

// newBar scales to the largest of the rows.
func newBar(rows []history.Row, width int) *bar {
	b := &bar{width: width}
	for i := range rows {
		b.most = max(b.most, rows[i].Opens)
	}
	return b
}

func (b *bar) of(n uint64) string {
	if b.most == 0 || n == 0 {
		return ""
	}
	eighths := int(float64(n) / float64(b.most) * float64(b.width*8))
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	if text == "" {
		return "▏" // few is more than none
	}
	return text
}

// limited cuts rows to the largest, and says what is left out.
func limited(rows []history.Row, top int) (shown []history.Row, note string) {
	if top == 0 || len(rows) <= top {
		return rows, ""
	}
	return rows[:top], plural(uint64(len(rows)-top), "more group") + " with " + plural(sum(rows[top:]), "connection") + " " + are(len(rows)-top) + " not shown"
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func sum(rows []history.Row) (n uint64) {
	for i := range rows {
		n += rows[i].Opens
	}
	return n
}

func directions(b *breakdown) bool { return b.has(history.ByDirection) }

// unknownPeers says what an overflow of the kernel's table means for numbers
// by peer.
func unknownPeers(n uint64, q *query) string {
	if n == 0 {
		return ""
	}
	text := plural(n, "connection") + " of peers that have no counter of their own (the table was full, or they were quiet for a day)"
	if len(q.peers) > 0 {
		return text + " could be of these peers, too"
	}
	return text + " are in the total"
}
