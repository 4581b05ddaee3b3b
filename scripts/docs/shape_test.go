package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// masks take out of a line what differs from host to host and from run to run.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?`), "TIME"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\.\d+`), "TIME"},
	{regexp.MustCompile(`\b\d+(\.\d+){3}(/\d+)?`), "ADDRESS"},
	{regexp.MustCompile(`\[?([0-9a-f]{1,4}(:[0-9a-f]{1,4})*::([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?|::[0-9a-f]*)(/\d+)?\]?`), "ADDRESS"},
	{regexp.MustCompile(`\b\d+(\.\d+)? ?(B|kB|MB|GB|MiB|KiB)\b`), "SIZE"},
	{regexp.MustCompile(`^(new: .*\)): .*$`), "$1"}, // a program's command line
	{regexp.MustCompile(` \(not [^)]*\)`), ""},      // a period that a test is too short for
	{regexp.MustCompile(`\b(\d+(\.\d+)?(ms|µs|s|m|h|d))+\b`), "DURATION"},
	{regexp.MustCompile(`-?\d+(\.\d+)?`), "N"},
	{regexp.MustCompile(`\b(connection|client|peer|line|event|flow|walk|process)(s|es)\b`), "$1"},
	{regexp.MustCompile(` +`), " "},
}

func masked(line string) string {
	for _, mask := range masks {
		line = mask.pattern.ReplaceAllString(line, mask.with)
	}
	return strings.TrimSpace(line)
}

var statusLine = regexp.MustCompile(`^([A-Z]+) (OK|WARNING|CRITICAL|UNKNOWN) - (.*)$`)

// shapeDiffers compares what a document shows with what was printed: the words
// of a check up to numbers and addresses, the labels and limits of its
// performance data, the columns of a table. It returns what does not agree.
func shapeDiffers(shown []string, printed string) []string {
	got := strings.Split(strings.TrimRight(printed, "\n"), "\n")
	if want := statusLine.FindStringSubmatch(shown[0]); want != nil {
		return checkDiffers(want, shown[1:], got)
	}
	var differs []string
	if shown[0] == "..." {
		for _, line := range shown[1:] {
			if !hasMasked(got, line) {
				differs = append(differs, fmt.Sprintf("nothing like %q is printed", line))
			}
		}
		return differs
	}
	columns := len(shown) > 1 || !strings.Contains(shown[0], ": ")
	if columns && header(shown[0]) != header(got[0]) {
		return []string{fmt.Sprintf("the header is %q, not %q", got[0], shown[0])}
	}
	if columns && len(shown) > 1 && len(got) < 2 {
		differs = append(differs, "there is a header and nothing else")
	}
	for _, line := range shown {
		if noteOf(line) && !hasMasked(got, line) {
			differs = append(differs, fmt.Sprintf("nothing like %q is printed", line))
		}
	}
	for _, line := range got {
		if columns && len(shown) > 1 && noteOf(line) && !hasMasked(shown, line) {
			differs = append(differs, fmt.Sprintf("%q is printed, too", line))
		}
	}
	return differs
}

// noteOf reports whether a line is a plugin's remark below a table.
func noteOf(line string) bool {
	word, _, ok := strings.Cut(line, ": ")
	return ok && isOurs(word) && !strings.Contains(line, "  ")
}

func hasMasked(lines []string, line string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return masked(l) == masked(line) })
}

// header is the columns of a table's first line, or of CSV.
func header(line string) string {
	return strings.Join(regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1), "|")
}

func checkDiffers(want, long, got []string) []string {
	is := statusLine.FindStringSubmatch(got[0])
	if is == nil {
		return []string{fmt.Sprintf("%q is no line of a check", got[0])}
	}
	var differs []string
	wantWords, wantData, _ := strings.Cut(want[3], " | ")
	isWords, isData, _ := strings.Cut(is[3], " | ")
	if want[1] != is[1] || (want[2] == "UNKNOWN") != (is[2] == "UNKNOWN") {
		differs = append(differs, fmt.Sprintf("it is %s %s, not %s %s", is[1], is[2], want[1], want[2]))
	}
	if want[2] != is[2] { // more connections than a test has: what alarms differs, no more
		wantWords, isWords, long = calm(wantWords, isWords), calm(isWords, wantWords), nil
	}
	if masked(wantWords) != masked(isWords) {
		differs = append(differs, fmt.Sprintf("the words are %q, not %q", masked(isWords), masked(wantWords)))
	}
	if !sameLabels(strings.Fields(wantData), strings.Fields(isData)) {
		differs = append(differs, fmt.Sprintf("the performance data is %q, not %q", isData, wantData))
	}
	for _, line := range long {
		if line != "..." && !hasMasked(got[1:], line) {
			differs = append(differs, fmt.Sprintf("nothing like %q is printed", line))
		}
	}
	return differs
}

