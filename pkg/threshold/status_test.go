package threshold

import (
	"math"
	"testing"
)

func TestStatus(t *testing.T) {
	tests := []struct {
		status Status
		word   string
		code   int
	}{
		{OK, "OK", 0}, {Warning, "WARNING", 1}, {Critical, "CRITICAL", 2}, {Unknown, "UNKNOWN", 3},
		{Status(127), "Status(127)", 3}, {Status(-1), "Status(-1)", 3},
	}
	for _, tt := range tests {
		if got := tt.status.String(); got != tt.word {
			t.Errorf("String of %d is %q, want %q", tt.status, got, tt.word)
		}
		if got := tt.status.ExitCode(); got != tt.code {
			t.Errorf("exit code of %v is %d, want %d", tt.status, got, tt.code)
		}
	}
}

func TestWorst(t *testing.T) {
	order := []Status{OK, Warning, Unknown, Critical}
	for i, a := range order {
		for j, b := range order {
			if got, want := Worst(a, b), order[max(i, j)]; got != want {
				t.Errorf("Worst(%v, %v) = %v, want %v", a, b, got, want)
			}
		}
	}
}

func TestEvaluate(t *testing.T) {
	both := Threshold{Warning: MustParse("80"), Critical: MustParse("90")}
	tests := []struct {
		threshold Threshold
		value     float64
		want      Status
	}{
		{both, 80, OK}, {both, 80.5, Warning}, {both, 90, Warning}, {both, 90.5, Critical}, {both, -1, Critical},
		{both, math.NaN(), Unknown},
		{Threshold{}, 1e9, OK}, {Threshold{}, math.NaN(), OK},
		{Threshold{Critical: MustParse("@5:6")}, 5, Critical},
		{Threshold{Critical: MustParse("@5:6")}, 7, OK},
		{Threshold{Warning: MustParse("1:")}, 0, Warning},
		{Threshold{Warning: MustParse("1:")}, math.NaN(), Unknown},
	}
	for _, tt := range tests {
		if got := tt.threshold.Evaluate(tt.value); got != tt.want {
			t.Errorf("%v at %v is %v, want %v", tt.threshold, tt.value, got, tt.want)
		}
	}
	if (Threshold{}).IsSet() || !both.IsSet() {
		t.Error("IsSet")
	}
}

func TestEvaluateBetween(t *testing.T) {
	inf := math.Inf(1)
	limits := func(warning, critical string) (t Threshold) {
		if warning != "" {
			t.Warning = MustParse(warning)
		}
		if critical != "" {
			t.Critical = MustParse(critical)
		}
		return t
	}
	tests := []struct {
		threshold Threshold
		low, high float64
		want      Status
	}{
		{limits("3", ""), 8, 23, Warning}, {limits("100", ""), 8, 23, OK}, {limits("10", ""), 8, 23, Unknown},
		{limits("23", ""), 8, 23, OK}, {limits("22", ""), 8, 23, Unknown}, {limits("7", ""), 8, 23, Warning}, {limits("8", ""), 8, 23, Unknown},
		{limits("", "1:"), 0, 15, Unknown}, {limits("", "1:"), 1, 15, OK}, {limits("", "0:"), 0, inf, OK},
		{limits("100", ""), 225, inf, Warning}, {limits("225", ""), 225, inf, Unknown}, {limits("10:", ""), 10, inf, OK},
		{limits("10:", ""), 9, inf, Unknown}, {limits("3", "100"), 8, inf, Unknown}, {limits("3", "7"), 8, inf, Critical},
		{limits("3", "100"), 8, 23, Warning}, {limits("3", "20"), 8, 23, Unknown},
		{limits("@10:20", ""), 8, 23, Unknown}, {limits("@10:20", ""), 10, 20, Warning}, {limits("@10:20", ""), 21, 23, OK},
		{limits("@10:20", ""), 8, inf, Unknown}, {limits("@10:", ""), 10, inf, Warning}, {limits("@9:9", ""), 8, 23, Unknown},
		{limits("9:22", ""), 8, 23, Unknown}, {limits("@8:23", "@15:15"), 8, 23, Unknown}, {limits("@10.2:10.8", ""), 8, 23, OK},
		{limits("10.2:10.8", ""), 8, 23, Warning}, {limits("10:11", ""), 8, 23, Unknown}, {Threshold{}, 8, inf, OK},
	}
	for _, tt := range tests {
		if got := tt.threshold.EvaluateBetween(tt.low, tt.high); got != tt.want {
			t.Errorf("%v from %v to %v is %v, want %v", tt.threshold, tt.low, tt.high, got, tt.want)
		}
	}
}

// The state of an interval is that of each whole number in it.
func TestEvaluateBetweenAll(t *testing.T) {
	ranges := []string{"", "2", "3:", "~:4", "2:5", "@2:5", "@3:3", "2.5:3.5", "@2.2:2.8", "@4:", "0:0"}
	for _, warning := range ranges {
		for _, critical := range ranges {
			var limit Threshold
			if warning != "" {
				limit.Warning = MustParse(warning)
			}
			if critical != "" {
				limit.Critical = MustParse(critical)
			}
			for low := range 8 {
				for high := low; high < 8; high++ {
					want := limit.Evaluate(float64(low))
					for n := low; n <= high; n++ {
						if limit.Evaluate(float64(n)) != want {
							want = Unknown
						}
					}
					if got := limit.EvaluateBetween(float64(low), float64(high)); got != want {
						t.Errorf("-w %s -c %s from %d to %d is %v, want %v", warning, critical, low, high, got, want)
					}
				}
			}
		}
	}
}
