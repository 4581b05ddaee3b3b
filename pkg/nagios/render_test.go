package nagios

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

func limits(warning, critical string) threshold.Threshold {
	var t threshold.Threshold
	if warning != "" {
		t.Warning = threshold.MustParse(warning)
	}
	if critical != "" {
		t.Critical = threshold.MustParse(critical)
	}
	return t
}

// total is a report on one default metric, as the simplest check has it.
func total(n uint64, limit threshold.Threshold, more ...report.Metric) *report.Report {
	metrics := append([]report.Metric{{
		Name: "total", Label: "total", Value: report.Count(n), Min: report.Count(0), Threshold: limit,
	}}, more...)
	return &report.Report{
		Plugin: "connections", Headline: report.Count(n).String() + " established to port 443", Default: "total",
		Graphs: []report.Graph{{Metrics: metrics}},
	}
}

func metric(name string, value report.Value, limit threshold.Threshold) report.Metric {
	return report.Metric{Name: name, Label: strings.ReplaceAll(name, "_", "-"), Value: value, Threshold: limit}
}

func group(dimension, name, key string, n uint64, limit threshold.Threshold) report.Metric {
	return report.Metric{Name: name, Label: key, Dimension: dimension, Key: key, Value: report.Count(n), Threshold: limit}
}

func percent(f float64, limit threshold.Threshold) *report.Report {
	return &report.Report{
		Plugin: "conntrack", Headline: "table 80.004 % full", Default: "used_percent",
		Graphs: []report.Graph{{Metrics: []report.Metric{{
			Name: "used_percent", Label: "used", Unit: report.Percent, Value: report.Number(f),
			Min: report.Count(0), Max: report.Count(100), Threshold: limit,
		}}}},
	}
}

func with(r *report.Report, change func(*report.Report)) *report.Report {
	change(r)
	return r
}

