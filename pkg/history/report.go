package history

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
)

// Group is what a report is broken down by; they combine.
type Group uint

// The groups.
const (
	ByPeer Group = 1 << iota
	ByNetwork
	ByPort
	ByDirection
	ByHour
)

// A Query selects a part of the history. The zero value is all of it in one row.
type Query struct {
	Since, Until time.Time // zero: from the beginning, up to the end
	// Want picks services, Peers addresses; nil picks all. Connections of unknown
	// peers ("other") are never picked by an address.
	Want  func(opens.Service) bool
	Peers []netip.Prefix
	By    Group
	// Prefix lengths of the networks; 0: 24 and 64.
	Prefix4, Prefix6 int
}

// A Row is one group of a report. What is not grouped by is zero.
type Row struct {
	Hour    time.Time // its beginning, UTC
	Service opens.Service
	Peer    netip.Addr
	Network netip.Prefix
	Other   bool // grouped by peer or network, those of which neither is known
	Opens   uint64
}

// Coverage tells what time a report is really about.
type Coverage struct {
	// From and To are the bounds of the steps that were counted: Since and Until
	// widened to whole steps, and narrowed to what was recorded.
	From, To time.Time
	// Counted is how much of that time counting was on.
	Counted time.Duration
	Lost    uint64 // connections in no row, in the time that was covered, see opens.Summary
	// Last is the head of the last recorded sample, as of the same moment: who goes
	// on with a Baseline sees whether a step was recorded in between.
	Last opens.Summary
}

// Report sums the history up, the largest rows first, by hour the earliest first.
func (d *DB) Report(ctx context.Context, q Query) ([]Row, Coverage, error) {
	rows, coverage, err := d.report(ctx, &q)
	return rows, coverage, explain(d.path, err)
}

func (d *DB) report(ctx context.Context, q *Query) ([]Row, Coverage, error) {
	since, until, err := q.bounds()
	if err != nil {
		return nil, Coverage{}, err
	}
	// One transaction: a step that is recorded meanwhile is in all of it or nothing.
	tx, err := d.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, Coverage{}, err
	}
	defer tx.Rollback()
	groups := map[Row]uint64{}
	for _, table := range [...]struct {
		name string
		span int64
	}{{"hour", 3600}, {"step", 300}} {
		if err := q.sum(ctx, tx, table.name, since-table.span, until, groups); err != nil {
			return nil, Coverage{}, err
		}
	}
	coverage, err := covered(ctx, tx, since, until)
	if err != nil {
		return nil, Coverage{}, err
	}
	last, err := lastSource(ctx, tx)
	if err != nil {
		return nil, Coverage{}, err
	}
	if last != nil {
		coverage.Last = last.Summary
	}
	return sorted(groups, q.By), coverage, nil
}

func (q *Query) bounds() (since, until int64, err error) {
	until = 1<<62 - 1
	if !q.Until.IsZero() {
		until = q.Until.Unix()
	}
	if !q.Since.IsZero() {
		since = q.Since.Unix()
	}
	if since >= until {
		return 0, 0, failure(ErrQuery, nil, "the time asked for ends (", q.Until.Format(time.RFC3339), ") before it begins (",
			q.Since.Format(time.RFC3339), ")")
	}
	return since, until, nil
}

// sum adds the rows that begin after `after` and before `until` to their groups.
func (q *Query) sum(ctx context.Context, tx *sql.Tx, table string, after, until int64, groups map[Row]uint64) error {
	columns := "0, direction, port, peer"
	if q.By&ByHour != 0 {
		columns = "start - start % 3600, direction, port, peer"
	}
	if q.By&(ByPeer|ByNetwork) == 0 && q.Peers == nil {
		columns = columns[:len(columns)-len("peer")] + "x''"
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+columns+`, sum(opens) FROM `+table+`
		WHERE start > ? AND start < ? GROUP BY 1, 2, 3, 4`, after, until)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			hour, count int64
			service     opens.Service
			peer        []byte
		)
		if err := rows.Scan(&hour, &service.Direction, &service.Port, &peer, &count); err != nil {
			return err
		}
		if addr := peerAddr(peer); q.picks(service, addr) {
			groups[q.group(hour, service, addr)] += uint64(count)
		}
	}
	return rows.Err()
}

func (q *Query) picks(s opens.Service, addr netip.Addr) bool {
	if q.Want != nil && !q.Want(s) {
		return false
	}
	if q.Peers == nil {
		return true
	}
	return slices.ContainsFunc(q.Peers, func(p netip.Prefix) bool { return addr.IsValid() && p.Contains(addr) })
}

