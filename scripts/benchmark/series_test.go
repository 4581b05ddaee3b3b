package main

import (
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		values []int
		want   spread[int]
	}{
		{[]int{5}, spread[int]{5, 5, 5}},
		{[]int{9, 1, 5}, spread[int]{5, 1, 9}},
		{[]int{9, 1, 5, 7}, spread[int]{5, 1, 9}},
	} {
		if got := spreadOf(tt.values); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.values, got, tt.want)
		}
	}
}

// A slow round slows both sides: the ratio is of the rounds, not of the medians.
func TestRatiosAreTakenRoundByRound(t *testing.T) {
	a := []sample{{wall: 10, cpu: 1}, {wall: 100, cpu: 2}, {wall: 12, cpu: 3}}
	b := []sample{{wall: 20 * time.Nanosecond}, {wall: 200}, {wall: 20}}
	got := ratios(a, b, wall)
	if want := (spread[float64]{0.5, 0.5, 0.6}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got := ratios(a, b, cpu); got.max != 3 {
		t.Errorf("no division by zero: %v", got)
	}
}