func TestRender(t *testing.T) {
	none := threshold.Threshold{}
	tests := []struct {
		name   string
		report *report.Report
		want   string
		code   int
	}{
		{"OK", total(652, limits("1000", "")), "CONNECTIONS OK - 652 established to port 443 | total=652;1000;;0;\n", 0},
		{"no thresholds", total(0, none), "CONNECTIONS OK - 0 established to port 443 | total=0;;;0;\n", 0},
		{"WARNING", total(652, limits("500", "800")), "CONNECTIONS WARNING - 652 established to port 443 (above 500) | total=652;500;800;0;\n", 1},
		{"CRITICAL", total(900, limits("500", "800")), "CONNECTIONS CRITICAL - 900 established to port 443 (above 800) | total=900;500;800;0;\n", 2},
		{"below", total(3, limits("5:", "")), "CONNECTIONS WARNING - 3 established to port 443 (below 5) | total=3;5:;;0;\n", 1},
		{"below a negative one", percent(-6, limits("", "-5:")), "CONNTRACK CRITICAL - table 80.004 % full (below -5) | used_percent=-6%;;-5:;0;100\n", 2},
		{"no lower end", total(8, limits("~:7", "")), "CONNECTIONS WARNING - 8 established to port 443 (above 7) | total=8;~:7;;0;\n", 1},
		{"outside", total(3, limits("5:10", "")), "CONNECTIONS WARNING - 3 established to port 443 (outside 5 to 10) | total=3;5:10;;0;\n", 1},
		{"inside", total(7, limits("@5:10", "")), "CONNECTIONS WARNING - 7 established to port 443 (inside 5 to 10) | total=7;@5:10;;0;\n", 1},
		{"inside, open above", total(7, limits("@5:", "")), "CONNECTIONS WARNING - 7 established to port 443 (not below 5) | total=7;@5:;;0;\n", 1},
		{"inside, open below", total(7, limits("@~:9", "")), "CONNECTIONS WARNING - 7 established to port 443 (not above 9) | total=7;@~:9;;0;\n", 1},
		{"another metric", total(652, none, metric("largest", report.Count(120), limits("100", ""))),
			"CONNECTIONS WARNING - 652 established to port 443, largest 120 (above 100) | total=652;;;0; largest=120;100;;;\n", 1},
		{"the worst first", total(652, none, metric("largest", report.Count(120), limits("100", "")), group("port", "p80", "80", 9, limits("", "8"))),
			"CONNECTIONS CRITICAL - 652 established to port 443, port 80: 9 (above 8), largest 120 (above 100) | total=652;;;0; largest=120;100;;; p80=9;;8;;\n", 2},
		{"more than fits", total(652, limits("600", ""), metric("largest", report.Count(120), limits("100", "")), metric("smallest", report.Count(7), limits("", "5"))),
			"CONNECTIONS CRITICAL - 652 established to port 443 (above 600), smallest 7 (above 5), 1 more alarm | total=652;600;;0; largest=120;100;;; smallest=7;;5;;\n" +
				"CRITICAL: smallest 7 (above 5)\nWARNING: total 652 (above 600)\nWARNING: largest 120 (above 100)\n", 2},
		{"unknown with a threshold", total(652, none, metric("mark", report.Unknown(), limits("100", ""))),
			"CONNECTIONS UNKNOWN - mark unknown, 652 established to port 443 | total=652;;;0;\n", 3},
		{"unknown without", total(652, none, metric("mark", report.Unknown(), none)),
			"CONNECTIONS OK - 652 established to port 443, mark unknown | total=652;;;0;\n", 0},
		{"collecting", total(652, none, metric("drops_rate", report.Collecting(), limits("1", ""))),
			"CONNECTIONS OK - 652 established to port 443, drops-rate collecting | total=652;;;0;\n", 0},
		{"several unknown", total(652, none, metric("a", report.Unknown(), none), metric("b", report.Unknown(), none), metric("c", report.Unknown(), none),
			metric("d", report.Unknown(), none), metric("e", report.Unknown(), none)),
			"CONNECTIONS OK - 652 established to port 443, a, b, c and 2 more unknown | total=652;;;0;\nunknown: a, b, c, d, e\n", 0},
		{"what a threshold asks for first", total(652, none, metric("a", report.Unknown(), none), metric("b", report.Unknown(), limits("1", "")), metric("c", report.Unknown(), limits("1", ""))),
			"CONNECTIONS UNKNOWN - b, c, a unknown, 652 established to port 443 | total=652;;;0;\n", 3},
		{"problem", with(total(652, none), func(r *report.Report) { r.Forget("marks need CAP_NET_ADMIN: run as root") }),
			"CONNECTIONS UNKNOWN - marks need CAP_NET_ADMIN: run as root, total unknown\n", 3},
		{"a problem beside a number", with(total(652, limits("500", "")), func(r *report.Report) { r.Problems = []string{"no marks; none"} }),
			"CONNECTIONS UNKNOWN - no marks, none, 652 established to port 443 (above 500) | total=652;500;;0;\n", 3},
		{"critical before a problem", with(total(652, limits("", "500")), func(r *report.Report) { r.Problems = []string{"no marks"} }),
			"CONNECTIONS CRITICAL - 652 established to port 443 (above 500), no marks | total=652;;500;0;\n", 2},
		{"bounds that settle it", total(652, none, metric("largest", report.Between(8, 23), limits("3", "")), metric("most", report.AtLeast(8), limits("", "7"))),
			"CONNECTIONS CRITICAL - 652 established to port 443, most at least 8 (above 7), 1 more alarm | total=652;;;0;\nCRITICAL: most at least 8 (above 7)\nWARNING: largest 8 to 23 (above 3)\n", 2},
		{"bounds below the limit", total(652, none, metric("largest", report.Between(8, 23), limits("100", "")), metric("other", report.Between(0, 15), none)),
			"CONNECTIONS OK - 652 established to port 443, other unknown, largest 8 to 23 | total=652;;;0;\n", 0},
		{"bounds that do not settle it", total(652, none, metric("largest", report.Between(8, 23), limits("10", "")), metric("other", report.Between(0, 15), none)),
			"CONNECTIONS UNKNOWN - largest (8 to 23), other unknown, 652 established to port 443 | total=652;;;0;\n", 3},
		{"bounds of the default metric", with(total(0, limits("3", "")), func(r *report.Report) {
			r.Headline, r.Graphs[0].Metrics[0].Value = "8 to 23 established", report.Between(8, 23)
		}), "CONNECTIONS WARNING - 8 to 23 established (above 3)\n", 1},
		{"bounds of the default metric, undecided", with(total(0, limits("10", "")), func(r *report.Report) {
			r.Headline, r.Graphs[0].Metrics[0].Value = "8 to 23 established", report.Between(8, 23)
			r.Notes = []string{"15 unseen: it takes root"}
		}), "CONNECTIONS UNKNOWN - 8 to 23 established (15 unseen)\n15 unseen: it takes root\n", 3},
		{"as many names as fit", total(652, none, metric(strings.Repeat("a", 20), report.Unknown(), none), metric(strings.Repeat("b", 60), report.Unknown(), none), metric(strings.Repeat("c", 40), report.Unknown(), none)),
			"CONNECTIONS OK - 652 established to port 443, " + strings.Repeat("a", 20) + " and 2 more unknown | total=652;;;0;\n" +
				"unknown: " + strings.Repeat("a", 20) + ", " + strings.Repeat("b", 60) + ", " + strings.Repeat("c", 40) + "\n", 0},
		{"a problem in clauses", with(total(652, none), func(r *report.Report) {
			r.Problems = []string{"tcp/80 unknown: cannot decide: " + strings.Repeat("why ", 20) + "so; do this"}
		}),
			"CONNECTIONS UNKNOWN - tcp/80 unknown: cannot decide, 652 established to port 443 | total=652;;;0;\nUNKNOWN: tcp/80 unknown: cannot decide: " + strings.Repeat("why ", 20) + "so; do this\n", 3},
		{"a problem that critical leaves no room for", with(total(652, limits("", "500")), func(r *report.Report) { r.Problems = []string{strings.Repeat("no marks ", 10) + "here"} }),
			"CONNECTIONS CRITICAL - 652 established to port 443 (above 500), 1 problem | total=652;;500;0;\n" +
				"CRITICAL: total 652 (above 500)\nUNKNOWN: " + strings.Repeat("no marks ", 10) + "here\n", 2},
		{"a long problem", with(total(652, none, metric("insert_failed_rate", report.Unknown(), none), metric("b", report.Unknown(), none)), func(r *report.Report) {
			r.Problems = []string{"no directory to remember things between runs: name one that this user can write to with --state-dir"}
		}), "CONNECTIONS UNKNOWN - no directory to remember things between runs: name one that this user can write to with --state-dir, 2 metrics unknown | total=652;;;0;\n" +
			"652 established to port 443\nunknown: insert-failed-rate, b\n", 3},
		{"problems", with(total(652, none), func(r *report.Report) { r.Problems = []string{"one", "two", "three"} }),
			"CONNECTIONS UNKNOWN - one, 2 more problems, 652 established to port 443 | total=652;;;0;\nUNKNOWN: one\nUNKNOWN: two\nUNKNOWN: three\n", 3},
		{"notes", with(total(652, none, metric("largest", report.Unknown(), none)), func(r *report.Report) { r.Notes = []string{"3 may not be seen: be root; or not", "2 missing"} }),
			"CONNECTIONS OK - 652 established to port 443, largest unknown (3 may not be seen, 2 missing) | total=652;;;0;\n3 may not be seen: be root; or not\n2 missing\n", 0},
		{"a long note", with(total(652, none), func(r *report.Report) { r.Notes = []string{strings.Repeat("long ", 89) + "end"} }),
			"CONNECTIONS OK - 652 established to port 443 (" + strings.Repeat("long ", 79) + "l ...) | total=652;;;0;\n" + strings.Repeat("long ", 89) + "end\n", 0},
		{"open groups", total(9, none, with1(group("peer", "ip_10_0_0_1", "10.0.0.1", 6, none)), with1(group("process", "proc_nginx", "nginx", 3, none))),
			"CONNECTIONS OK - 9 established to port 443 | total=9;;;0;\npeer 10.0.0.1: 6\nnginx 3\n", 0},
		{"percent", percent(85.3333, limits("80", "90")), "CONNTRACK WARNING - table 80.004 % full (above 80) | used_percent=85.3333%;80;90;0;100\n", 1},
		{"counter", total(1, none, report.Metric{Name: "drops", Label: "drops", Kind: report.Counter, Value: report.Count(1 << 63)}),
			"CONNECTIONS OK - 1 established to port 443 | total=1;;;0; drops=9223372036854775808c;;;;\n", 0},
		{"rounding does not hide an alarm", total(1, none, metric("rate", report.Number(80.004), limits("80", ""))),
			"CONNECTIONS WARNING - 1 established to port 443, rate 80.004 (above 80) | total=1;;;0; rate=80.004;80;;;\n", 1},
		{"rounding", total(1, none, metric("rate", report.Number(1.0/3), limits("0.25", ""))),
			"CONNECTIONS WARNING - 1 established to port 443, rate 0.33 (above 0.25) | total=1;;;0; rate=0.333333;0.25;;;\n", 1},
		{"seconds", total(1, none, report.Metric{Name: "oldest", Label: "oldest", Unit: report.Seconds, Value: report.Count(90), Threshold: limits("60", "")}),
			"CONNECTIONS WARNING - 1 established to port 443, oldest 90 s (above 60) | total=1;;;0; oldest=90s;60;;;\n", 1},
		{"huge threshold", total(1, limits("1e15", "")), "CONNECTIONS OK - 1 established to port 443 | total=1;1000000000000000;;0;\n", 0},
		{"no headline", with(total(6, limits("5", "")), func(r *report.Report) { r.Headline = "" }), "CONNECTIONS WARNING - total 6 (above 5) | total=6;5;;0;\n", 1},
		{"no limit to measure against", with(percent(0, limits("80", "90")), func(r *report.Report) {
			r.Headline, r.Graphs[0].Metrics[0].Value = "5 flows, no limit, percent unknown", report.Inapplicable()
		}), "CONNTRACK OK - 5 flows, no limit, percent unknown\n", 0},
		{"empty", &report.Report{Plugin: "x"}, "X OK - nothing was measured\n", 0},
	}
	for _, tt := range tests {
		out, code := Render(tt.report, 0)
		if string(out) != tt.want || code != tt.code {
			t.Errorf("%s:\n got %q, %d\nwant %q, %d", tt.name, out, code, tt.want, tt.code)
		}
		mustParse(t, out)
	}
}

