package main

import (
	"fmt"
	"math"
	"time"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock/age"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// defaultMetric is what a threshold without a name is for, and oldest the one
// metric that is no count.
const (
	defaultMetric = "clients"
	oldest        = "oldest"
)

// shape are the metrics without their values.
func shape(g grouping, minAge time.Duration) []report.Metric {
	what := "addresses"
	if g.network {
		what = "networks"
	}
	since := shortDuration(minAge)
	zero := report.Count(0)
	return []report.Metric{
		{Name: defaultMetric, Label: "clients", Min: zero, Help: fmt.Sprintf("Distinct %s with a connection that is proven to be at least %s old.", what, since)},
		{Name: "connections", Label: "connections", Min: zero, Help: fmt.Sprintf("Connections of these clients that are at least %s old.", since)},
		{Name: "largest", Label: "largest", Min: zero, Help: "Connections of the busiest client."},
		{Name: oldest, Label: "oldest", Unit: report.Seconds, Min: zero, Help: "Greatest age of a connection that is proven."},
		{Name: "undecided", Label: "undecided", Min: zero, Help: "Peers that are neither proven to be clients nor not to be."},
	}
}

// spans are what each metric's value lies in.
func (c *census) spans() map[string]span {
	proven, undecided := c.proven()
	busiest, possible := c.largest()
	return map[string]span{
		defaultMetric: counts(proven, proven+undecided),
		"connections": counts(c.connections, c.connections+c.undecidedConnections()),
		"largest":     counts(busiest, possible),
		oldest:        {seconds(c.oldest), seconds(c.oldestPossible), false},
		"undecided":   counts(undecided, undecided),
	}
}

// seconds is an age in seconds, rounded down to a tenth.
func seconds(d time.Duration) float64 {
	if d == age.Unbounded {
		return math.Inf(1)
	}
	return math.Floor(d.Seconds()*10) / 10
}

// metrics are the metrics of a check. The second result names the ones whose
// verdict the undecided could change.
func (c *census) metrics(limit func(name string) threshold.Threshold) (metrics []report.Metric, open []string) {
	metrics, spans := shape(c.grouping, c.minAge), c.spans()
	for i := range metrics {
		m := &metrics[i]
		m.Value = c.judge(spans[m.Name], m.Name, limit(m.Name))
		if m.Value.IsUnknown() && limit(m.Name).IsSet() {
			open = append(open, m.Name)
		}
	}
	return metrics, open
}

// judge is the value that a check shows of a metric: what is proven, unless
// that could lead to a wrong verdict, or is all that a first run could find.
func (c *census) judge(s span, name string, limit threshold.Threshold) report.Value {
	mildest, worst := s.verdicts(limit)
	certain := mildest == worst
	switch {
	case s.exact(), certain && worst != threshold.OK:
		return number(name, s.low)
	case name == oldest && limit.Evaluate(s.low) == mildest && (s.low > 0 || !c.blind()):
		return number(name, s.low) // an age is never known to be no greater: it alarms when it is proven
	case certain && !c.blind():
		return number(name, s.low)
	case c.memory.first && !c.memory.hopeless():
		return report.Collecting()
	default:
		return report.Unknown()
	}
}

// blind reports whether this is a first run that has not waited: what it proves
// is by chance.
func (c *census) blind() bool { return c.memory.first && c.looks < 2 }

// plain is the value that Munin shows of a metric: what is proven.
func (c *census) plain(s span, name string) report.Value {
	if c.blind() && !s.exact() {
		return report.Collecting()
	}
	return number(name, s.low)
}

func number(name string, value float64) report.Value {
	if name == oldest {
		return report.Number(value)
	}
	return report.Count(uint64(value))
}
