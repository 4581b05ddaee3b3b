package plugin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/munin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// fake is a plugin that counts what it is told to.
type fake struct {
	Common
	Limits
	Output
	Count string `long:"count" unquote:"false" value-name:"N"`
	Flag  bool   `long:"flag"`
}

func (f *fake) metrics() *report.Report {
	r := &report.Report{Plugin: "fake", Headline: "7 things", Default: "total", Graphs: []report.Graph{{
		Title: "Things", VerticalLabel: "things", Category: "network",
		Metrics: []report.Metric{
			{Name: "total", Label: "total", Value: report.Count(7), Min: report.Count(0)},
			{Name: "other", Label: "other", Value: report.Count(3), Min: report.Count(0)},
		},
	}}}
	if f.Count == "note" {
		r.Notes = []string{"a longer --timeout shows more"}
	}
	return r
}

func (f *fake) Check(ctx context.Context, call *Call) (*report.Report, error) {
	switch f.Count {
	case "panic":
		panic("a mistake | with a bar")
	case "hang":
		select {}
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "foreseen":
		return nil, cmp.Or(call.Foresee("total", f.metrics().Graphs[0].Metrics), errors.New("measured in vain"))
	case "many":
		metrics := make([]report.Metric, 1000)
		for n := range metrics {
			metrics[n] = report.Metric{Name: fmt.Sprint("p", n), Value: report.Count(0)}
		}
		return nil, cmp.Or(call.Foresee("p0", metrics), errors.New("measured in vain"))
	case "bad":
		return nil, errors.New("no such thing")
	case "bad --count":
		return nil, errors.New(`--count "bad --count" (--flag, not --flags): run sockcensus-fake --count 1; see --count`)
	}
	return f.metrics(), nil
}

func (f *fake) Graph(ctx context.Context, call *Call, suffix string) (*report.Report, error) {
	if suffix == "wrong" {
		return nil, Usagef("suffix %q is none", suffix)
	}
	r := f.metrics()
	if f.Count == "problem" {
		r.Problems = []string{"a longer --timeout helps"}
	}
	if !call.NeedValues {
		for m := range r.Metrics() {
			m.Value = report.Unknown()
		}
		return r, nil
	}
	_, err := f.Check(ctx, call)
	return r, err
}

func (f *fake) Autoconf(context.Context, *Call) error {
	switch {
	case f.Flag && f.Count != "":
		return errors.New("set --count")
	case f.Flag:
		return errors.New("nothing here")
	}
	return nil
}

func (f *fake) Suggest(context.Context, *Call) ([]string, error) { return []string{"a", "b"}, nil }

func (f *fake) List(ctx context.Context, call *Call) (*report.Table, error) {
	if f.Count == "bad" {
		return nil, errors.New("no such thing")
	}
	return &report.Table{
		Noun: "things", Columns: []report.Column{{Key: "name", Title: "NAME"}},
		Source: func() string { return "test" }, Differs: f.Flag,
		Rows: func(yield func([]report.Cell, error) bool) {
			if yield([]report.Cell{report.Text("one " + call.Operand)}, nil) && f.Count == "broken" {
				yield(nil, errors.New("broke off"))
			}
			if f.Count == "slow" {
				<-ctx.Done()
				yield(nil, ctx.Err())
			}
		},
	}, nil
}

func fakePlugin() *Plugin {
	return &Plugin{
		Name: "fake", Summary: "counts things", Description: "Counts.", Markers: munin.ManualMarkers,
		New:      func() Measurer { return new(fake) },
		Graphs:   []GraphDoc{{"PORT", "a port"}, {"states", "states"}},
		Examples: []Example{{Command: "fake list -v", Text: "in detail"}, {Command: "check_fake", Text: "the check"}},
		Commands: []Command{
			{Name: "list", Summary: "the things", New: func() Lister { return new(fake) }},
			{Name: "file write", Operand: "FILE", Summary: "two words", New: func() Lister { return new(fake) }},
		},
	}
}

type outcome struct {
	code           int
	stdout, stderr string
}

func run(environ []string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	ended := make(chan int, 1)
	env := Env{
		Args: args, Environ: environ, Stdout: &stdout, Stderr: &stderr, Now: time.Now,
		Exit: func(code int) { ended <- code },
	}
	go func() { ended <- Run(context.Background(), fakePlugin(), env) }()
	code := <-ended
	return outcome{code, stdout.String(), stderr.String()}
}

