package report

import (
	"math"
	"strings"
	"testing"
)

func TestValueString(t *testing.T) {
	tests := []struct {
		value Value
		want  string
	}{
		{Count(0), "0"}, {Count(math.MaxUint64), "18446744073709551615"}, {Count(1e6), "1000000"},
		{Number(0.5), "0.5"}, {Number(1e15), "1000000000000000"}, {Number(1.0 / 3), "0.333333"}, {Number(-2), "-2"},
		{Number(1e-9), "0"}, {Number(-1e-9), "0"}, {Number(0.1 + 0.2), "0.3"}, {Number(85.0001), "85.0001"},
		{Number(math.NaN()), "U"}, {Number(math.Inf(1)), "U"}, {Unknown(), "U"}, {Collecting(), "U"}, {Inapplicable(), "U"}, {Value{}, "U"},
		{Between(8, 23), "U"}, {AtLeast(8), "U"}, {Between(8, 8), "8"},
	}
	for _, tt := range tests {
		if got := tt.value.String(); got != tt.want {
			t.Errorf("%+v is %q, want %q", tt.value, got, tt.want)
		}
		if _, known := tt.value.Float(); known != tt.value.IsKnown() || known != (tt.want != "U") {
			t.Errorf("%+v: known is %v", tt.value, known)
		}
	}
	if got := Number(math.MaxFloat64).String(); len(got) != 309 || strings.Trim(got, "0123456789") != "" {
		t.Errorf("the largest number is %q", got)
	}
}

func TestValueKinds(t *testing.T) {
	tests := []struct {
		value                      Value
		known, unknown, collecting bool
	}{
		{Count(0), true, false, false}, {Number(0), true, false, false}, {Value{}, false, true, false},
		{Unknown(), false, true, false}, {Collecting(), false, false, true}, {Inapplicable(), false, false, false},
		{Between(8, 23), false, true, false}, {AtLeast(8), false, true, false}, {Between(8, 8), true, false, false},
	}
	for _, tt := range tests {
		v := tt.value
		if v.IsKnown() != tt.known || v.IsUnknown() != tt.unknown || v.IsCollecting() != tt.collecting {
			t.Errorf("%+v: %v %v %v", v, v.IsKnown(), v.IsUnknown(), v.IsCollecting())
		}
	}
	if f, _ := Count(1 << 53).Float(); f != 1<<53 {
		t.Errorf("a count is %v", f)
	}
}

func TestValueBounds(t *testing.T) {
	tests := []struct {
		value     Value
		low, high float64
		ok        bool
		words     string
	}{
		{Between(8, 23), 8, 23, true, "8 to 23"}, {AtLeast(8), 8, math.Inf(1), true, "at least 8"},
		{Between(8, 8), 8, 0, false, "8"}, {Count(7), 7, 0, false, "7"}, {Unknown(), 0, 0, false, "unknown"}, {Number(0.5), 0, 0, false, "0.5"},
	}
	for _, tt := range tests {
		low, high, ok := tt.value.Bounds()
		if ok != tt.ok || ok && (low != tt.low || high != tt.high) || tt.value.Words() != tt.words {
			t.Errorf("%+v: %v to %v, %v, %q", tt.value, low, high, ok, tt.value.Words())
		}
	}
}
