package nagios

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// missingWords names the metrics that have no value.
func missingWords(r *report.Report) []part {
	unknown, collecting := missing(r)
	if m := defaultMetric(r); m != nil && strings.Contains(r.Headline, "unknown") {
		unknown = slices.DeleteFunc(unknown, func(s string) bool { return s == statusWords(name(m)) })
	}
	return append(named(unknown, "unknown", unknownPart), named(collecting, "collecting", collectingPart)...)
}

// missing names the metrics without a value. Those that a threshold asks for make
// the status, and come first.
func missing(r *report.Report) (unknown, collecting []string) {
	asked := 0
	for m := range r.Metrics() {
		switch {
		case m.Value.IsKnown(), settled(m), bounds(m) != "" && m.Name == r.Default:
		case m.Value.IsCollecting():
			collecting = append(collecting, statusWords(name(m)))
		case m.Threshold.IsSet():
			unknown = slices.Insert(unknown, asked, statusWords(strings.TrimSuffix(name(m), ":"))+bounds(m))
			asked++
		default:
			unknown = append(unknown, statusWords(strings.TrimSuffix(name(m), ":")))
		}
	}
	return unknown, collecting
}

// bounds says in parentheses between what an unknown value lies.
func bounds(m *report.Metric) string {
	if _, _, ok := m.Value.Bounds(); !ok {
		return ""
	}
	return " (" + m.Value.Words() + ")"
}

// settled reports whether the bounds of an unknown value are enough for the
// threshold on it.
func settled(m *report.Metric) bool {
	return bounds(m) != "" && m.Threshold.IsSet() && m.Status() != threshold.Unknown
}

// settledWords name the bounds that raise no alarm, for they are in no
// performance data. The default metric's are in the headline.
func settledWords(r *report.Report) []part {
	var found []part
	for m := range r.Metrics() {
		if settled(m) && m.Status() == threshold.OK && m.Name != r.Default {
			found = append(found, part{text: bounded(statusWords(phrase(m)), maxPart), kind: settledPart, n: 1})
		}
	}
	return found
}

// mostNamed is how many metrics without a value the status line names; long
// text names them all.
const mostNamed = 4

// named lists names before what is said about them: "a, b and 3 more unknown".
func named(names []string, what string, kind partKind) []part {
	n := len(names)
	if n == 0 {
		return nil
	}
	var texts []string // the longest first
	if n <= mostNamed {
		texts = append(texts, bounded(strings.Join(names, ", "), maxPart)+" "+what)
	}
	for shown := min(n, mostNamed) - 1; shown > 0; shown-- {
		texts = append(texts, bounded(strings.Join(names[:shown], ", "), maxPart)+" and "+strconv.Itoa(n-shown)+" more "+what)
	}
	return []part{{text: texts[0], kind: kind, n: n, shorter: texts[1:]}}
}