// A word of Munin's that is empty is quoted as any other.
func TestEmptyWord(t *testing.T) {
	want := "# sockcensus: unknown word \"\": Munin passes one of autoconf, suggest, config, fetch\n"
	if got := run(nil, "fake_a", ""); got.code != 0 || got.stdout != want {
		t.Errorf("exit %d, %q, want %q", got.code, got.stdout, want)
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		args string
		code int
		want string
	}{
		{"check_fake", 0, "FAKE OK - 7 things | total=7;;;0; other=3;;;0;\n"},
		{"fake check", 0, "FAKE OK - 7 things | total=7;;;0; other=3;;;0;\n"},
		{"/x/check_fake -w 5", 1, "FAKE WARNING - 7 things (above 5) | total=7;5;;0; other=3;;;0;\n"},
		{"check_fake -w 5 -c 6", 2, "FAKE CRITICAL - 7 things (above 6) | total=7;5;6;0; other=3;;;0;\n"},
		{"check_fake -w -5:5", 1, "FAKE WARNING - 7 things (outside -5 to 5) | total=7;-5:5;;0; other=3;;;0;\n"},
		{"check_fake --critical other=2", 2, "FAKE CRITICAL - 7 things, other 3 (above 2) | total=7;;;0; other=3;;2;0;\n"},
		{"check_fake -t -1", 3, "FAKE UNKNOWN - option --timeout needs a value, not \"-1\", check_fake --help lists the options\n"},
		{"check_fake --count -x`y --flag", 3, "FAKE UNKNOWN - option --count needs a value, not \"-x\\x60y\", check_fake --help lists the options\n"},
		{"check_fake --count --", 3, "FAKE UNKNOWN - option --count needs a value, not \"--\", check_fake --help lists the options\n"},
		{"check_fake -w", 3, "FAKE UNKNOWN - option --warning needs a value, check_fake --help lists the options\n"},
		{"check_fake -w ", 0, "FAKE OK"},
		{"check_fake -w -v", 3, "FAKE UNKNOWN - a range is missing before -v, check_fake --help lists the options\n"},
		{"check_fake --warning=", 0, "FAKE OK - 7 things | total=7;;;0; other=3;;;0;\n"},
		{"check_fake -w 10:5", 3, "10:5"},
		{"check_fake -w abc", 3, "abc"},
		{"check_fake -w @~:", 3, "@~:"},
		{"check_fake -w 1 -w 2", 3, "given twice"},
		{"check_fake -w nothing=1", 3, `no metric "nothing" here for a threshold: the metrics are total, other`},
		{"check_fake --count foreseen -w nothing=1", 3, `no metric "nothing" here for a threshold: the metrics are total, other`},
		{"check_fake --count foreseen -w total=1 -c 2", 3, "measured in vain"},
		{"check_fake --count many", 3, "bytes, more than the 6144 that monitoring systems carry whole: split the check"},
		{"check_fake -w 1 -w total=2", 3, "a range is given twice for total"},
		{"check_fake -w 8 -c total=9", 0, "FAKE OK - 7 things | total=7;8;9;0; other=3;;;0;\n"},
		{"check_fake -v", 0, "\ntime: "},
		{"check_fake --count hang -t 0.05ms", 3, "gave up after 0.05ms without"},
		{"check_fake --nope", 3, "FAKE UNKNOWN - unknown option --nope, check_fake --help lists the options\n"},
		{"check_fake -x", 3, "FAKE UNKNOWN - unknown option -x, check_fake --help lists the options\n"},
		{"check_fake word", 3, `unexpected word "word"`},
		{"check_fake --flag=1", 3, "option --flag takes no value"},
		{"check_fake -t soon", 3, `--timeout "soon" is not a duration`},
		{"check_fake -t 0", 3, "leaves no time"},
		{"check_fake --count bad", 3, "FAKE UNKNOWN - no such thing\n"},
		{"check_fake --count panic", 3, `FAKE UNKNOWN - internal error (please report it): a mistake \x7c with a bar`},
		{"check_fake --count slow -t 50ms", 3, "gave up after 50ms"},
		{"check_fake --count hang -t 50ms", 3, "gave up after 50ms"},
		{"check_fake -V", 3, "check_fake (sockcensus) "},
		{"check_fake -h", 3, "--warning="},
	}
	for _, tt := range tests {
		got := run(nil, strings.Split(tt.args, " ")...)
		if got.code != tt.code || !strings.Contains(got.stdout, tt.want) {
			t.Errorf("%s: exit %d, printed %q, want exit %d and %q", tt.args, got.code, got.stdout, tt.code, tt.want)
		}
		if got.stderr != "" {
			t.Errorf("%s: stderr %q, want nothing", tt.args, got.stderr)
		}
		if strings.Count(got.stdout, "|") > 1 && !strings.Contains(tt.args, "-h") {
			t.Errorf("%s: more than one bar in %q", tt.args, got.stdout)
		}
	}
}

