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
	high  uint64 // of a count that is known to lie between two
	float float64
}

type valueKind uint8

const (
	unknown valueKind = iota
	collecting
	inapplicable
	count
	number
	between
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

// Between is a number of things of which only the bounds are known, both of them
// possible. A threshold on it has a verdict where all the numbers between them
// have the same; else it makes the report UNKNOWN, as everywhere else that the
// value counts as unknown.
func Between(low, high uint64) Value {
	if low == high {
		return Count(low)
	}
	return Value{kind: between, count: low, high: high}
}

// AtLeast is a number of things without an upper bound.
func AtLeast(low uint64) Value { return Between(low, math.MaxUint64) }

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
func (v Value) IsUnknown() bool { return v.kind == unknown || v.kind == between }

// Bounds returns the bounds of an unknown number, and whether it has any. high is
// +Inf where there is none above.
func (v Value) Bounds() (low, high float64, ok bool) {
	if v.high == math.MaxUint64 {
		return float64(v.count), math.Inf(1), v.kind == between
	}
	return float64(v.count), float64(v.high), v.kind == between
}

// Words is the number for people, or what is known of it: "23", "8 to 23", "at
// least 8". It is "unknown" where nothing is.
func (v Value) Words() string {
	low := strconv.FormatUint(v.count, 10)
	switch {
	case v.IsKnown():
		return v.String()
	case v.kind != between:
		return "unknown"
	case v.high == math.MaxUint64:
		return "at least " + low
	default:
		return low + " to " + strconv.FormatUint(v.high, 10)
	}
}

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