func with1(m report.Metric) report.Metric { m.Open = true; return m }

func TestVerbose(t *testing.T) {
	r := total(1, threshold.Threshold{})
	r.Details, r.Trace = []string{"a detail"}, []string{"source netlink", "plan: one walk"}
	out, _ := Render(r, 0)
	if !strings.HasSuffix(string(out), "\na detail\n") {
		t.Errorf("%q", out)
	}
	out, _ = Render(r, 1)
	if !strings.HasSuffix(string(out), "\na detail\nsource netlink\nplan: one walk\n") {
		t.Errorf("%q", out)
	}
}

// Names that anybody may give to a process, a socket or an option.
var hostile = []string{
	"a|b=5", "`reboot`", "a\nb", "a\x00b", "\x1b[31m", "é", "\xff\xfe", "a;b", "a; b", "a::b", "'a'=1", "a b=1;;;;",
	"$(reboot)", "<b>&~\"", strings.Repeat("|", 5000), strings.Repeat("é", 5000), "", " ", "\n\n|\n",
}

func TestHostileNames(t *testing.T) {
	for _, name := range hostile {
		m := group(name, report.Label("proc_", name), name, 7, limits("5", ""))
		open := with1(m)
		open.Name += "_open"
		r := total(9, limits("1", ""), m, open, metric("missing", report.Unknown(), threshold.Threshold{}))
		r.Graphs[0].Metrics[3].Label = name
		r.Headline, r.Details, r.Trace, r.Problems = name, []string{name}, []string{name}, []string{name, name}
		out, code := Render(r, 3)
		if code != 3 {
			t.Errorf("%.20q: exit %d", name, code)
		}
		mustParse(t, out)
		out, code = Failure("connections", name)
		if code != 3 {
			t.Errorf("%.20q: exit %d", name, code)
		}
		if strings.TrimSpace(name) != "" {
			mustParse(t, out)
		}
	}
}