func TestMunin(t *testing.T) {
	tests := []struct {
		name    string
		args    string
		environ []string
		want    []string
		not     string
	}{
		{"autoconf", "fake_ autoconf", nil, []string{"yes\n"}, "no"},
		{"autoconf no", "fake_ autoconf", []string{"flag=yes"}, []string{"no (nothing here)\n"}, "yes"},
		{"suggest", "fake_ suggest", nil, []string{"a\nb\n"}, "#"},
		{"by word", "fake munin suggest", nil, []string{"a\nb\n"}, "#"},
		{"fetch", "fake_a", nil, []string{"total.value 7\n", "other.value 3\n"}, "label"},
		{"fetch by word", "fake munin a fetch", nil, []string{"total.value 7\n"}, "label"},
		{"config", "fake_a config", nil, []string{"graph_title Things\n", "total.label total\n"}, ".value"},
		{"dirtyconfig", "fake_a config", []string{"MUNIN_CAP_DIRTYCONFIG=1"}, []string{"graph_title Things\n", "total.value 7\n"}, "value U"},
		{"limits", "fake_a config", []string{"warning=5", "other_critical=10:"}, []string{"total.warning 0:5\n", "other.critical 10:\n"}, ".value"},
		{"bad limit", "fake_a", []string{"warning=10:5"}, []string{"# sockcensus: ", "10:5", "total.value U\n"}, "7"},
		{"bad limit by variable", "fake_a", []string{"warning=10:5"}, []string{"# sockcensus: env.warning: bad range"}, "--"},
		{"bad timeout by variable", "fake_a", []string{"timeout=--soon"}, []string{`# sockcensus: env.timeout "--soon" is not`}, "7"},
		{"timeout by variable", "fake_a", []string{"count=slow", "timeout=50ms"}, []string{"raise env.timeout\n"}, "--timeout"},
		{"failure by variable", "fake_a", []string{"count=bad --count"}, []string{`# sockcensus: env.count "bad --count" (env.flag, not --flags): run sockcensus-fake --count 1; see env.count` + "\n"}, "7"},
		{"autoconf by variable", "fake_ autoconf", []string{"flag=yes", "count=bad --count"}, []string{"no (set env.count)\n"}, "yes"},
		{"problem by variable", "fake_a", []string{"count=problem"}, []string{"# sockcensus: a longer env.timeout helps\n", "total.value 7"}, "--"},
		{"note by variable", "fake_a", []string{"count=note"}, []string{"# sockcensus: a longer env.timeout shows more\n", "total.value 7"}, "--"},
		{"bad limit config", "fake_a config", []string{"warning=10:5"}, []string{"# sockcensus: ", "total.label"}, ".value"},
		{"unknown metric", "fake_a", []string{"nothing_warning=5"}, []string{"# sockcensus: ", "nothing", "total.value U\n"}, "7"},
		{"failure", "fake_a", []string{"count=bad"}, []string{"# sockcensus: no such thing\n", "total.value U\n", "other.value U\n"}, "7"},
		{"timeout", "fake_a", []string{"count=slow", "timeout=50ms"}, []string{"# sockcensus: gave up after 50ms", "total.value U\n"}, "7"},
		{"hanging", "fake_a", []string{"count=hang", "timeout=50ms"}, []string{"# sockcensus: gave up after 50ms", "total.value U\n"}, "7"},
		{"panic", "fake_a", []string{"count=panic"}, []string{"# sockcensus: internal error"}, "7"},
		{"suffix", "fake_wrong", nil, []string{`# sockcensus: suffix "wrong" is none`}, ".value"},
		{"word", "fake_a dance", nil, []string{"# sockcensus: unknown word"}, ".value"},
		{"empty is not set", "fake_a", []string{"count=", "flag=", "warning="}, []string{"total.value 7\n"}, "U"},
		{"bad switch", "fake_a", []string{"flag=maybe"}, []string{"# sockcensus: ", "maybe", "total.value U"}, "7"},
	}
	for _, tt := range tests {
		got := run(tt.environ, strings.Split(tt.args, " ")...)
		if got.code != 0 || got.stderr != "" {
			t.Errorf("%s: exit %d, stderr %q, want 0 and nothing", tt.name, got.code, got.stderr)
		}
		for _, want := range tt.want {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("%s: printed %q, want %q in it", tt.name, got.stdout, want)
			}
		}
		if strings.Contains(got.stdout, tt.not) {
			t.Errorf("%s: printed %q, want no %q in it", tt.name, got.stdout, tt.not)
		}
	}
}

