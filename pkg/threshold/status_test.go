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
