package nagios

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// Lengths of the words on the status line: what the guideline asks for, and
// the bound on one part that cannot be shortened by counting.
const (
	maxWords   = 79
	roomForTwo = 120
	maxPart    = 400
)

// words says on the status line what was found. What makes the status comes
// first; what does not fit on a line is counted, and then it is not whole. The
// notes stand behind it in parentheses, whatever room they take.
func words(r *report.Report, status threshold.Status) (line string, whole bool) {
	found := parts(r)
	missing := append(problems(r), missingWords(r)...)
	if status == threshold.Unknown {
		line, whole = joined(append(missing, found...))
	} else {
		line, whole = joined(append(found, missing...))
	}
	if notes := noteWords(r); notes != "" {
		line += " (" + bounded(notes, maxPart) + ")"
	}
	return line, whole
}

func noteWords(r *report.Report) string { return statusWords(strings.Join(r.Notes, "; ")) }

// parts are the headline, with the default metric's alarm in parentheses, and
// the alarms of all other metrics, the worst first.
func parts(r *report.Report) []string {
	var found []string
	if text := headlineWords(r); text != "" {
		found = append(found, text)
	}
	for _, m := range alerting(r) {
		if m.Name != r.Default {
			found = append(found, bounded(statusWords(phrase(m)), maxPart))
		}
	}
	return found
}

func headlineWords(r *report.Report) string {
	text := bounded(statusWords(r.Headline), maxPart)
	m := defaultMetric(r)
	switch {
	case m == nil:
		return text
	case !m.Value.IsKnown() && len(r.Problems) > 0:
		return "" // the problem says why there is no number to speak of
	case text == "" && m.Value.IsKnown():
		return bounded(statusWords(phrase(m)), maxPart)
	default:
		return text + violation(m)
	}
}

func defaultMetric(r *report.Report) *report.Metric {
	for m := range r.Metrics() {
		if m.Name == r.Default {
			return m
		}
	}
	return nil
}

// alerting returns the metrics whose value is known and raises an alarm,
// critical ones first.
func alerting(r *report.Report) []*report.Metric {
	var critical, warning []*report.Metric
	for m := range r.Metrics() {
		if !m.Value.IsKnown() {
			continue
		}
		switch m.Status() {
		case threshold.Critical:
			critical = append(critical, m)
		case threshold.Warning:
			warning = append(warning, m)
		}
	}
	return append(critical, warning...)
}

// problems puts the first problem on the line and counts the others, which
// long text lists.
func problems(r *report.Report) []string {
	if len(r.Problems) == 0 {
		return nil
	}
	found := []string{bounded(statusWords(r.Problems[0]), maxPart)}
	switch n := len(r.Problems) - 1; n {
	case 0:
	case 1:
		found = append(found, "1 more problem")
	default:
		found = append(found, strconv.Itoa(n)+" more problems")
	}
	return found
}

// joined puts parts on one line, as many as fit, and counts the rest. The first
// is always there, and the second nearly always: in most reports they are the
// headline and the worst alarm.
func joined(parts []string) (line string, whole bool) {
	if len(parts) == 0 {
		return "nothing was measured", true
	}
	line = parts[0]
	for i, part := range parts[1:] {
		left := len(parts) - 1 - i
		room := maxWords
		if i == 0 {
			room = roomForTwo
		}
		if left > 1 {
			room -= len(more(left))
		}
		if len(line)+len(", ")+len(part) > room {
			return line + more(left), false
		}
		line += ", " + part
	}
	return line, true
}

func more(n int) string { return " ... and " + strconv.Itoa(n) + " more" }

// phrase says one metric's value, and its alarm if it raises one: "largest 120
// (above 100)", "port 443: 120 (above 100)".
func phrase(m *report.Metric) string {
	return name(m) + " " + number(m) + violation(m)
}

// name is how words call a metric. A key that reads like a number goes behind
// the word for what it is a key of.
func name(m *report.Metric) string {
	text := m.Label
	if text == "" {
		text = m.Name
	}
	if m.Dimension == "" || !readsAsNumber(text) {
		return text
	}
	return strings.ReplaceAll(m.Dimension, "_", " ") + " " + text + ":"
}

func readsAsNumber(text string) bool {
	return text != "" && text[0] >= '0' && text[0] <= '9' || strings.Contains(text, ":")
}

// number is the metric's value with its unit, rounded to two decimals unless
// that would tell the alarm another story.
func number(m *report.Metric) string {
	text := m.Value.String()
	if f, known := m.Value.Float(); known && strings.Contains(text, ".") {
		rounded := math.Round(f*100) / 100
		if m.Threshold.Evaluate(rounded) == m.Status() {
			text = format(rounded)
		}
	}
	return text + unitWord(m)
}

func unitWord(m *report.Metric) string {
	if m.Kind == report.Counter {
		return ""
	}
	if m.Unit == report.Seconds || m.Unit == report.Bytes {
		return " " + string(m.Unit)
	}
	return string(m.Unit)
}

// violation says in parentheses which end of which range the value is beyond.
// Comparison signs are not used, because macros of Nagios drop them.
func violation(m *report.Metric) string {
	value, known := m.Value.Float()
	if !known {
		return ""
	}
	for _, r := range []threshold.Range{m.Threshold.Critical, m.Threshold.Warning} {
		if r.Alerts(value) {
			return " (" + side(r, value) + ")"
		}
	}
	return ""
}

func side(r threshold.Range, value float64) string {
	start, end := format(r.Start()), format(r.End())
	switch {
	case r.Inside() && r.StartInfinite():
		return "not above " + end
	case r.Inside() && r.EndInfinite():
		return "not below " + start
	case r.Inside():
		return "inside " + start + " to " + end
	case r.Start() > 0 && !r.EndInfinite(), r.Start() < 0 && !r.StartInfinite() && !r.EndInfinite():
		return "outside " + start + " to " + end
	case value < r.Start():
		return "below " + start
	default:
		return "above " + end
	}
}

// missingWords names the metrics that have no value.
func missingWords(r *report.Report) []string {
	unknown, collecting := missing(r)
	if m := defaultMetric(r); m != nil && strings.Contains(r.Headline, "unknown") {
		unknown = slices.DeleteFunc(unknown, func(s string) bool { return s == statusWords(name(m)) })
	}
	return append(named(unknown, "unknown"), named(collecting, "collecting")...)
}

// missing names the metrics without a value. Those that a threshold asks for make
// the status, and come first.
func missing(r *report.Report) (unknown, collecting []string) {
	asked := 0
	for m := range r.Metrics() {
		switch {
		case m.Value.IsKnown():
		case m.Value.IsCollecting():
			collecting = append(collecting, statusWords(name(m)))
		case m.Threshold.IsSet():
			unknown = slices.Insert(unknown, asked, statusWords(name(m)))
			asked++
		default:
			unknown = append(unknown, statusWords(name(m)))
		}
	}
	return unknown, collecting
}

// mostNamed is how many metrics without a value the status line names; long
// text names them all.
const mostNamed = 4

// named lists names before what is said about them: "a, b and 3 more unknown".
func named(names []string, what string) []string {
	switch n := len(names); {
	case n == 0:
		return nil
	case n > mostNamed:
		shown := strings.Join(names[:mostNamed-1], ", ")
		return []string{bounded(shown, maxPart) + " and " + strconv.Itoa(n-mostNamed+1) + " more " + what}
	default:
		return []string{bounded(strings.Join(names, ", "), maxPart) + " " + what}
	}
}

// format prints a number in decimals, never with an exponent.
func format(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
