package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// reporting holds the options of "opens report".
type reporting struct {
	plugin.Common
	plugin.Output
	place
	selection
	grouping
	By     []string `long:"by" unquote:"false" value-name:"GROUP" description:"sum up by peer, network, port, direction or hour"`
	Since  string   `long:"since" unquote:"false" value-name:"TIME" description:"from: 24h (ago), 14:00, 2026-11-20, 2026-11-20T14:00 or RFC 3339 (default: the beginning)"`
	Until  string   `long:"until" unquote:"false" value-name:"TIME" description:"up to: as --since (default: now)"`
	kernel *kernel
}

// List sums the history up, to this moment.
func (o *reporting) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	b, err := o.breakdown(o.By, true)
	if err != nil {
		return nil, err
	}
	q, err := o.query(directions(&b))
	if err != nil {
		return nil, err
	}
	asked, err := parseSpan(o.Since, o.Until, call.Env.Now())
	if err != nil {
		return nil, err
	}
	h, err := openHost(call, o.kernel, &o.place)
	if err != nil {
		return nil, err
	}
	defer h.close()
	p := &past{host: h, tally: newTally(q, b), asked: asked}
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	return o.table(call, p), nil
}

func (o *reporting) table(call *plugin.Call, p *past) *report.Table {
	b := &p.tally.breakdown
	ranked := p.tally.ranked()
	if b.by == history.ByHour {
		ranked = everyHour(ranked, p.from, p.to)
	}
	rows, more := largest(ranked, b)
	g := newGroupRows(*b, o.Format, o.Names, call.Env.Now().Location())
	if b.has(history.ByHour) && !g.detailed {
		g.bar = newBar(rows, barWidth(call.Env.Width))
	}
	table := &report.Table{
		Noun: "opens", Time: call.Env.Now(), Source: func() string { return "history" },
		Columns: g.columns(), Rows: g.each(rows),
	}
	if !g.detailed { // which wants to know what is wrong, and nothing else
		table.Notes = nonEmpty(more, p.covered(call.Env.Now().Location()))
	}
	table.Notes = append(table.Notes, p.notes...)
	return table
}

// barWidth is what a terminal leaves beside the other columns.
func barWidth(terminal int) int {
	const usual, least, others = 40, 10, 34
	if terminal == 0 {
		return usual
	}
	return max(least, min(usual, terminal-others))
}

// everyHour puts a row of 0 where nothing was counted.
func everyHour(rows []history.Row, from, to time.Time) []history.Row {
	if from.IsZero() {
		return rows
	}
	var all []history.Row
	for hour := from.UTC().Truncate(time.Hour); hour.Before(to); hour = hour.Add(time.Hour) {
		for len(rows) > 0 && rows[0].Hour.Before(hour) {
			all, rows = append(all, rows[0]), rows[1:]
		}
		if len(rows) > 0 && rows[0].Hour.Equal(hour) {
			all, rows = append(all, rows[0]), rows[1:]
		} else {
			all = append(all, history.Row{Hour: hour})
		}
	}
	return append(all, rows...)
}

// largest keeps the --top largest rows, in their order.
func largest(rows []history.Row, b *breakdown) ([]history.Row, string) {
	if !b.has(history.ByHour) {
		return limited(rows, b.top)
	}
	bySize := slices.Clone(rows)
	slices.SortStableFunc(bySize, func(a, b history.Row) int { return cmp.Compare(b.Opens, a.Opens) })
	shown, note := limited(bySize, b.top)
	slices.SortStableFunc(shown, compareRows)
	return shown, note
}

// The past is what the history and the counters know of a time.
type past struct {
	*host
	tally    *tally
	asked    span
	from, to time.Time // what was covered
	counted  time.Duration
	notes    []string
}

// tries bounds how often a history that is recorded to meanwhile is read.
const tries = 3

