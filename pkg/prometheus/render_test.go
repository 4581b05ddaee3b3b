package prometheus

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

func count(name string, n uint64) report.Metric {
	return report.Metric{Name: name, Label: name, Help: "Number of " + name + ".", Value: report.Count(n)}
}

func group(dimension, key string, n uint64) report.Metric {
	m := count(report.Label(dimension+"_", key), n)
	m.Dimension, m.Key = dimension, key
	return m
}

func connections() *report.Report {
	return &report.Report{Plugin: "connections", Default: "total", Graphs: []report.Graph{{
		Title: "Connections", VerticalLabel: "sockets",
		Metrics: []report.Metric{
			count("total", 652),
			group("state", "established", 600), group("state", "close-wait", 0),
			group("peer_port", "443", 52),
			count("largest", 600),
			group("state", "listening", 7), // stands with the other states
			{Name: "mark", Value: report.Unknown()},
		},
	}}}
}

func units() *report.Report {
	return &report.Report{Plugin: "conntrack", Graphs: []report.Graph{{
		VerticalLabel: "flows",
		Metrics: []report.Metric{
			{Name: "used_percent", Help: "Fill of the table.", Unit: report.Percent, Value: report.Number(85.5)},
			{Name: "oldest", Help: "Age of the oldest.", Unit: report.Seconds, Value: report.Number(0.25)},
			{Name: "memory", Label: "memory in use", Unit: report.Bytes, Value: report.Count(1 << 40)},
			{Name: "drop", Help: "A \\ and\na line.", Kind: report.Counter, Value: report.Count(1<<64 - 1)},
			{Name: "lost_total", Help: "Lost.", Kind: report.Counter, Value: report.Count(0)},
			{Name: "queue_count", Help: "Queue.", Value: report.Count(3)},
			{Name: "drop_rate", Help: "Drops per second.", Value: report.Collecting()},
			{Name: "p443", Dimension: "port", Key: "443", Unit: report.Percent, Value: report.Count(50)},
			{Name: "p443_drops", Dimension: "port", Key: "443", Kind: report.Counter, Value: report.Count(5)},
		},
	}}}
}

func TestRender(t *testing.T) {
	want := `# HELP sockcensus_connections Number of total.
# TYPE sockcensus_connections gauge
sockcensus_connections 652
# HELP sockcensus_connections_by_state sockets by state.
# TYPE sockcensus_connections_by_state gauge
sockcensus_connections_by_state{state="established"} 600
sockcensus_connections_by_state{state="close-wait"} 0
sockcensus_connections_by_state{state="listening"} 7
# HELP sockcensus_connections_by_peer_port sockets by peer port.
# TYPE sockcensus_connections_by_peer_port gauge
sockcensus_connections_by_peer_port{peer_port="443"} 52
# HELP sockcensus_connections_largest Number of largest.
# TYPE sockcensus_connections_largest gauge
sockcensus_connections_largest 600
# HELP sockcensus_connections_success Whether everything asked for could be measured.
# TYPE sockcensus_connections_success gauge
sockcensus_connections_success 0
`
	if d := cmp.Diff(want, string(Render(connections()))); d != "" {
		t.Error(d)
	}
	want = `# HELP sockcensus_conntrack_used_ratio Fill of the table.
# TYPE sockcensus_conntrack_used_ratio gauge
sockcensus_conntrack_used_ratio 0.855
# HELP sockcensus_conntrack_oldest_seconds Age of the oldest.
# TYPE sockcensus_conntrack_oldest_seconds gauge
sockcensus_conntrack_oldest_seconds 0.25
# HELP sockcensus_conntrack_memory_bytes memory in use
# TYPE sockcensus_conntrack_memory_bytes gauge
sockcensus_conntrack_memory_bytes 1099511627776
# HELP sockcensus_conntrack_drop_total A \\ and\na line.
# TYPE sockcensus_conntrack_drop_total counter
sockcensus_conntrack_drop_total 18446744073709551615
# HELP sockcensus_conntrack_lost_total Lost.
# TYPE sockcensus_conntrack_lost_total counter
sockcensus_conntrack_lost_total 0
# HELP sockcensus_conntrack_queue Queue.
# TYPE sockcensus_conntrack_queue gauge
sockcensus_conntrack_queue 3
# HELP sockcensus_conntrack_by_port_ratio flows by port.
# TYPE sockcensus_conntrack_by_port_ratio gauge
sockcensus_conntrack_by_port_ratio{port="443"} 0.5
# HELP sockcensus_conntrack_by_port_total flows by port.
# TYPE sockcensus_conntrack_by_port_total counter
sockcensus_conntrack_by_port_total{port="443"} 5
# HELP sockcensus_conntrack_success Whether everything asked for could be measured.
# TYPE sockcensus_conntrack_success gauge
sockcensus_conntrack_success 1
`
	if d := cmp.Diff(want, string(Render(units()))); d != "" {
		t.Error(d)
	}
}

