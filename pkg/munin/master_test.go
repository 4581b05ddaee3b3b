package munin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// masterScript lets the master's own parser read a plugin's answer, warnings
// and all.
const masterScript = `
use Munin::Master::Node; use JSON::PP; use Log::Log4perl qw(:easy);
Log::Log4perl->easy_init($WARN);
my $node = bless {host => "h", address => "a", port => 1}, "Munin::Master::Node";
my @lines = <STDIN>; chomp @lines;
my %answer = $ARGV[0] eq "config" ? $node->parse_service_config("svc", \@lines) : $node->parse_service_data("svc", \@lines);
print JSON::PP->new->canonical->encode(\%answer);
`

func askMaster(t *testing.T, command string, text []byte, answer any) {
	t.Helper()
	testhost.Need(t, "munin-update")
	perl := exec.Command("perl", "-e", masterScript, command)
	perl.Stdin = bytes.NewReader(text)
	var complaints bytes.Buffer
	perl.Stderr = &complaints
	out, err := perl.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("the master complains about %s: %v\n%s", command, err, &complaints)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

type masterConfig struct {
	DataSource map[string]map[string]struct {
		Label, Type, Draw string
		Value             []string
	} `json:"data_source"`
	Global map[string]any
}

type masterData map[string]map[string]struct{ Value []string }

// hostile is a report with names and texts from people who mean no good.
func hostile() *report.Report {
	r := &report.Report{Source: "x\ny", Problems: []string{"# timeout", "timeout\n.\nx.value 5"}, Graphs: []report.Graph{{
		Title: "multigraph x", VerticalLabel: "\\", Info: "#", Category: "network",
	}}}
	for _, text := range []string{"a b", "root", "\x00", "é", "x\nmultigraph y", "a.value 5", ".", "p443", "\\#"} {
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, report.Metric{
			Name: report.Label("proc_", text), Label: text, Help: text, Value: report.Number(float64(len(text)) + 0.5),
		})
	}
	return r
}

func TestMasterReads(t *testing.T) {
	failed := summary()
	failed.Forget("no right")
	for name, r := range map[string]*report.Report{"states": states(), "summary": summary(), "failed": failed, "hostile": hostile()} {
		t.Run(name, func(t *testing.T) {
			var config masterConfig
			var data masterData
			askMaster(t, "config", Config(r, "svc", true), &config)
			askMaster(t, "fetch", Values(r, "svc"), &data)
			if len(config.DataSource) != len(r.Graphs) || len(config.Global) != len(r.Graphs)+1 {
				t.Fatalf("%d graphs are read as %v", len(r.Graphs), config.Global)
			}
			for i := range r.Graphs {
				service := "svc"
				if r.Graphs[i].Name != "" {
					service += "_" + r.Graphs[i].Name
				}
				for m := range r.Graphs[i].Metrics {
					checkField(t, &r.Graphs[i].Metrics[m], service, config, data)
				}
			}
		})
	}
}

func checkField(t *testing.T, m *report.Metric, service string, config masterConfig, data masterData) {
	t.Helper()
	field := config.DataSource[service][m.Name]
	want := fmt.Sprint([]string{value(m)})
	if field.Label == "" || fmt.Sprint(field.Value) != want || fmt.Sprint(data[service][m.Name].Value) != want {
		t.Errorf("%s.%s is read as %+v and %v, want %s", service, m.Name, field, data[service][m.Name], want)
	}
	if (field.Type == "DERIVE") != (m.Kind == report.Counter) {
		t.Errorf("%s is a %s", m.Name, field.Type)
	}
}

// munin-asyncd takes only output that begins with the word for a multigraph.
func TestMultigraphComesFirst(t *testing.T) {
	r := summary()
	r.Forget("no right")
	for _, text := range [][]byte{Config(r, "svc", true), Values(r, "svc")} {
		if !strings.HasPrefix(string(text), "multigraph svc\n# sockcensus: no right\n") || strings.Count(string(text), "no right") != 1 {
			t.Errorf("%q", text)
		}
	}
}
