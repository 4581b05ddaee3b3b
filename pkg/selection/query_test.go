package selection_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// asking is a command that reads its selection and lists nothing.
type asking struct {
	plugin.Common
	selection.Options
	got *selection.Selected
}

func (a *asking) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	var err error
	a.got, err = a.Query(ctx, call, selection.Defaults{Stateful: sock.StatesOf(sock.Established), Stateless: sock.AllStates})
	return &report.Table{Rows: func(func([]report.Cell, error) bool) {}, Source: func() string { return "" }}, err
}

// ask parses a command line into a selection.
func ask(words ...string) (*selection.Selected, string) {
	options := new(asking)
	p := &plugin.Plugin{Name: "test", Commands: []plugin.Command{{Name: "ask", New: func() plugin.Lister { return options }}}}
	var out, complaint bytes.Buffer
	plugin.Run(context.Background(), p, plugin.Env{
		Args: append([]string{"test", "ask"}, words...), Stdout: &out, Stderr: &complaint, Now: time.Now,
	})
	return options.got, complaint.String()
}

func TestQuery(t *testing.T) {
	tests := []struct {
		words  string // separated by ;
		states sock.StateSet
		filter string
	}{
		{"", sock.StatesOf(sock.Established), ""},
		{"--state=;--port=;--peer=;--filter=;--process=;--mark=;--user=;--interface=;--cgroup=", sock.StatesOf(sock.Established), ""},
		{"--filter=state time-wait", sock.StatesOf(sock.TimeWait), ""},
		{"--filter=state connected;--exclude=established", sock.Connected &^ sock.StatesOf(sock.Established), ""},
		{"--filter=state connected sport = :80;--filter=state big", sock.Connected &^ sock.Bucket, "sport = :80"},
		{"-p;443", sock.StatesOf(sock.Established), "sport = :443"},
		{"-p;443;--local-port;80", sock.StatesOf(sock.Established), "sport = :443 or sport = :80"},
		{"--peer-port;5432;--peer;10.0.0.7", sock.StatesOf(sock.Established), "dport = :5432 and dst 10.0.0.7"},
		{"--protocol;udp", sock.AllStates, ""},
		{"--user;0", sock.StatesOf(sock.Established), "uid = 0"},
	}
	for _, tt := range tests {
		got, complaint := ask(strings.FieldsFunc(tt.words, func(r rune) bool { return r == ';' })...)
		if complaint != "" || got == nil {
			t.Errorf("%s: %s", tt.words, complaint)
			continue
		}
		text := ""
		if got.Filter != nil {
			text = got.Filter.String()
		}
		if got.Tables[0].States != tt.states || text != tt.filter {
			t.Errorf("%s: %v, %q, want %v, %q", tt.words, got.Tables[0].States, text, tt.states, tt.filter)
		}
	}
}

func TestContradictions(t *testing.T) {
	for words, want := range map[string]string{
		"-4;--peer;2001:db8::1":                  "--peer 2001:db8::1 contradicts --ipv4",
		"-6;--local;10.0.0.0/8":                  "--local 10.0.0.0/8 contradicts --ipv6",
		"--protocol;unix;-p;80":                  "--port contradicts --protocol unix",
		"--protocol;tcp,unix;--peer-port;80":     "contradicts --protocol unix",
		"--protocol;packet;--peer;10.0.0.1":      "contradict --protocol packet",
		"--protocol;unix;-6":                     "--ipv6 contradicts --protocol unix",
		"--state;established;-f;state time-wait": "contradict each other",
		"-f;state listening;-f;state time-wait":  "contradict each other",
		"--exclude;all":                          "leave no state",
		"--source;snmp":                          "use auto, netlink or proc",
		"--user;nobody at all":                   "unknown user",
		"--interface;nosuch0":                    "no network interface",
		"-f;sport":                               "column",
	} {
		if _, got := ask(strings.Split(words, ";")...); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
}
