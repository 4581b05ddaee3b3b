package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// The verdicts that are possible are held against trying every value.
func TestVerdicts(t *testing.T) {
	ranges := []string{"", "3", "3:", "~:3", "3:5", "@3:5", "@~:3", "2.5:4.5", "@4", "-2:2", "100", "0:0", "@4:4"}
	for _, warning := range ranges {
		for _, critical := range ranges {
			limit := threshold.Threshold{Warning: parse(t, warning), Critical: parse(t, critical)}
			for low := range uint64(8) {
				for high := low; high < 8; high++ {
					want := [2]threshold.Status{threshold.Critical, threshold.OK}
					for n := low; n <= high; n++ {
						verdict := limit.Evaluate(float64(n))
						want = [2]threshold.Status{min(want[0], verdict), max(want[1], verdict)}
					}
					if mildest, worst := counts(low, high).verdicts(limit); mildest != want[0] || worst != want[1] {
						t.Errorf("-w %q -c %q, %d to %d: %v to %v, want %v", warning, critical, low, high, mildest, worst, want)
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

func TestVerdictsOnAge(t *testing.T) {
	for _, tt := range []struct {
		limit     string
		low, high float64
		certain   bool
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
		if mildest, worst := (span{low: tt.low, high: tt.high}).verdicts(limit); (mildest == worst) != tt.certain {
			t.Errorf("-w %s, %v to %v: %v to %v, want one verdict: %v", tt.limit, tt.low, tt.high, mildest, worst, tt.certain)
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
