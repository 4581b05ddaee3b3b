package report

import (
	"math"
	"strconv"
)

// A Value is a measured number, or the reason why there is none. The zero
// value is unknown.
type Value struct {
	kind  valueKind
	count uint64
	float float64
}

type valueKind uint8

const (
	unknown valueKind = iota
	collecting
	inapplicable
	count
	number
)

// Unknown is the value of what could not be measured. A threshold on it makes
// the report UNKNOWN.
func Unknown() Value { return Value{} }

// Collecting is the value of what needs an earlier run to compare with, on the
// first run. A threshold on it is OK.
func Collecting() Value { return Value{kind: collecting} }

// Inapplicable is the value of what cannot have one on this host: how full a
// table is that has no limit. A threshold on it is OK.
func Inapplicable() Value { return Value{kind: inapplicable} }

// Count is an exact number of things.
func Count(n uint64) Value { return Value{kind: count, count: n} }

// Number is a measured quantity. NaN and the infinities are unknown.
func Number(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Unknown()
	}
	return Value{kind: number, float: f}
}

// IsKnown reports whether there is a number.
func (v Value) IsKnown() bool { return v.kind == count || v.kind == number }

// IsCollecting reports whether the value waits for a second run.
func (v Value) IsCollecting() bool { return v.kind == collecting }

// IsUnknown reports whether there should be a number and is none.
func (v Value) IsUnknown() bool { return v.kind == unknown }

// Float returns the number, and whether there is one.
func (v Value) Float() (float64, bool) {
	if v.kind == count {
		return float64(v.count), true
	}
	return v.float, v.kind == number
}

// String returns the number in decimals, without an exponent and without a
// fraction that is zero, and "U", as Munin spells it, where there is none.
// Quantities are rounded to six decimals.
func (v Value) String() string {
	switch v.kind {
	case count:
		return strconv.FormatUint(v.count, 10)
	case number:
		return formatFloat(v.float)
	default:
		return "U"
	}
}

func formatFloat(f float64) string {
	rounded := math.Round(f*1e6) / 1e6
	if math.IsInf(rounded, 0) {
		rounded = f
	}
	if rounded == 0 {
		return "0"
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
