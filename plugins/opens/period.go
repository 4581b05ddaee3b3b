package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/opens"
)

// A period is what was counted in the time up to this moment.
type period struct {
	*tally
	length time.Duration
	lost   uint64
	// origin says what it reaches back to.
	origin string
}

// A search looks for the period that is closest to the one that was asked for.
type search struct {
	*host
	query query
	want  time.Duration
	now   *opens.Sample
	best  *period // nil: none yet
	notes []string
}

// off is how far a length is from the one that was asked for: 0 is exact, 1 is
// twice or half.
func (f *search) off(length time.Duration) float64 {
	return math.Abs(math.Log2(float64(length) / float64(f.want)))
}

// near is close enough not to look any further: within a quarter or so.
const near = 0.3

// oldest is how far back an earlier run may lie to be compared with.
func (f *search) oldest() time.Duration { return max(12*f.want, 2*time.Hour) }

// offer takes a length if it is closer than what was found before.
func (f *search) offer(length time.Duration, make func() *period) {
	if length <= 0 || f.best != nil && f.off(f.best.length) <= f.off(length) {
		return
	}
	f.best = make()
}

func (f *search) period(d *opens.Difference, origin string) *period {
	p := &period{tally: newTally(f.query, breakdown{by: history.ByPeer}), length: d.Length, lost: d.Lost, origin: origin}
	p.add(changesOf(d), f.now.Wall)
	return p
}

// remembered looks among the readings of earlier runs.
func (f *search) remembered(samples []*opens.Sample) {
	for _, s := range samples {
		length := f.now.Taken - s.Taken
		if s.Epoch != f.now.Epoch || length > f.oldest() {
			continue
		}
		f.offer(length, func() *period { return f.period(f.now.After(s), "the state of an earlier run") })
	}
}

// beginning takes all that was ever counted, where that is not long ago.
func (f *search) beginning() {
	if length := f.now.Length(); length <= 2*f.want {
		f.offer(length, func() *period { return f.period(f.now.After(nil), "the beginning of counting") })
	}
}

// recorded looks into the history, unless there is something close already.
func (f *search) recorded(ctx context.Context) {
	if f.best != nil && f.off(f.best.length) <= near {
		return
	}
	err := f.readHistory(ctx)
	if err != nil && !errors.Is(err, history.ErrMissing) {
		f.notes = append(f.notes, "no help from the history: "+err.Error())
	}
}

func (f *search) readHistory(ctx context.Context) error {
	db, err := history.Open(f.database, history.Options{Wait: time.Second})
	if err != nil {
		return err
	}
	defer db.Close()
	for try := 1; ; try++ {
		baseline, err := db.Baseline(ctx)
		if err != nil {
			return err
		}
		if err := sameNamespace(f.now, baseline); err != nil {
			return err
		}
		live := f.period(f.now.After(baseline), "the last step of the history")
		again, err := f.stretch(ctx, db, live, baseline)
		if err == nil && again && try < tries {
			continue // a step was recorded in between
		}
		if err == nil && live.length <= f.oldest() {
			f.offer(live.length, func() *period { return live })
		}
		return err
	}
}

// stretch lengthens a period by the steps of the history before it. It reports
// whether the history went on meanwhile.
func (f *search) stretch(ctx context.Context, db *history.DB, live *period, baseline *opens.Sample) (again bool, err error) {
	missing := f.want - live.length
	if missing < history.Step/2 {
		return false, nil
	}
	// Steps are counted whole: begin at the bound of one that is nearest.
	asked := span{since: baseline.Wall.Add(-missing + history.Step/2), until: time.Time{}}
	rows, coverage, err := db.Report(ctx, asked.query(live.tally))
	if err != nil || coverage.Counted <= 0 {
		return false, err
	}
	if !sameReading(&coverage.Last, &baseline.Summary) {
		return true, nil
	}
	live.merge(rows)
	for _, row := range rows {
		if row.Other {
			live.unknown += row.Opens
		}
	}
	live.length += coverage.Counted
	live.lost += coverage.Lost
	live.origin = "the history"
	return false, nil
}

// find looks for the period, the cheapest way first.
func (f *search) find(ctx context.Context, m *memory) {
	f.remembered(m.samples)
	f.beginning()
	f.recorded(ctx)
}

// isAbout reports whether the period is about as long as it was asked for.
func (p *period) isAbout(want time.Duration) bool {
	ratio := float64(p.length) / float64(want)
	return 0.9 <= ratio && ratio <= 1.1
}

// real says how long the period is in which something was counted, and where
// that is not what was asked for.
func (p *period) real(want time.Duration) string {
	if p.isAbout(want) {
		return spell(p.length)
	}
	return fmt.Sprintf("%s (not %s)", spell(p.length), spell(want))
}

// peerCount is how many distinct peers there are, and largest the connections of
// the busiest.
func (p *period) peerCount() (n, largest uint64) {
	for row, opens := range p.groups {
		if !row.Other && opens > 0 {
			n++
			largest = max(largest, opens)
		}
	}
	return n, largest
}
