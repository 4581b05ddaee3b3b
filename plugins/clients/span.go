package main

import (
	"math"

	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// A span is what the true value of a metric lies in, both ends included. What
// is proven is the low end.
type span struct {
	low, high float64
	// whole tells that the value is a count.
	whole bool
}

func counts(low, high uint64) span { return span{float64(low), float64(high), true} }

// exact reports whether there is nothing left to be decided.
func (s span) exact() bool { return s.low == s.high }

// verdicts are the mildest and the worst that a value of the span leads to.
// Verdicts change at the ends of ranges only.
func (s span) verdicts(t threshold.Threshold) (mildest, worst threshold.Status) {
	mildest, worst = t.Evaluate(s.low), t.Evaluate(s.low)
	try := func(value float64) {
		verdict := t.Evaluate(value)
		mildest, worst = min(mildest, verdict), max(worst, verdict)
	}
	try(s.high)
	for _, r := range []threshold.Range{t.Warning, t.Critical} {
		for _, end := range []float64{r.Start(), r.End()} {
			for _, value := range s.around(end) {
				if value > s.low && value < s.high {
					try(value)
				}
			}
		}
	}
	return mildest, worst
}

// around are the possible values next to the end of a range.
func (s span) around(end float64) [3]float64 {
	if s.whole {
		return [3]float64{math.Ceil(end) - 1, math.Floor(end), math.Floor(end) + 1}
	}
	return [3]float64{math.Nextafter(end, math.Inf(-1)), end, math.Nextafter(end, math.Inf(1))}
}