// calm is the words of a check without what they say of an alarm: a clause that
// is only there with an alarm is left out.
func calm(words, other string) string {
	var clauses []string
	for clause := range strings.SplitSeq(words, ", ") {
		before, _, alarm := strings.Cut(clause, " (above ")
		if !alarm || hasMasked(strings.Split(other, ", "), before) || len(clauses) == 0 {
			clauses = append(clauses, before)
		}
	}
	return strings.Join(clauses, ", ")
}

// sameLabels holds performance data against what is shown, which may end in "...".
func sameLabels(shown, is []string) bool {
	if n := len(shown); n > 0 && shown[n-1] == "..." {
		shown = shown[:n-1]
		is = is[:min(len(is), n-1)]
	}
	return slices.EqualFunc(shown, is, func(a, b string) bool { return limits(a) == limits(b) })
}

// limits is an item of performance data without its value and maximum.
func limits(item string) string {
	label, values, _ := strings.Cut(item, "=")
	parts := strings.SplitN(values, ";", 4)
	unit := strings.TrimLeft(parts[0], "-0123456789.")
	return label + "=" + unit + ";" + strings.Join(parts[1:min(3, len(parts))], ";")
}

func TestShapes(t *testing.T) {
	const check = "CONNECTIONS WARNING - 652 established to port 443 (above 500) | total=652;500;800;0;"
	for _, c := range []struct {
		shown, printed string
		agree          bool
	}{
		{check, "CONNECTIONS WARNING - 7 established to port 80 (above 5) | total=7;500;800;0;\nmore", true},
		{check, "CONNECTIONS OK - 7 established to port 80 | total=7;500;800;0;", true},
		{check, "CONNECTIONS OK - 7 sockets to port 80 | total=7;500;800;0;", false},
		{check, "CONNECTIONS UNKNOWN - 7 established to port 80 | total=7;500;800;0;", false},
		{"A CRITICAL - 7 of a, largest 9 (above 8) | b=1;;;", "A OK - 7 of a | b=1;;;", true},
		{check, "CONNECTIONS WARNING - 7 established to port 80 (above 5) | total=7;501;800;0;", false},
		{check, "CONNECTIONS WARNING - 7 established to port 80 (above 5) | all=7;500;800;0;", false},
		{check, "CONNECTIONS WARNING - 7 open to port 80 (above 5) | total=7;500;800;0;", false},
		{"A OK - x | a=1;;; b=2;;; ...", "A OK - x | a=7;;; b=2;;; c=3;;;", true},
		{"A OK - x\nsrc 10.0.0.1: 4", "A OK - x\nsrc fd00::1: 12", true},
		{"A OK - x\nsrc 10.0.0.1: 4", "A OK - x\ndst 10.0.0.1: 4", false},
		{"COUNT  PEER\n  1  10.0.0.1", "COUNT   PEER\n  7  ::1\n", true},
		{"COUNT  PEER\n  1  10.0.0.1", "COUNT   PEER\n", false},
		{"COUNT  PEER\n  1  10.0.0.1", "COUNT   PORT\n  7  80\n", false},
		{"COUNT  PEER\n  1  ::1\nclients: 2 more clients not shown", "COUNT  PEER\n1 ::2\nclients: 1 more client not shown", true},
		{"COUNT  PEER\n  1  ::1\nclients: 2 more clients not shown", "COUNT  PEER\n1 ::2\nclients: none", false},
	} {
		if differs := shapeDiffers(strings.Split(c.shown, "\n"), c.printed); (differs == nil) != c.agree {
			t.Errorf("%q and %q: %q", c.shown, c.printed, differs)
		}
	}
}