func TestPerson(t *testing.T) {
	tests := []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"fake", 0, "Commands:", ""},
		{"fake help", 0, "Commands:", ""},
		{"fake --version", 0, "(sockcensus)", ""},
		{"fake list", 0, "one", ""},
		{"sockcensus-fake list", 0, "one", ""},
		{"fake list --flag", 1, "one", ""},
		{"fake list --format json", 0, `"things"`, ""},
		{"fake list --format yaml", 2, "", "yaml"},
		{"fake list --color blue", 2, "", "--color"},
		{"fake list --help", 0, "--format=", ""},
		{"fake list extra", 2, "", `unexpected word "extra"`},
		{"fake list --count bad", 2, "", "fake: no such thing\n"},
		{"fake list --count broken", 2, "one", "broke off"},
		{"fake list --count slow -t 20ms --format json", 2, `"error": "gave up after 20ms`, "fake: gave up after 20ms"},
		{"fake file write here", 0, "one here", ""},
		{"fake file write", 2, "", "needs FILE"},
		{"fake dance", 2, "", `unknown command "dance": the commands are list, file write, metrics, check, munin, help`},
		{"fake --count 3", 2, "", `option "--count" stands before the command: the commands are list,`},
		{"fake file read", 2, "", `fake: fake file takes write, not "read"; fake file write --help lists the options`},
		{"sockcensus-fake file", 2, "", `fake: sockcensus-fake file takes write; sockcensus-fake file write --help lists the options`},
		{"sockcensus-fake help", 0, "\n  sockcensus-fake list -v\n      in detail\n  check_fake\n", ""},
		{"fake help", 0, "\n  fake list -v\n      in detail\n  check_fake\n", ""},
		{"/usr/bin/sockcensus-fake", 0, "\n  sockcensus-fake file write FILE", ""},
		{"sockcensus-fake list --help", 0, "sockcensus-fake list - the things\n\nUsage:\n  sockcensus-fake list [OPTIONS]", ""},
		{"sockcensus-fake metrics --help", 0, "sockcensus-fake metrics - ", ""},
		{"sockcensus-fake list --nope", 2, "", "; sockcensus-fake list --help lists the options"},
		{"fake metrics", 0, "# TYPE sockcensus_fake", ""},
		{"fake metrics --count note", 0, "# TYPE sockcensus_fake", "fake: a longer --timeout shows more\n"},
		{"fake metrics -w abc", 2, "", "abc"},
		{"fake metrics -c 5", 2, "", "are for the check"},
		{"fake metrics --version", 0, "(sockcensus)", ""},
		{"fake list -v", 0, "one", "fake: time: "},
		{"fake metrics --count bad", 2, "", "no such thing"},
		{"fake documentation pod", 0, "=head1 NAME", ""},
		{"fake documentation man", 0, ".SH EXIT STATUS", ""},
	}
	for _, tt := range tests {
		got := run(nil, strings.Split(tt.args, " ")...)
		if got.code != tt.code || !strings.Contains(got.stdout, tt.stdout) || !strings.Contains(got.stderr, tt.stderr) {
			t.Errorf("%s: exit %d, %q, stderr %q, want exit %d, %q, %q", tt.args, got.code, got.stdout, got.stderr, tt.code, tt.stdout, tt.stderr)
		}
		if tt.stderr == "" && got.stderr != "" {
			t.Errorf("%s: stderr %q, want nothing", tt.args, got.stderr)
		}
	}
}