// A metric whose name is no label does not spoil the line for the others.
func TestBadLabels(t *testing.T) {
	for _, name := range hostile {
		out, _ := Render(total(1, threshold.Threshold{}, metric(name, report.Count(5), threshold.Threshold{})), 0)
		if n := len(mustParse(t, out).perfdata); n != 2 {
			t.Errorf("%.20q: %d items", name, n)
		}
	}
}

func TestManyGroups(t *testing.T) {
	r := total(1, threshold.Threshold{})
	for i := range 10000 {
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, with1(group("peer", fmt.Sprint("ip_", i), fmt.Sprintf("10.0.%d.%d", i/256, i%256), uint64(i), limits("5000", ""))))
	}
	r.Details = []string{"a detail that must be seen"}
	r.Trace = []string{"source netlink"}
	out, code := Render(r, 1)
	o := mustParse(t, out)
	if code != 1 || len(o.words) > roomForTwo {
		t.Errorf("exit %d, %d bytes of words: %q", code, len(o.words), o.words)
	}
	if !strings.HasSuffix(o.words, ", 4998 more alarms") {
		t.Errorf("words: %q", o.words)
	}
	text := string(out)
	if !strings.HasSuffix(text, "more\na detail that must be seen\nsource netlink\n") {
		t.Errorf("details or trace are missing: %q", text[len(text)-200:])
	}
	var listed, more int
	for _, line := range o.long {
		if strings.HasPrefix(line, "WARNING: peer ") || strings.HasPrefix(line, "peer ") {
			listed++
		}
		fmt.Sscanf(line, "... and %d more", &more)
	}
	if listed+more != 10000+4999 || listed < 100 {
		t.Errorf("%d are listed and %d counted", listed, more)
	}
}

