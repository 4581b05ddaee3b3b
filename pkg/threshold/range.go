package threshold

import (
	"math"
	"strconv"
)

// A Range is one threshold: an interval of values and whether it is the values
// outside of it (the usual case) or inside of it that alert.
//
// Ranges are values and can be compared with ==: equal ranges alert on the same
// values. The zero value is no range at all: it is not set and never alerts.
type Range struct {
	start, end float64
	inside     bool
	set        bool
}

// IsSet reports whether there is a range; the zero value has none.
func (r Range) IsSet() bool { return r.set }

// Start is the lower end, which belongs to the range; -Inf where it has none.
func (r Range) Start() float64 { return r.start }

// End is the upper end, which belongs to the range; +Inf where it has none.
func (r Range) End() float64 { return r.end }

// Inside reports whether values inside the range alert ("@10:20"), rather than
// those outside of it.
func (r Range) Inside() bool { return r.inside }

// StartInfinite reports whether a range that is set has no lower end ("~:10").
func (r Range) StartInfinite() bool { return r.set && math.IsInf(r.start, -1) }

// EndInfinite reports whether a range that is set has no upper end ("10:").
func (r Range) EndInfinite() bool { return r.set && math.IsInf(r.end, 1) }

// Alerts reports whether value raises the alarm. A value that is not a number
// alerts on every range that is set, so that nonsense is never silent; use
// [Threshold.Evaluate] to tell it apart.
func (r Range) Alerts(value float64) bool {
	if !r.set {
		return false
	}
	if math.IsNaN(value) {
		return true
	}
	return (r.start <= value && value <= r.end) == r.inside
}

// String is the shortest way to write the range as the guideline does, with
// decimals and never an exponent; [Parse] reads it back to an equal range. A
// range that is not set is the empty string.
func (r Range) String() string {
	if !r.set {
		return ""
	}
	return string(r.append(make([]byte, 0, 24)))
}

func (r Range) append(b []byte) []byte {
	if r.inside {
		b = append(b, '@')
	}
	switch {
	case math.IsInf(r.start, -1):
		b = append(b, '~', ':')
	case r.start != 0 || math.IsInf(r.end, 1):
		b = strconv.AppendFloat(b, r.start, 'f', -1, 64)
		b = append(b, ':')
	}
	if !math.IsInf(r.end, 1) {
		b = strconv.AppendFloat(b, r.end, 'f', -1, 64)
	}
	return b
}