// A check that cannot print must not end as if all were well.
func TestStdoutClosed(t *testing.T) {
	code := Run(context.Background(), fakePlugin(), Env{
		Args: []string{"check_fake"}, Stdout: closedWriter{}, Stderr: new(bytes.Buffer), Now: time.Now,
	})
	if code != 3 {
		t.Errorf("exit %d with standard output closed, want 3", code)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestCompletionVariableIsIgnored(t *testing.T) {
	t.Setenv("GO_FLAGS_COMPLETION", "1")
	if got := run(nil, "check_fake", "--"); got.code != 0 || !strings.HasPrefix(got.stdout, "FAKE OK") {
		t.Errorf("exit %d, %q, want a check as ever", got.code, got.stdout)
	}
}

func TestParseDuration(t *testing.T) {
	tests := map[string]time.Duration{
		"8": 8 * time.Second, "8s": 8 * time.Second, "1.5s": 1500 * time.Millisecond, "250ms": 250 * time.Millisecond,
		"2m": 2 * time.Minute, "3h": 3 * time.Hour, "1d": 24 * time.Hour, "1w": 168 * time.Hour, "0": 0,
	}
	for text, want := range tests {
		if got, err := ParseDuration("--period", text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "s", "-1s", "1e3", "inf", "nan", "0x10", "1y", "1 s", "+1", "1_0", "99999999999w", "9223372036.854775807s"} {
		if got, err := ParseDuration("--period", text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
}

func TestIsWord(t *testing.T) {
	for _, word := range []string{"web", "web_internal", "a1", "x_y2_z"} {
		if !IsWord(word, "states", "udp") {
			t.Errorf("IsWord(%q) = false, want true", word)
		}
	}
	for _, word := range []string{"", "1a", "Web", "web-x", "web_80", "states", "states_x", "udp_53", "config", "fetch", "suggest", "autoconf", "_a", "a.b"} {
		if IsWord(word, "states", "udp") {
			t.Errorf("IsWord(%q) = true, want false", word)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"8", "8s", "1.5h", "250ms", "9223372036.854775807s", "-1", "0x1p3", "1e9", "inf", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration("--period", text)
		if err == nil && d < 0 {
			t.Errorf("%q is %v", text, d)
		}
		if err != nil && !strings.Contains(err.Error(), "is not a duration") {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil {
			return
		}
		again, err := ParseDuration("--period", formatDuration(d))
		if err != nil || (again-d).Abs() > d/1e9+time.Microsecond {
			t.Errorf("%q is %v, written %s, read %v, %v", text, d, formatDuration(d), again, err)
		}
	})
}

func FuzzIsWord(f *testing.F) {
	for _, seed := range []string{"web", "states", "web_80", "config", "a_", "\xff", "80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, suffix string) {
		if !IsWord(suffix, "states") {
			return
		}
		if suffix != report.Label("", suffix) && report.Label("", suffix)[:1] != suffix[:1] || strings.HasPrefix(suffix, "states") {
			t.Errorf("%q is a word", suffix)
		}
		if _, ok := ParsePort(suffix); ok {
			t.Errorf("%q is a word and a port", suffix)
		}
	})
}

// Whatever stands in the environment of munin-node, the answer is one that the
// node takes.
func FuzzMuninEnvironment(f *testing.F) {
	for _, seed := range [][2]string{{"warning", "5"}, {"total_critical", "@1:2"}, {"flag", "maybe"}, {"timeout", "1ns"}, {"count", "a\nb"}, {"netns", "--"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if name == "count" && (value == "hang" || value == "slow") {
			return
		}
		got := run([]string{name + "=" + value}, "fake_a")
		if got.code != 0 || got.stderr != "" {
			t.Errorf("exit %d, stderr %q", got.code, got.stderr)
		}
		for line := range strings.Lines(got.stdout) {
			field, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if field != "#" && (!strings.HasSuffix(field, ".value") || text == "") {
				t.Errorf("%s=%q prints the line %q", name, value, line)
			}
		}
	})
}

// The metrics share their options with the check, all but the limits.
func TestHelpOfMetrics(t *testing.T) {
	for name, want := range map[string]bool{"check": true, "metrics": false} {
		got := run(nil, "fake", name, "--help").stdout
		if strings.Contains(got, "--warning") != want || strings.Contains(got, "--critical") != want || !strings.Contains(got, "--timeout") {
			t.Errorf("the help of %s:\n%s", name, got)
		}
	}
}

// Each personality's help ends with examples of its own, not of the others.
func TestHelpHasExamples(t *testing.T) {
	for _, c := range []struct{ words, has, not string }{
		{"check --help", "  check_fake\n", "fake list"},
		{"list --help", "  fake list -v\n", "check_fake"},
		{"metrics --help", "", "Examples:"},
		{"file --help", "  fake list -v\n", ""},
	} {
		got := run(nil, append([]string{"fake"}, strings.Fields(c.words)...)...).stdout
		if !strings.Contains(got, c.has) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("fake %s prints\n%s", c.words, got)
		}
	}
}
