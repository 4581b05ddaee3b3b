package threshold

import (
	"math"
	"strconv"
)

// A Status is how a check ends. Its number is the exit code.
type Status int

// The states of the guideline with their exit codes.
const (
	OK       Status = 0
	Warning  Status = 1
	Critical Status = 2
	Unknown  Status = 3
)

// String is the word a status line has: OK, WARNING, CRITICAL or UNKNOWN.
func (s Status) String() string {
	switch s {
	case OK:
		return "OK"
	case Warning:
		return "WARNING"
	case Critical:
		return "CRITICAL"
	case Unknown:
		return "UNKNOWN"
	}
	return "Status(" + strconv.Itoa(int(s)) + ")"
}

// ExitCode is what the process ends with: 0 to 3. A status that is none of the
// four is 3, because monitoring systems read other codes as they like.
func (s Status) ExitCode() int {
	if s < OK || s > Unknown {
		return int(Unknown)
	}
	return int(s)
}

// severity orders the states, worst last.
func (s Status) severity() int {
	switch s {
	case OK:
		return 0
	case Warning:
		return 1
	case Critical:
		return 3
	}
	return 2
}

// Worst is the worse of two states, where critical is worse than unknown,
// unknown worse than warning, and warning worse than OK. The exit codes do not
// have that order. A known disaster is not hidden by something that could not
// be measured, and what could not be measured might be worse than a warning.
func Worst(a, b Status) Status {
	if b.severity() > a.severity() {
		return b
	}
	return a
}

// A Threshold is what one metric is held against. The zero value never alerts.
type Threshold struct {
	Warning, Critical Range
}

// IsSet reports whether either range is set.
func (t Threshold) IsSet() bool { return t.Warning.IsSet() || t.Critical.IsSet() }

// Evaluate is the state of a metric with this value: critical is looked at
// before warning. A value that is not a number is Unknown where a range is set.
func (t Threshold) Evaluate(value float64) Status {
	switch {
	case t.IsSet() && math.IsNaN(value):
		return Unknown
	case t.Critical.Alerts(value):
		return Critical
	case t.Warning.Alerts(value):
		return Warning
	}
	return OK
}

// EvaluateBetween is the state of a metric that is some whole number from low to
// high, both included: the one that all of these have, or else Unknown. high may
// be +Inf.
func (t Threshold) EvaluateBetween(low, high float64) Status {
	status := t.Evaluate(low)
	if t.Evaluate(high) != status {
		return Unknown
	}
	for _, r := range []Range{t.Warning, t.Critical} {
		for _, end := range []float64{r.start, r.end} {
			// Between two ends of ranges the state is the same: it is enough to
			// look at each of them, and at the whole numbers next to it.
			for _, n := range []float64{math.Ceil(end) - 1, math.Floor(end), math.Floor(end) + 1} {
				if low < n && n < high && t.Evaluate(n) != status {
					return Unknown
				}
			}
		}
	}
	return status
}