// A group whose metric cannot be told from its name has it beside.
func TestGroupsWithHash(t *testing.T) {
	r := total(9, threshold.Threshold{})
	long := strings.Repeat("/a", 400)
	for _, key := range []string{"nginx", "php-fpm7.4", long} {
		m := group("process", report.Label("proc_", key), key, 3, threshold.Threshold{})
		m.Open = true
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, m)
	}
	out, _ := Render(r, 0)
	o := mustParse(t, out)
	if len(o.long) != 3 || o.long[0] != "nginx 3" || o.long[1] != "php-fpm7.4 3 (metric "+report.Label("proc_", "php-fpm7.4")+")" ||
		len(o.long[2]) != maxLine || !strings.HasSuffix(o.long[2], " (metric "+report.Label("proc_", long)+")") {
		t.Errorf("long text %q", o.long)
	}
}

func TestLongLists(t *testing.T) {
	r := total(1, threshold.Threshold{})
	for i := range 5000 {
		r.Details = append(r.Details, fmt.Sprint("detail ", i))
		r.Trace = append(r.Trace, fmt.Sprint("trace ", i))
	}
	out, _ := Render(r, 1)
	mustParse(t, out)
	if n := strings.Count(string(out), "more\n"); n != 2 {
		t.Errorf("%d lists are cut, want 2", n)
	}
	if len(out) < OutputLimit-100 {
		t.Errorf("only %d bytes are used", len(out))
	}
}

