package report

import "github.com/sockcensus/sockcensus/pkg/threshold"

// A Unit is the unit of a metric in the spelling of the Monitoring Plugins
// guidelines.
type Unit string

// The units. A counter's unit follows from its Kind.
const (
	NoUnit  Unit = ""
	Seconds Unit = "s"
	Percent Unit = "%"
	Bytes   Unit = "B"
)

// A Kind tells a level from an ever-rising count.
type Kind uint8

// The kinds. Thresholds belong on gauges; a counter has a rate beside it.
const (
	Gauge Kind = iota
	Counter
)

// A Draw says how a graph shows a metric.
type Draw uint8

// The ways to draw. Stack lays the areas of the graph on one another.
const (
	Line Draw = iota
	Stack
)

// A Metric is one number that a run found.
type Metric struct {
	// Name is the label in performance data and the field in Munin, [a-z][a-z0-9_]*.
	Name string
	// Label is the legend, in words.
	Label string
	// Help explains what is counted.
	Help string
	Unit Unit
	Kind Kind
	// Value is what was measured.
	Value Value
	// Threshold is evaluated against Value.
	Threshold threshold.Threshold
	// Min and Max bound what Value can be; unknown means no bound.
	Min, Max Value
	Draw     Draw
	// Dimension and Key say which group the metric counts: "peer" and
	// "10.0.0.1". Both are empty for a metric of everything.
	Dimension, Key string
	// Open marks a group of a set that nobody can list beforehand (peers,
	// processes): it is a field in Munin and a line of long text in Nagios,
	// never performance data, whose labels are to be the same every run.
	Open bool
}

// Status evaluates the metric's threshold. An unknown value with a threshold is
// UNKNOWN unless its bounds settle the matter; one that is being collected or
// cannot be is OK.
func (m *Metric) Status() threshold.Status {
	value, known := m.Value.Float()
	switch {
	case known:
		return m.Threshold.Evaluate(value)
	case m.Threshold.IsSet() && m.Value.IsUnknown():
		if low, high, ok := m.Value.Bounds(); ok {
			return m.Threshold.EvaluateBetween(low, high)
		}
		return threshold.Unknown
	default:
		return threshold.OK
	}
}