func hostile() *report.Report {
	r := &report.Report{Plugin: "connections", Graphs: []report.Graph{{VerticalLabel: "sockets"}}}
	for _, key := range []string{`a"b`, `a\b`, "a\nb", "\x1b[31m", "\xff", "é", "\u009b", "", "{}", "a b", "#", `\x1b`} {
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, group("process", key, 1))
	}
	// The same again, and a counter among gauges: neither may be printed twice.
	r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, group("process", "é", 2), count("9x-y.z", 1), count("total", 1), count("total", 2), count("count", 3), count("success", 5))
	return r
}

func TestEscapes(t *testing.T) {
	got := string(Render(hostile()))
	for _, want := range []string{
		`{process="a\"b"} 1`, `{process="a\\b"} 1`, `{process="a\nb"} 1`, `{process="\\x1b[31m"} 1`, `{process="\\xff"} 1`,
		`{process="é"} 1`, `{process="\\xc2\\x9b"} 1`, `{process=""} 1`, "sockcensus_connections__x_y_z 1\n", "sockcensus_connections 1\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q stands there %d times:\n%s", want, strings.Count(got, want), got)
		}
	}
	if samples, err := parse(got); err != nil || samples["sockcensus_connections_success{}"] != 1 {
		t.Error(samples, err)
	}
}

func TestForgotten(t *testing.T) {
	r := connections()
	r.Forget("no right")
	got := string(Render(r))
	if strings.Count(got, "\n") != 3 || !strings.HasSuffix(got, "sockcensus_connections_success 0\n") {
		t.Errorf("%q", got)
	}
}

// promtool is the judge of names, help and types.
func TestPromtool(t *testing.T) {
	promtool := testhost.Need(t, "promtool")
	many := connections()
	for i := range 10000 {
		many.Graphs[0].Metrics = append(many.Graphs[0].Metrics, group("peer", fmt.Sprintf("10.0.%d.%d", i/256, i%256), uint64(i)))
	}
	forgotten := connections()
	forgotten.Forget("no right")
	for name, r := range map[string]*report.Report{"connections": connections(), "units": units(), "hostile": hostile(), "many": many, "forgotten": forgotten} {
		command := exec.Command(promtool, "check", "metrics")
		command.Stdin = strings.NewReader(string(Render(r)))
		if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	// A judge that finds nothing wrong with anything would prove nothing.
	command := exec.Command(promtool, "check", "metrics")
	command.Stdin = strings.NewReader("# TYPE x_total gauge\nx_total 1\n")
	if out, err := command.CombinedOutput(); err == nil && len(out) == 0 {
		t.Error("promtool has no complaint about a gauge called total")
	}
}

var (
	headLine   = regexp.MustCompile(`^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.*)$`)
	sampleLine = regexp.MustCompile(`^([a-z_][a-z0-9_]*)(?:\{([a-z_][a-z0-9_]*)="((?:[^"\\]|\\["\\n])*)"\})? (\S+)$`)
)

// parse reads the format back strictly and returns the samples.
func parse(text string) (map[string]float64, error) {
	samples, done, current := map[string]float64{}, map[string]bool{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := headLine.FindStringSubmatch(line); m != nil {
			if m[1] == "HELP" && done[m[2]] {
				return nil, fmt.Errorf("%s is split", m[2])
			}
			current, done[m[2]] = m[2], true
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil || m[1] != current {
			return nil, fmt.Errorf("bad line %q", line)
		}
		id := m[1] + "{" + m[3] + "}"
		value, err := strconv.ParseFloat(m[4], 64)
		if _, twice := samples[id]; err != nil || twice {
			return nil, fmt.Errorf("bad value or second sample in %q", line)
		}
		samples[id] = value
		for _, r := range line {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				return nil, fmt.Errorf("%U in %q", r, line)
			}
		}
	}
	return samples, nil
}

func FuzzRender(f *testing.F) {
	f.Add("total", "state", "established", "Help.", 5.0, uint8(0))
	f.Add("9\xff", "é", "a\"b\\\n", "\\\n\x00", -1e300, uint8(7))
	f.Add("success", "", "", "", 1.0, uint8(0))
	f.Add("_", "", "x", "", 1e-300, uint8(1))
	f.Fuzz(func(t *testing.T, name, dimension, key, help string, value float64, flags uint8) {
		m := report.Metric{Name: name, Dimension: dimension, Key: key, Help: help, Value: report.Number(value), Kind: report.Kind(flags & 1)}
		if flags&2 != 0 {
			m.Unit = report.Percent
		}
		other := m
		other.Kind ^= 1
		r := &report.Report{Plugin: "p" + name, Graphs: []report.Graph{{VerticalLabel: help, Metrics: []report.Metric{m, other, m, {Name: key, Value: report.Count(1)}}}}}
		samples, err := parse(string(Render(r)))
		if err != nil {
			t.Fatal(err)
		}
		if len(samples) < 2 {
			t.Fatalf("a value got lost: %v", samples)
		}
	})
}
