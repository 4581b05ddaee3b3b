package main

import (
	"cmp"
	"slices"
	"time"
)

// sample is what one run of a command cost, with all processes it started.
type sample struct {
	wall time.Duration
	cpu  time.Duration // user and system time
}

// spread is the middle and the ends of some measurements.
type spread[T cmp.Ordered] struct{ median, min, max T }

// spreadOf needs at least one value. Of an even number of values, the median is
// the lower one of the two in the middle.
func spreadOf[T cmp.Ordered](values []T) spread[T] {
	sorted := slices.Sorted(slices.Values(values))
	return spread[T]{sorted[(len(sorted)-1)/2], sorted[0], sorted[len(sorted)-1]}
}

func wall(s sample) time.Duration { return s.wall }
func cpu(s sample) time.Duration  { return s.cpu }

// durations is the spread of one quantity of the samples.
func durations(samples []sample, of func(sample) time.Duration) spread[time.Duration] {
	values := make([]time.Duration, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return spreadOf(values)
}

// ratios is the spread of the rounds' ratios a/b. The samples of one round stand
// at the same place of both.
func ratios(a, b []sample, of func(sample) time.Duration) spread[float64] {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = float64(of(a[i])) / float64(max(of(b[i]), 1))
	}
	return spreadOf(values)
}