func TestPerfdataSize(t *testing.T) {
	r := total(1, threshold.Threshold{})
	small := PerfdataSize(r)
	if out, _ := Render(r, 0); small < len("total=1;;;0;") || small > 100 {
		t.Errorf("%d bytes for %q", small, out)
	}
	for i := range 1000 {
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, metric(fmt.Sprint("p", i), report.Count(1<<64-1), threshold.Threshold{}))
		if i%37 > 0 && (i < 190 || i > 230) {
			continue // around the limit each step counts
		}
		out, _ := Render(r, 0)
		_, perfdata, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), " | ")
		if PerfdataSize(r) <= PerfdataLimit && len(perfdata) > PerfdataSize(r) {
			t.Fatalf("%d bytes announced, %d made", PerfdataSize(r), len(perfdata))
		}
		if items := len(mustParse(t, out).perfdata); PerfdataSize(r) <= PerfdataLimit && items != i+2 {
			t.Fatalf("%d items of %d although they fit", items, i+2)
		}
	}
	if PerfdataSize(r) <= PerfdataLimit {
		t.Error("a thousand metrics fit, so nothing was tested")
	}
	// What is known now does not change the answer.
	before := PerfdataSize(r)
	r.Forget("x")
	if after := PerfdataSize(r); after != before {
		t.Errorf("%d bytes when known, %d when not", before, after)
	}
	if n := PerfdataSize(&report.Report{}); n != 0 {
		t.Errorf("%d bytes for nothing", n)
	}
}

func TestFailure(t *testing.T) {
	out, code := Failure("connections", `bad range "10:5|": start 10 is greater than end 5; allowed are 10 and 10:`)
	want := `CONNECTIONS UNKNOWN - bad range "10:5\x7c": start 10 is greater than end 5, allowed are 10 and 10:` + "\n"
	if string(out) != want || code != 3 {
		t.Errorf("%q, %d", out, code)
	}
	out, _ = Failure("connections", strings.Repeat("\xff", 5000))
	if len(out) > 1023 || !strings.HasSuffix(string(out), `\xff ...`+"\n") {
		t.Errorf("%d bytes, ending in %q", len(out), out[len(out)-20:])
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{quote.Line(s), bounded(quote.Line(s), 50), statusWords(s)} {
			if quote.Line(got) != got {
				t.Fatalf("%q becomes %q", s, got)
			}
		}
		if len(bounded(quote.Line(s), 50)) > 50 {
			t.Fatalf("%q is longer than its bound", bounded(quote.Line(s), 50))
		}
		if strings.Contains(statusWords(s), ";") {
			t.Fatalf("%q", statusWords(s))
		}
	})
}

func FuzzRender(f *testing.F) {
	f.Add("total", "652 established", "nginx", "detail", "problem", 652.0, "500", "@5:6", uint8(0))
	f.Add("a|b", "\n", "é", "|", "", -1e300, "~:", "10:20", uint8(255))
	f.Add("total", "8 to 23", "nginx", "detail", "9 unseen: why; who", 0.0, "3", "@5:6", uint8(63))
	f.Add("::", ";", "10.0.0.1", "`", "; ", 1e-300, "", "@~:5", uint8(7))
	f.Fuzz(func(t *testing.T, name, headline, key, detail, problem string, value float64, warning, critical string, flags uint8) {
		var limit threshold.Threshold
		limit.Warning, _ = threshold.Parse(warning)
		limit.Critical, _ = threshold.Parse(critical)
		m := report.Metric{Name: name, Label: key, Dimension: detail, Key: key, Value: report.Number(value), Threshold: limit, Open: flags&1 != 0}
		if flags&2 != 0 {
			m.Value = report.Unknown()
		}
		if flags&8 != 0 {
			m.Value = report.Between(uint64(flags), uint64(flags)+uint64(len(detail)))
		}
		if flags&16 != 0 {
			m.Value = report.AtLeast(uint64(flags))
		}
		r := &report.Report{
			Plugin: "connections", Headline: headline + "x", Default: name, Details: []string{detail, key},
			Graphs: []report.Graph{{Metrics: []report.Metric{m, {Name: "fixed_name_of_mine", Value: report.Count(1)}}}},
		}
		if flags&32 != 0 {
			r.Notes = []string{detail, problem}
		}
		if flags&4 != 0 {
			r.Problems = []string{problem + "x", key}
		}
		out, code := Render(r, int(flags>>6))
		o, err := parse(out)
		if err != nil {
			t.Fatal(err)
		}
		if code != r.Status().ExitCode() || o.status != r.Status().String() || o.name != "CONNECTIONS" {
			t.Fatalf("%v is printed as %q with exit code %d", r.Status(), o.status, code)
		}
	})
}
