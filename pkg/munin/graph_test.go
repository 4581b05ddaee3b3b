package munin

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/golden"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

func states() *report.Report {
	limit := threshold.Threshold{Warning: threshold.MustParse("100"), Critical: threshold.MustParse("~:200")}
	return &report.Report{
		Plugin: "connections", Source: "netlink",
		Graphs: []report.Graph{{
			Title: "TCP sockets by state", VerticalLabel: "sockets", Category: "network",
			Info: "Every TCP socket, by the state it is in.",
			Metrics: []report.Metric{
				{Name: "established", Label: "established", Help: "Open connections.", Value: report.Count(652), Draw: report.Stack},
				{Name: "close_wait", Label: "close-wait", Value: report.Count(0), Draw: report.Stack, Threshold: limit},
				{Name: "listening", Label: "listening", Value: report.Unknown()},
				{Name: "total", Label: "total", Value: report.Number(1e7 + 0.25), Threshold: threshold.Threshold{Warning: threshold.MustParse("@10:20")}},
			},
		}},
	}
}

func summary() *report.Report {
	return &report.Report{
		Plugin: "connections", Source: "proc",
		Graphs: []report.Graph{
			{Title: "TCP connections", VerticalLabel: "connections", Category: "network", Metrics: []report.Metric{
				{Name: "active_opens", Label: "active opens", Kind: report.Counter, Value: report.Count(1 << 63)},
				{Name: "retrans_segs", Label: "retransmitted", Kind: report.Counter, Value: report.Number(12.5)},
			}},
			{Name: "memory", Title: "TCP memory", VerticalLabel: "bytes", Category: "network", Metrics: []report.Metric{
				{Name: "mem", Label: "memory", Unit: report.Bytes, Value: report.Count(4096)},
			}},
		},
	}
}

func TestGolden(t *testing.T) {
	golden.AssertBytes(t, Config(states(), "connections_states", false), "states.config")
	golden.AssertBytes(t, Config(states(), "connections_states", true), "states.dirtyconfig")
	golden.AssertBytes(t, Values(states(), "connections_states"), "states.fetch")
	golden.AssertBytes(t, Config(summary(), "connections_summary", false), "summary.config")
	golden.AssertBytes(t, Config(summary(), "connections_summary", true), "summary.dirtyconfig")
	golden.AssertBytes(t, Values(summary(), "connections_summary"), "summary.fetch")

	noted := states()
	noted.Notes = []string{"listening ones may not be seen"}
	if got := string(Values(noted, "connections_states")); !strings.HasPrefix(got, "# sockcensus: listening ones may not be seen\nestablished.value 652\n") {
		t.Errorf("a note is not said before the values:\n%s", got)
	}

	failed := states()
	failed.Forget("timeout after 8s\n# timeout")
	golden.AssertBytes(t, Config(failed, "connections_states", true), "failed.config")
	golden.AssertBytes(t, Values(failed, "connections_states"), "failed.fetch")
}

// Dirty config is config and values in one: nothing more and nothing less.
func TestDirtyConfigIsBoth(t *testing.T) {
	r := states()
	config, values := string(Config(r, "s", false)), string(Values(r, "s"))
	if dirty := string(Config(r, "s", true)); dirty != config+values {
		t.Errorf("got %q", dirty)
	}
	if strings.Contains(config, ".value") {
		t.Error("config without dirtyconfig has values")
	}
}

// The lines as Munin::Master::Node reads them.
var (
	attributeLine = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\.(label|info|type|min|draw|warning|critical|extinfo) \S.*$`)
	valueLine     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\.value (U|-?[0-9]+(\.[0-9]+)?)$`)
	graphLine     = regexp.MustCompile(`^(graph_(title|args|vlabel|category|info|scale) \S.*|multigraph [-\w.:]+)$`)
	limitLine     = regexp.MustCompile(`^\w+\.(?:warning|critical) (.*)$`)
	limitValue    = regexp.MustCompile(`^([-+\d.]*):([-+\d.]*)$`) // Munin::Master::LimitsOld
)

