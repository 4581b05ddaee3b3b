package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// Whether a verdict is certain is held against trying every value.
func TestCertain(t *testing.T) {
	ranges := []string{"", "3", "3:", "~:3", "3:5", "@3:5", "@~:3", "2.5:4.5", "@4", "-2:2", "100", "0:0", "@4:4"}
	for _, warning := range ranges {
		for _, critical := range ranges {
			limit := threshold.Threshold{Warning: parse(t, warning), Critical: parse(t, critical)}
			for low := range uint64(8) {
				for high := low; high < 8; high++ {
					want := true
					for n := low; n <= high; n++ {
						want = want && limit.Evaluate(float64(n)) == limit.Evaluate(float64(low))
					}
					if _, got := counts(low, high).certain(limit); got != want {
						t.Errorf("-w %q -c %q, %d to %d: certain is %v, want %v", warning, critical, low, high, got, want)
					}
				}
			}
		}
	}
}

func parse(t *testing.T, text string) threshold.Range {
	t.Helper()
	if text == "" {
		return threshold.Range{}
	}
	r, err := threshold.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCertainAge(t *testing.T) {
	for _, tt := range []struct {
		limit     string
		low, high float64
		want      bool
	}{
		{"86400", 5, math.Inf(1), false},
		{"86400", 86401, math.Inf(1), true},
		{"86400:", 5, math.Inf(1), false},
		{"3:", 5, math.Inf(1), true},
		{"@10.2:10.4", 5, 20, false},
		{"@10.2:10.4", 10.3, 10.4, true},
		{"@10.2:10.2", 5, 20, false},
		{"10:10", 5, 20, false},
	} {
		limit := threshold.Threshold{Warning: parse(t, tt.limit)}
		if _, got := (span{low: tt.low, high: tt.high}).certain(limit); got != tt.want {
			t.Errorf("-w %s, %v to %v: certain is %v, want %v", tt.limit, tt.low, tt.high, got, tt.want)
		}
	}
}

func Example_suffix() {
	for _, suffix := range []string{"443", "443_8443", "", "0443", "65536", "443_", "viewers", "443_443"} {
		ports, err := parseSuffix(suffix)
		fmt.Println(ports, err != nil)
	}
	// Output:
	// [443] false
	// [443 8443] false
	// [] true
	// [] true
	// [] true
	// [] true
	// [] true
	// [] true
}
