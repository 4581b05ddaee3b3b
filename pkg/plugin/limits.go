package plugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/nagios"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// parse reads the thresholds, by metric.
func (l *Limits) parse() (map[string]threshold.Threshold, error) {
	limits := map[string]threshold.Threshold{}
	for _, text := range Words(l.Warning) {
		metric, r, err := parseLimit("--warning", text)
		if err != nil {
			return nil, err
		}
		t := limits[metric]
		if t.Warning.IsSet() {
			return nil, twice("--warning", metric)
		}
		t.Warning = r
		limits[metric] = t
	}
	for _, text := range Words(l.Critical) {
		metric, r, err := parseLimit("--critical", text)
		if err != nil {
			return nil, err
		}
		t := limits[metric]
		if t.Critical.IsSet() {
			return nil, twice("--critical", metric)
		}
		t.Critical = r
		limits[metric] = t
	}
	return limits, nil
}

func parseLimit(option, text string) (metric string, r threshold.Range, err error) {
	metric, value, named := strings.Cut(text, "=")
	if !named {
		metric, value = "", text
	}
	if named && metric == "" {
		return "", r, Usagef("%s %s names no metric before the =: write METRIC=RANGE or RANGE", option, quote.Text(text))
	}
	r, err = threshold.Parse(value)
	if err != nil {
		return "", r, &UsageError{Sentence: fmt.Sprintf("%s: %s", option, err), Err: err}
	}
	return metric, r, nil
}

func twice(option, metric string) error {
	if metric == "" {
		metric = "the default metric"
	}
	return Usagef("%s is given twice for %s: give one range a metric", option, metric)
}

// NamesMetrics reports whether a threshold names its metric.
func (c *Call) NamesMetrics() bool {
	return len(c.Limits) > 1 || len(c.Limits) == 1 && !c.Wants("")
}

// Foresee refuses what cannot be carried out whatever is going to be measured:
// a threshold for a metric that is not among metrics, the ones that the report
// is going to have, and more performance data than monitoring systems carry.
// Nothing is changed in the metrics; their values may be anything. The frame
// asks the same of the report itself: to foresee it spares a walk, or a wait.
func (c *Call) Foresee(metric string, metrics []report.Metric) error {
	if c.checked == nil {
		return nil
	}
	r := &report.Report{Default: metric, Graphs: []report.Graph{{Metrics: slices.Clone(metrics)}}}
	named, _ := c.checked.(NamedMetrics)
	if err := applyLimits(r, c.Limits, named); err != nil {
		return err
	}
	return fits(r)
}

// fits refuses more performance data than monitoring systems carry.
func fits(r *report.Report) error {
	if size := nagios.PerfdataSize(r); size > nagios.PerfdataLimit {
		return Usagef("the performance data would take %d bytes, more than the %d that monitoring systems carry whole: split the check", size, nagios.PerfdataLimit)
	}
	return nil
}

// applyLimits moves the thresholds into the metrics that they are for. Every
// threshold has to find its metric.
func applyLimits(r *report.Report, limits map[string]threshold.Threshold, named NamedMetrics) error {
	if overlap(limits[""], limits[r.Default]) && r.Default != "" {
		return Usagef("a range is given twice for %s: it is the metric of a range without a name", r.Default)
	}
	left := maps.Clone(limits)
	for m := range r.Metrics() {
		for _, name := range []string{m.Name, ""} {
			if t, ok := left[name]; ok && (name != "" || m.Name == r.Default) {
				m.Threshold = merge(m.Threshold, t)
				delete(left, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		return unknownMetric(r, name, named)
	}
	return nil
}

// overlap reports whether both thresholds set the same range.
func overlap(a, b threshold.Threshold) bool {
	return a.Warning.IsSet() && b.Warning.IsSet() || a.Critical.IsSet() && b.Critical.IsSet()
}

// merge lays the thresholds of the command line over those that the plugin
// itself has set.
func merge(own, given threshold.Threshold) threshold.Threshold {
	if given.Warning.IsSet() {
		own.Warning = given.Warning
	}
	if given.Critical.IsSet() {
		own.Critical = given.Critical
	}
	return own
}

func unknownMetric(r *report.Report, name string, named NamedMetrics) error {
	var valid []string
	for m := range r.Metrics() {
		if !m.Open && m.Kind == report.Gauge {
			valid = append(valid, m.Name)
		}
	}
	more := ""
	if named != nil {
		more = named.MoreNames()
	}
	if len(valid) > 20 {
		valid = append(valid[:20], "...")
	}
	if name == "" {
		return Usagef("a threshold without a metric's name has none to be for here: the metrics are %s%s", strings.Join(valid, ", "), more)
	}
	return Usagef("no metric %s here for a threshold: the metrics are %s%s", quote.Text(name), strings.Join(valid, ", "), more)
}