// checkLines fails on a line that the master would refuse or misread.
func checkLines(t *testing.T, text []byte) {
	t.Helper()
	for line := range strings.Lines(string(text)) {
		line, ok := strings.CutSuffix(line, "\n")
		switch {
		case !ok, strings.Contains(line, "# timeout"), strings.HasPrefix(line, "root."):
			t.Fatalf("bad line %q", line)
		case strings.HasPrefix(line, "# sockcensus: "):
			if strings.HasPrefix(strings.ToLower(line), "# sockcensus: timeout") {
				t.Fatalf("bad reason %q", line)
			}
		case limitLine.MatchString(line):
			if m := limitLine.FindStringSubmatch(line); !limitValue.MatchString(m[1]) {
				t.Fatalf("Munin cannot read the limit %q", line)
			}
		case !attributeLine.MatchString(line) && !valueLine.MatchString(line) && !graphLine.MatchString(line):
			t.Fatalf("bad line %q", line)
		}
		for _, c := range []byte(line) {
			if c < ' ' || c > '~' {
				t.Fatalf("line with byte %#x: %q", c, line)
			}
		}
		if strings.ContainsAny(line, `#\`) && !strings.HasPrefix(line, "#") {
			t.Fatalf("line with # or \\: %q", line)
		}
	}
}

func TestLimits(t *testing.T) {
	tests := []struct{ nagios, munin string }{
		{"10", "0:10"}, {"10:", "10:"}, {"~:10", ":10"}, {"10:20", "10:20"}, {"-5:5", "-5:5"},
		{"0.5:1e6", "0.5:1000000"}, {"~:", ""}, {"@10:20", ""},
	}
	for _, tt := range tests {
		got := string(appendLimit(nil, "f.warning", threshold.MustParse(tt.nagios)))
		want := "f.warning " + tt.munin + "\n"
		if tt.munin == "" {
			if strings.HasPrefix(got, "f.") {
				t.Errorf("%q is written as %q, which means something else", tt.nagios, got)
			}
			continue
		}
		if got != want || !limitValue.MatchString(tt.munin) {
			t.Errorf("%q is written as %q, want %q", tt.nagios, got, want)
		}
	}
	if got := appendLimit(nil, "f.warning", threshold.Range{}); len(got) > 0 {
		t.Errorf("no range is written as %q", got)
	}
	if got := string(appendLimit(nil, "f.warning", threshold.MustParse("@1:2"))); !strings.HasPrefix(got, "# sockcensus: f.warning @1:2 is left out") {
		t.Errorf("what cannot be said is not said: %q", got)
	}
}

func TestFieldNames(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"p443", "root", "root_", "80", "90", "Total", "total", "a.b", "a-b", "", "é"} {
		got := fieldName(name)
		if !attributeLine.MatchString(got+".label x") || got == "root" {
			t.Errorf("%q becomes %q", name, got)
		}
		if other, ok := seen[got]; ok && other != "root" {
			t.Errorf("%q and %q are both %q", name, other, got)
		}
		seen[got] = name
	}
}

func TestManyGroups(t *testing.T) {
	r := &report.Report{Graphs: []report.Graph{{Title: "x"}}}
	for i := range 10000 {
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, report.Metric{Name: fmt.Sprintf("p%d", i), Value: report.Count(uint64(i))})
	}
	checkLines(t, Config(r, "s", true))
	if n := strings.Count(string(Values(r, "s")), "\n"); n != 10000 {
		t.Errorf("%d values", n)
	}
}

func TestManyProblems(t *testing.T) {
	r := states()
	for i := range 100 {
		r.Problems = append(r.Problems, fmt.Sprint("problem ", i))
	}
	if n := strings.Count(string(Values(r, "s")), "# sockcensus:"); n != maxReasons+1 {
		t.Errorf("%d reasons", n)
	}
}

func FuzzGraph(f *testing.F) {
	f.Add("connections_states", "established", "a label", "an info", "# timeout", 1.5)
	f.Add("a.b:c-d é", "root", "x # y \\ z", "\n\nfoo.value 5", "timeout\n", -1e300)
	f.Add("", "80", "", "\x00\xff", "TimeOut", 1e-300)
	f.Add("s", "a.warning b", " .warning 5", "a.critical 5", "", 0.0)
	f.Fuzz(func(t *testing.T, service, name, label, info, problem string, value float64) {
		r := &report.Report{Source: info, Problems: []string{problem}, Graphs: []report.Graph{
			{Title: label, VerticalLabel: info, Category: label, Info: info, Metrics: []report.Metric{
				{Name: name, Label: label, Help: info, Value: report.Number(value)},
				{Name: "counter", Kind: report.Counter, Label: info, Value: report.Number(value)},
			}},
			{Name: name},
		}}
		checkLines(t, Config(r, service+"x", true))
		checkLines(t, Values(r, service+"x"))
	})
}