func (q *Query) group(hour int64, s opens.Service, addr netip.Addr) (row Row) {
	if q.By&ByHour != 0 {
		row.Hour = time.Unix(hour, 0).UTC()
	}
	if q.By&ByPort != 0 {
		row.Service.Port = s.Port
	}
	if q.By&ByDirection != 0 {
		row.Service.Direction = s.Direction
	}
	if q.By&(ByPeer|ByNetwork) != 0 && !addr.IsValid() {
		row.Other = true
		return row
	}
	if q.By&ByPeer != 0 {
		row.Peer = addr
	}
	if q.By&ByNetwork != 0 {
		row.Network, _ = addr.Prefix(q.prefix(addr))
	}
	return row
}

func (q *Query) prefix(addr netip.Addr) int {
	bits, standard := q.Prefix6, 64
	if addr.Is4() {
		bits, standard = q.Prefix4, 24
	}
	if bits == 0 {
		return standard
	}
	return min(bits, addr.BitLen())
}

func sorted(groups map[Row]uint64, by Group) []Row {
	rows := make([]Row, 0, len(groups))
	for row, count := range groups {
		row.Opens = count
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		if c := a.Hour.Compare(b.Hour); c != 0 {
			return c
		}
		if a.Opens != b.Opens {
			if a.Opens > b.Opens {
				return -1
			}
			return 1
		}
		return compareNames(a, b)
	})
	return rows
}

// compareNames orders rows of the same size, so that a report is the same twice.
func compareNames(a, b Row) int {
	if a.Service != b.Service {
		if a.Service.Less(b.Service) {
			return -1
		}
		return 1
	}
	if c := a.Network.Addr().Compare(b.Network.Addr()); c != 0 {
		return c
	}
	return a.Peer.Compare(b.Peer)
}

func covered(ctx context.Context, tx *sql.Tx, since, until int64) (c Coverage, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT start, stop, lost FROM covered WHERE stop > ? AND start < ? ORDER BY start`, since, until)
	if err != nil {
		return c, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			start, lost int64
			stop        float64
		)
		if err := rows.Scan(&start, &stop, &lost); err != nil {
			return c, err
		}
		// Rows are counted whole.
		start, stop = max(start, floor(since, Step)), min(stop, float64(ceil(until)))
		if c.From.IsZero() {
			c.From = time.Unix(start, 0).UTC()
		}
		length := time.Duration((stop - float64(start)) * float64(time.Second)).Round(time.Millisecond)
		c.To = later(c.To, time.Unix(start, 0).UTC().Add(length))
		c.Counted += length
		c.Lost += uint64(lost)
	}
	return c, rows.Err()
}

func ceil(seconds int64) int64 {
	if seconds > 1<<61 {
		return seconds
	}
	return floor(seconds+int64(Step/time.Second)-1, Step)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Baseline is the last recorded sample, with its counters: what a fresh one is
// compared with (opens.Sample.After) to know what came since. ErrMissing: nothing is
// recorded yet.
func (d *DB) Baseline(ctx context.Context) (*opens.Sample, error) {
	sample, err := d.baseline(ctx)
	return sample, explain(d.path, err)
}

func (d *DB) baseline(ctx context.Context) (*opens.Sample, error) {
	tx, err := d.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	last, err := lastSource(ctx, tx)
	if err != nil {
		return nil, err
	}
	if last == nil {
		return nil, failure(ErrMissing, nil, "nothing is recorded in the history ", d.path, " yet")
	}
	sample := &opens.Sample{Summary: last.Summary, Wall: last.wall}
	rows, err := tx.QueryContext(ctx, `SELECT direction, port, peer, opens, overflow, first FROM mark`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			service         opens.Service
			peer            []byte
			count, overflow int64
			mark            opens.Mark
		)
		if err := rows.Scan(&service.Direction, &service.Port, &peer, &count, &overflow, &mark.First); err != nil {
			return nil, err
		}
		mark.Opens = uint64(count)
		if len(peer) == 0 {
			sample.Totals = append(sample.Totals, opens.Total{Service: service, Mark: mark, Overflow: uint64(overflow)})
			continue
		}
		sample.Peers = append(sample.Peers, opens.Peer{Service: service, Addr: peerAddr(peer), Mark: mark})
	}
	return sample, errors.Join(rows.Err())
}
