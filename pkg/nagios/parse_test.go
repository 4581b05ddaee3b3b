package nagios

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// An item is one item of performance data as a monitoring system reads it.
type item struct {
	label, value, unit, warning, critical, min, max string
}

var (
	itemPattern  = regexp.MustCompile(`^([a-z0-9_]+)=(-?[0-9]+(?:\.[0-9]+)?)(|s|%|B|c);([^;]*);([^;]*);([^;]*);([^;]*)$`)
	rangePattern = regexp.MustCompile(`^(?:@?(?:(?:~|-?[0-9]+(?:\.[0-9]+)?):)?(?:-?[0-9]+(?:\.[0-9]+)?)?)?$`)
	boundPattern = regexp.MustCompile(`^(?:-?[0-9]+(?:\.[0-9]+)?)?$`)
)

// An output is what a check printed, taken apart.
type output struct {
	name, status, words string
	perfdata            []item
	long                []string
}

// parse takes output apart and refuses whatever Nagios, NRPE or Icinga 2 would
// cut, rewrite, drop or misread.
func parse(raw []byte) (output, error) {
	var o output
	text := string(raw)
	switch {
	case len(raw) > OutputLimit:
		return o, fmt.Errorf("%d bytes", len(raw))
	case strings.Count(text, "|") > 1:
		return o, fmt.Errorf("more than one bar in %q", text)
	case !strings.HasSuffix(text, "\n"):
		return o, fmt.Errorf("the last line does not end: %q", text)
	}
	for _, c := range raw {
		if c != '\n' && (c < ' ' || c > '~') || c == '`' {
			return o, fmt.Errorf("byte %#x in %q", c, text)
		}
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	o.long = lines[1:]
	status, perfdata, bar := strings.Cut(lines[0], " | ")
	if strings.Contains(text, "|") != bar {
		return o, fmt.Errorf("the bar is not on the first line: %q", text)
	}
	head, words, ok := strings.Cut(status, " - ")
	o.name, o.status, _ = strings.Cut(head, " ")
	o.words = words
	if !ok || words == "" || strings.Contains(words, ";") {
		return o, fmt.Errorf("bad status line %q", status)
	}
	if !bar {
		return o, nil
	}
	var err error
	o.perfdata, err = parsePerfdata(perfdata)
	return o, err
}

func parsePerfdata(text string) ([]item, error) {
	if len(text) > PerfdataLimit || strings.Contains(text, "::") {
		return nil, fmt.Errorf("%d bytes of performance data: %.100q", len(text), text)
	}
	var items []item
	labels := map[string]bool{}
	for word := range strings.SplitSeq(text, " ") {
		m := itemPattern.FindStringSubmatch(word)
		if m == nil {
			return nil, fmt.Errorf("bad item %q", word)
		}
		i := item{m[1], m[2], m[3], m[4], m[5], m[6], m[7]}
		if labels[i.label] {
			return nil, fmt.Errorf("label %q twice", i.label)
		}
		labels[i.label] = true
		if !rangePattern.MatchString(i.warning) || !rangePattern.MatchString(i.critical) ||
			!boundPattern.MatchString(i.min) || !boundPattern.MatchString(i.max) {
			return nil, fmt.Errorf("bad range or bound in %q", word)
		}
		if _, err := strconv.ParseFloat(i.value, 64); err != nil {
			return nil, err
		}
		items = append(items, i)
	}
	return items, nil
}

func mustParse(t *testing.T, raw []byte) output {
	t.Helper()
	o, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The parser of these tests refuses what monitoring systems refuse, or the
// tests would prove nothing.
func TestParserRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "X OK\n", "X OK - a", "X OK - a | b=1;;;;", "X OK - a | b=1\n", "X OK - a | b=U;;;;\n", "X OK - a | b=1e6;;;;\n",
		"X OK - a | b=1conn;;;;\n", "X OK - a | b::c=1;;;;\n", "X OK - a | B=1;;;;\n", "X OK - a | b=1;;;;  c=1;;;;\n",
		"X OK - a | b=1;;;; b=2;;;;\n", "X OK - a | b=1;x;;;\n", "X OK - a | b=1;;;~;\n", "X OK - a; b\n", "X OK - a\n|\n",
		"X OK - a\x00\n", "X OK - \u00e9\n", "X OK - `a`\n", "X OK - a | b=1;1e5;;;\n", "X OK - a | b=nan;;;;\n",
		"X OK - " + strings.Repeat("a", OutputLimit) + "\n",
	} {
		if o, err := parse([]byte(bad)); err == nil {
			t.Errorf("%.60q is read as %+v", bad, o)
		}
	}
	if _, err := parse([]byte("X OK - a | b=-1.5%;@1:2;~:5;0;100 c=1c;;;;\nlong\n")); err != nil {
		t.Error(err)
	}
}