// read sums up the history and, unless the time asked for is over, what the
// kernel has counted since its last step.
func (p *past) read(ctx context.Context) error {
	db, err := history.Open(p.database, history.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	for try := 1; ; try++ {
		q := p.asked.query(p.tally)
		if q.Until.IsZero() {
			q.Until = p.now().Add(time.Second)
		}
		rows, coverage, err := db.Report(ctx, q)
		if err != nil {
			return err
		}
		baseline, err := p.baseline(ctx, db)
		if err != nil {
			return err
		}
		if baseline != nil && !sameReading(&coverage.Last, &baseline.Summary) && try < tries {
			continue // a step was recorded in between
		}
		p.take(rows, &coverage)
		if !p.asked.until.IsZero() {
			return nil
		}
		if baseline != nil {
			p.add(baseline)
		}
		return p.ahead(ctx, db)
	}
}

// ahead says what the history has at times that are still to come: it was recorded
// before the clock was set back.
func (p *past) ahead(ctx context.Context, db *history.DB) error {
	now := p.now()
	q := span{since: now.Truncate(history.Step).Add(history.Step)}.query(p.tally)
	q.By = 0
	rows, coverage, err := db.Report(ctx, q)
	if n := sum(rows); err == nil && n > 0 {
		p.notes = append(p.notes, fmt.Sprintf("%s that the history has at times still to come, up to %s, %s in no row: the clock was set back",
			plural(n, "connection"), when(coverage.To.In(now.Location())), are(int(n))))
	}
	return err
}

func sameReading(a, b *opens.Summary) bool { return a.Epoch == b.Epoch && a.Taken == b.Taken }

// query is what the history is asked.
func (s span) query(t *tally) history.Query {
	q := history.Query{
		Since: s.since, Until: s.until, Peers: t.query.peers, By: t.by, Prefix4: t.prefix4, Prefix6: t.prefix6,
	}
	q.Want = t.query.wantsUnknown
	return q
}

// baseline is the last step, where the time asked for reaches beyond it.
func (p *past) baseline(ctx context.Context, db *history.DB) (*opens.Sample, error) {
	if !p.asked.until.IsZero() {
		return nil, nil
	}
	baseline, err := db.Baseline(ctx)
	if errors.Is(err, history.ErrMissing) {
		return nil, nil
	}
	return baseline, err
}

func (p *past) take(rows []history.Row, c *history.Coverage) {
	p.tally.merge(rows)
	p.from, p.to, p.counted = c.From, c.To, c.Counted
	if now := p.now(); p.to.After(now) {
		p.to = now // the end of a step
	}
	if c.Lost > 0 {
		p.notes = append(p.notes, plural(c.Lost, "connection")+" found no room even for their namespace, and are in no row")
	}
}

// add counts what came since the last step, straight from the kernel.
func (p *past) add(baseline *opens.Sample) {
	s, err := p.sample(p.tally.query.wants)
	if err == nil {
		err = sameNamespace(s, baseline)
	}
	if err != nil {
		p.notes = append(p.notes, "what came after "+when(baseline.Wall.In(p.now().Location()))+" is missing: "+err.Error())
		return
	}
	d := s.After(baseline)
	if d.Length <= 0 {
		return
	}
	p.tally.add(changesOf(d), s.Wall.Add(-d.Length/2))
	p.counted += d.Length
	if began := s.Wall.Add(-d.Length); p.from.IsZero() || began.Before(p.from) {
		p.from = began
	}
	p.to = s.Wall
	p.notes = append(p.notes, shortcomings(p.tally, &opens.Summary{Method: s.Method, Lost: d.Lost})...)
}

// sameNamespace refuses to compare the counts of two namespaces.
func sameNamespace(s, baseline *opens.Sample) error {
	if s.Epoch.Boot == baseline.Epoch.Boot && s.Epoch.Namespace != baseline.Epoch.Namespace {
		return errors.New("the history is about another network namespace")
	}
	return nil
}

// covered says what time the numbers are really about.
func (p *past) covered(location *time.Location) string {
	if p.from.IsZero() {
		return "nothing was recorded in that time"
	}
	whole := p.to.Sub(p.from)
	text := fmt.Sprintf("from %s to %s", when(p.from.In(location)), when(p.to.In(location)))
	if missing := whole - p.counted; missing > 2*time.Minute && missing > whole/100 {
		text += fmt.Sprintf("; for %s of it nothing was counted", spell(missing))
	}
	return text
}
