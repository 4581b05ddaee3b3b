package nagios

import (
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// What later sections of long text are sure to get of the room, so that a long
// list before them does not push them out.
const (
	detailsReserve = 1024
	traceReserve   = 768
	maxLine        = 500
)

// appendLongText adds what the status line had no room for: alarms and problems
// where parts are left, groups of open sets, details, and the trace if asked
// for.
func appendLongText(out []byte, r *report.Report, left []part, verbose int) []byte {
	trace := quotedLines(r.Trace)
	if verbose == 0 {
		trace = nil
	}
	details := quotedLines(r.Details)
	if hasMore(r) {
		details = append(details, quotedLines(r.Notes)...)
	}
	afterTrace := min(size(trace), traceReserve)
	afterDetails := afterTrace + min(size(details), detailsReserve)
	out = appendLines(out, append(alarmLines(r, left), groupLines(r)...), OutputLimit-afterDetails)
	out = appendLines(out, details, OutputLimit-afterTrace)
	return appendLines(out, trace, OutputLimit)
}

// alarmLines are the alarms, the problems and the metrics without a value that
// the status line only counts.
func alarmLines(r *report.Report, left []part) []string {
	var lines []string
	whole := len(left) == 0
	for _, part := range left {
		if part.kind == headlinePart || part.kind == settledPart {
			lines = append(lines, line(part.text))
		}
	}
	if alarms := alerting(r); !whole {
		for _, m := range alarms {
			lines = append(lines, line(m.Status().String()+": "+phrase(m)))
		}
	}
	if len(r.Problems) > 1 || count(left, problemPart) > 0 || len(r.Problems) == 1 && gist(r.Problems[0]) != r.Problems[0] {
		for _, problem := range r.Problems {
			lines = append(lines, line("UNKNOWN: "+problem))
		}
	}
	unknown, collecting := missing(r)
	lines = append(lines, missingLine(unknown, "unknown", whole)...)
	return append(lines, missingLine(collecting, "collecting", whole)...)
}

func missingLine(names []string, what string, whole bool) []string {
	if len(names) == 0 || whole && len(names) <= mostNamed {
		return nil
	}
	return []string{line(what + ": " + strings.Join(names, ", "))}
}

// groupLines are the groups of open sets, which are no performance data.
func groupLines(r *report.Report) []string {
	var lines []string
	for m := range r.Metrics() {
		if m.Open && m.Value.IsKnown() {
			lines = append(lines, groupLine(m))
		}
	}
	return lines
}

// groupLine is a group, and the name to call it by in a threshold where that
// cannot be told from the group's own.
func groupLine(m *report.Metric) string {
	text, note := quote.Line(phrase(m)), ""
	if _, changed := report.Unhashed(m.Name); changed {
		note = " (metric " + m.Name + ")"
	}
	return bounded(text, maxLine-len(note)) + note
}

func line(text string) string { return bounded(quote.Line(text), maxLine) }

func quotedLines(texts []string) []string {
	lines := make([]string, len(texts))
	for i, text := range texts {
		lines[i] = line(text)
	}
	return lines
}

func size(lines []string) int {
	n := 0
	for _, line := range lines {
		n += len(line) + 1
	}
	return n
}

// appendLines adds lines up to a length of limit, and says how many did not fit.
func appendLines(out []byte, lines []string, limit int) []byte {
	rest := size(lines)
	for i, line := range lines {
		note := andMore(len(lines) - i)
		if len(out)+rest > limit && len(out)+len(line)+1+len(note) > limit {
			return append(out, note...)
		}
		out = append(append(out, line...), '\n')
		rest -= len(line) + 1
	}
	return out
}

func andMore(n int) string { return "... and " + strconv.Itoa(n) + " more\n" }
