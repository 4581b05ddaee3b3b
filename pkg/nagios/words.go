package nagios

import (
	"cmp"
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
	maxProblem = 100
	maxPart    = 400
)

// words says on the status line what was found. What makes the status comes
// first; what does not fit on the line is counted by kind there, and returned.
// What the notes say before their first colon stands behind it in parentheses.
func words(r *report.Report, status threshold.Status) (line string, left []part) {
	found := parts(r)
	missing := append(append(problems(r), missingWords(r)...), settledWords(r)...)
	if status == threshold.Unknown {
		line, left = joined(append(missing, found...))
	} else {
		line, left = joined(append(found, missing...))
	}
	if notes := noteWords(r); notes != "" {
		line += " (" + bounded(notes, maxPart) + ")"
	}
	return line, left
}

func noteWords(r *report.Report) string {
	heads := make([]string, len(r.Notes))
	for i, note := range r.Notes {
		heads[i], _, _ = strings.Cut(note, ": ")
	}
	return statusWords(strings.Join(heads, "; "))
}

// hasMore reports whether notes say more than the status line has of them.
func hasMore(r *report.Report) bool {
	return len(noteWords(r)) > maxPart || slices.ContainsFunc(r.Notes, func(s string) bool { return strings.Contains(s, ": ") })
}

// A part is a phrase of the status line. Where there is no room for it, a shorter
// one may do, the longest of them first; else it is counted: as so many things of
// a kind.
type part struct {
	text    string
	kind    partKind
	n       int
	shorter []string
}

// within is the phrase that fits into so much room, and "" if none does.
func (p part) within(room int) string {
	for _, text := range append([]string{p.text}, p.shorter...) {
		if len(text) <= room {
			return text
		}
	}
	return ""
}

type partKind uint8

const (
	headlinePart partKind = iota
	alarmPart
	problemPart
	unknownPart
	collectingPart
	settledPart
	partKinds
)

// parts are the headline, with the default metric's alarm in parentheses, and
// the alarms of all other metrics, the worst first.
func parts(r *report.Report) []part {
	var found []part
	if text := headlineWords(r); text != "" {
		found = append(found, part{text: text, kind: headlinePart, n: 1})
	}
	for _, m := range alerting(r) {
		if m.Name != r.Default {
			found = append(found, part{text: bounded(statusWords(phrase(m)), maxPart), kind: alarmPart, n: 1})
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
	case m.Value.Words() == "unknown" && len(r.Problems) > 0:
		return "" // the problem says why there is no number to speak of
	case text == "" && m.Value.Words() != "unknown":
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

// alerting returns the metrics that raise an alarm, critical ones first. Of the
// value of some only bounds are known that leave no doubt.
func alerting(r *report.Report) []*report.Metric {
	var critical, warning []*report.Metric
	for m := range r.Metrics() {
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
func problems(r *report.Report) []part {
	if len(r.Problems) == 0 {
		return nil
	}
	found := []part{{text: bounded(statusWords(gist(r.Problems[0])), maxPart), kind: problemPart, n: 1}}
	if n := len(r.Problems) - 1; n > 0 {
		found = append(found, part{text: plural(n, "more problem"), kind: problemPart, n: n})
	}
	return found
}

// gist is as much of a long problem as the line has room for, up to the end of a
// clause; long text has all of it.
func gist(problem string) string {
	if len(problem) <= maxProblem {
		return problem
	}
	for _, room := range []int{maxWords, maxProblem} {
		if end := max(strings.LastIndex(problem[:room], ": "), strings.LastIndex(problem[:room], "; ")); end > 0 {
			return problem[:end]
		}
	}
	return problem
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// joined puts parts on one line, as many as fit, and counts the rest, which long
// text lists. The first is always there, and the second nearly always: in most
// reports they are the headline and the worst alarm.
func joined(parts []part) (line string, left []part) {
	if len(parts) == 0 {
		return "nothing was measured", nil
	}
	line = cmp.Or(parts[0].within(maxWords), parts[0].text)
	if line != parts[0].text {
		left = parts[:1:1]
	}
	for i, part := range parts[1:] {
		room := maxWords
		if i == 0 {
			room = roomForTwo
		}
		room -= len(rest(parts[:i+2], parts[i+2:]))
		text := part.within(room - len(line) - len(", "))
		if text == "" {
			return line + rest(parts[:i+1], parts[i+1:]), append(left, parts[i+1:]...)
		}
		line += ", " + text
		if text != part.text {
			left = append(left, part)
		}
	}
	return line, left
}

// rest counts the parts that are left, by kind, each with the comma before it. A
// headline is no thing to count.
func rest(shown, left []part) string {
	var line string
	for kind := alarmPart; kind < partKinds; kind++ {
		n := count(left, kind)
		if n == 0 {
			continue
		}
		switch kind {
		case unknownPart:
			line += ", " + plural(n, "metric") + " unknown"
		case collectingPart:
			line += ", " + plural(n, "metric") + " collecting"
		case settledPart:
			line += ", " + plural(n, "metric") + " not exact"
		default:
			what := "alarm"
			if kind == problemPart {
				what = "problem"
			}
			if count(shown, kind) > 0 {
				what = "more " + what
			}
			line += ", " + plural(n, what)
		}
	}
	return line
}

func count(parts []part, kind partKind) int {
	n := 0
	for _, p := range parts {
		if p.kind == kind {
			n += p.n
		}
	}
	return n
}

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
	text := m.Value.Words()
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

// violation says in parentheses which end of which range the value is beyond, or
// any value that it can have.
// Comparison signs are not used, because macros of Nagios drop them.
func violation(m *report.Metric) string {
	value, known := m.Value.Float()
	if !known {
		value, _, _ = m.Value.Bounds()
	}
	switch m.Status() {
	case threshold.Critical:
		return " (" + side(m.Threshold.Critical, value) + ")"
	case threshold.Warning:
		return " (" + side(m.Threshold.Warning, value) + ")"
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

// format prints a number in decimals, never with an exponent.
func format(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
