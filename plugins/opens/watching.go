package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
)

// watching holds the options of "opens watch".
type watching struct {
	plugin.Common
	plugin.Output
	place
	selection
	Top    string `long:"top" unquote:"false" value-name:"N" description:"peers in the summary (default: 10)"`
	Names  bool   `long:"names" description:"show service names instead of port numbers"`
	kernel *kernel
}

// List shows connections as they open, until it is interrupted.
func (o *watching) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	q, err := o.query(false)
	if err != nil {
		return nil, err
	}
	top, err := plugin.ParseTop(o.Top, 10)
	if err != nil {
		return nil, err
	}
	h, err := openHost(call, o.kernel, &o.place)
	if err != nil {
		return nil, err
	}
	v := &vigil{host: h, query: q, top: top, began: h.uptime(), clock: h.clock(), peers: map[netip.Addr]uint64{}, detailed: isDetailed(o.Format)}
	err = h.inside(func() (err error) {
		v.watcher, err = h.watch(h.config, opens.Query{Want: q.wants})
		return err
	})
	if err != nil {
		h.close()
		return nil, err
	}
	if o.Names {
		v.services = names.NewServices("")
	}
	v.table = &report.Table{
		Noun: "opens", Time: call.Env.Now(), Columns: v.columns(), Live: true, Source: v.watcher.Source,
		Rows: func(yield func([]report.Cell, error) bool) { v.run(ctx, yield) },
	}
	if call.Verbose() > 0 {
		v.table.Notes = append(v.table.Notes, "source: "+v.watcher.Source())
	}
	return v.table, nil
}

// A vigil is one run of "opens watch".
type vigil struct {
	*host
	watcher  opens.Watcher
	query    query
	table    *report.Table
	services *names.Services // nil shows ports as numbers
	detailed bool
	clock    func(time.Duration) time.Time // of the moment that the run began at
	began    time.Duration
	top      int

	seen  uint64
	peers map[netip.Addr]uint64
	other uint64 // of peers beyond mostWatched
	row   []report.Cell
}

// mostWatched bounds the peers that the summary tells apart.
const mostWatched = 1 << 17

// errReaderGone ends a run whose reader has gone.
var errReaderGone = errors.New("nobody reads any more")

// run yields connections until the context ends, then says what there was in
// all. After a loss the command fails: what it printed is not all.
func (v *vigil) run(ctx context.Context, yield func([]report.Cell, error) bool) {
	defer v.close()
	defer v.watcher.Close()
	err := v.inside(func() error {
		return v.watcher.Run(ctx, func(e opens.Event) error {
			if !v.query.wantsPeer(e.Addr) {
				return nil
			}
			v.note(e.Addr)
			if !yield(v.cells(&e), nil) {
				return errReaderGone
			}
			return nil
		})
	})
	if errors.Is(err, errReaderGone) {
		return
	}
	lost := v.watcher.Lost()
	v.table.Notes = append(v.table.Notes, v.summary(lost)...)
	switch {
	case err != nil:
		yield(nil, err)
	case lost > 0:
		yield(nil, fmt.Errorf("%s came faster than they could be shown and are missing above: select less, or use sockcensus-opens count, which misses none", plural(lost, "connection")))
	}
}

func (v *vigil) note(peer netip.Addr) {
	v.seen++
	if _, known := v.peers[peer]; !known && len(v.peers) >= mostWatched {
		v.other++
		return
	}
	v.peers[peer]++
}

func (v *vigil) columns() []report.Column {
	columns := []report.Column{
		{Key: "time", Title: "TIME"}, {Key: "direction", Title: "DIRECTION"}, {Key: "port", Title: "PORT", Right: true},
		{Key: "peer", Title: "PEER"}, {Key: "peer_port", Title: "PEER PORT", Right: true},
	}
	if v.detailed {
		return columns
	}
	// Nobody can look ahead for the widths of what has not happened.
	for i, width := range [...]int{15, 9, -5, 15, 0} {
		columns[i].Title = fmt.Sprintf("%-*s", width, columns[i].Title)
		if width < 0 {
			columns[i].Title = fmt.Sprintf("%*s", -width, columns[i].Title)
		}
	}
	return columns
}

func (v *vigil) cells(e *opens.Event) []report.Cell {
	at := v.clock(e.Time)
	text := at.Format("15:04:05.000000")
	if v.detailed {
		text = at.UTC().Format(time.RFC3339Nano)
	}
	port := report.Uint(e.Port)
	if v.services != nil {
		port = report.Text(v.services.Name(e.Port, "tcp"))
	}
	v.row = append(v.row[:0], report.Text(text), report.Text(e.Direction.String()), port, report.Text(e.Addr.String()), report.Uint(e.Other))
	return v.row
}

// summary is what there was in all, the busiest peers first.
func (v *vigil) summary(lost uint64) []string {
	lines := []string{fmt.Sprintf("%s of %s in %s, %d lost", plural(v.seen, "connection"), plural(uint64(len(v.peers)), "peer"), spell(v.uptime()-v.began), lost)}
	ranked := slices.SortedFunc(maps.Keys(v.peers), func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(v.peers[b], v.peers[a]), a.Compare(b))
	})
	rest := v.other
	for i, peer := range ranked {
		if i < v.top {
			lines = append(lines, fmt.Sprintf("%6d  %s", v.peers[peer], peer))
		} else {
			rest += v.peers[peer]
		}
	}
	if rest > 0 {
		lines = append(lines, fmt.Sprintf("%6d  other", rest))
	}
	return lines
}
