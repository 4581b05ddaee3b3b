package main

import (
	"context"
	"fmt"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// counting holds the options of "opens count".
type counting struct {
	plugin.Common
	plugin.Output
	place
	selection
	grouping
	By     []string `long:"by" unquote:"false" value-name:"GROUP" description:"count by peer, network, port or direction"`
	kernel *kernel
}

// List shows the totals since counting was switched on, straight from the
// kernel.
func (c *counting) List(_ context.Context, call *plugin.Call) (*report.Table, error) {
	b, err := c.breakdown(c.By, false)
	if err != nil {
		return nil, err
	}
	q, err := c.query(directions(&b))
	if err != nil {
		return nil, err
	}
	h, err := openHost(call, c.kernel, &c.place)
	if err != nil {
		return nil, err
	}
	defer h.close()
	t := newTally(q, b)
	s, err := t.sample(h)
	if err != nil {
		return nil, err
	}
	if err := q.counts(s.Method); err != nil {
		return nil, err
	}
	t.add(countsOf(s), s.Wall)
	rows, more := limited(t.ranked(), b.top)
	g := newGroupRows(b, c.Format, c.Names, call.Env.Now().Location())
	table := &report.Table{
		Noun: "opens", Time: s.Wall, Source: func() string { return source(&s.Summary) },
		Columns: g.columns(), Rows: g.each(rows),
	}
	if !g.detailed { // which wants to know what is wrong, and nothing else
		table.Notes = nonEmpty(more, countedSince(h, s))
	}
	table.Notes = append(table.Notes, shortcomings(t, &s.Summary)...)
	return table, nil
}

// countedSince says what time totals are about.
func countedSince(h *host, s *opens.Sample) string {
	clock := h.clock()
	text := fmt.Sprintf("counted for %s, since %s, by the %s method", spell(s.Length()), when(clock(s.Since)), s.Method)
	if s.Snapshot {
		text += fmt.Sprintf("; as the timer published it %s ago", spell(h.uptime()-s.Taken))
	}
	return text
}

// shortcomings are what has to be known about numbers that are less than all.
func shortcomings(t *tally, s *opens.Summary) []string {
	var notes []string
	if s.Method == opens.NFT {
		notes = append(notes, "the nft method counts answered SYNs, half-open handshakes too, and incoming connections alone")
	}
	if t.needsPeers() {
		notes = append(notes, nonEmpty(unknownPeers(t.unknown, &t.query))...)
	}
	if s.Lost > 0 {
		notes = append(notes, plural(s.Lost, "connection")+" found no room even for their namespace, and are counted nowhere: switch on with a larger --size")
	}
	return notes
}

func nonEmpty(texts ...string) []string {
	var kept []string
	for _, text := range texts {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return kept
}
