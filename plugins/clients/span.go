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

// certain reports whether every value of the span leads to the same verdict,
// and to which. Verdicts change at the ends of ranges only.
func (s span) certain(t threshold.Threshold) (threshold.Status, bool) {
	verdict := t.Evaluate(s.low)
	if t.Evaluate(s.high) != verdict {
		return verdict, false
	}
	for _, r := range []threshold.Range{t.Warning, t.Critical} {
		for _, end := range []float64{r.Start(), r.End()} {
			for _, value := range s.around(end) {
				if value > s.low && value < s.high && t.Evaluate(value) != verdict {
					return verdict, false
				}
			}
		}
	}
	return verdict, true
}

// around are the possible values next to the end of a range.
func (s span) around(end float64) [3]float64 {
	if s.whole {
		return [3]float64{math.Ceil(end) - 1, math.Floor(end), math.Floor(end) + 1}
	}
	return [3]float64{math.Nextafter(end, math.Inf(-1)), end, math.Nextafter(end, math.Inf(1))}
}
