package selection_test

import (
	"bytes"
	"context"
	"slices"
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
		"-4;--peer;2001:db8::1":                                "--peer 2001:db8::1 contradicts --ipv4",
		"-6;--local;10.0.0.0/8":                                "--local 10.0.0.0/8 contradicts --ipv6",
		"--protocol;unix;-p;80":                                "--port contradicts --protocol unix",
		"--protocol;unix;--peer-port;3":                        "--peer-port contradicts --protocol unix: its sockets have no ports",
		"--protocol;unix;-p;1;--peer-port;3":                   "--port and --peer-port contradict --protocol unix: ",
		"--protocol;raw,unix;-p;1":                             "--port contradicts --protocol raw,unix: ",
		"--protocol;packet;--peer;10.0.0.1":                    "--peer contradicts --protocol packet: its sockets have no IP addresses",
		"--protocol;packet;--local;10.0.0.1":                   "--local contradicts --protocol packet: ",
		"--protocol;unix,packet;-4":                            "--ipv4 contradicts --protocol unix,packet: ",
		"--protocol;unix;-6":                                   "--ipv6 contradicts --protocol unix",
		"--state;established;-f;state time-wait":               "contradict each other",
		"-f;state listening;-f;state time-wait":                "contradict each other",
		"--exclude;all":                                        "--exclude all leaves no state",
		"--state;listening;--exclude;listening":                "--state listening and --exclude listening leave no state",
		"--exclude;established,time-wait;-f;state established": "--exclude and the state in --filter contradict each other: no socket in established is left",
		"--source;snmp":                                        "use auto, netlink or proc",
		"--user;nobody at all":                                 "unknown user",
		"--interface;nosuch0":                                  "no network interface",
		"-f;sport":                                             "column",
	} {
		if _, got := ask(strings.Split(words, ";")...); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
}

// Of several protocols, those whose sockets lack what is asked for select nothing.
func TestProtocolsThatCannot(t *testing.T) {
	for words, want := range map[string][]sock.Protocol{
		"--protocol;tcp,unix;--peer-port;80":    {sock.TCP},
		"--protocol;raw,tcp;-p;80":              {sock.TCP},
		"--protocol;raw,unix,udp;-p;80;-4":      {sock.UDP},
		"--protocol;unix,raw,tcp;-4":            {sock.Raw, sock.TCP},
		"--protocol;tcp,packet;--peer;::1":      {sock.TCP},
		"--protocol;tcp,unix;-4;-6":             {sock.TCP, sock.Unix},
		"--protocol;unix,packet,tcp;-f;src :80": {sock.Unix, sock.Packet, sock.TCP},
	} {
		got, complaint := ask(strings.Split(words, ";")...)
		if complaint != "" || got == nil {
			t.Errorf("%s: %s", words, complaint)
			continue
		}
		if len(got.Protocols) != strings.Count(words[:strings.Index(words[len("--protocol;"):], ";")+len("--protocol;")], ",")+1 {
			t.Errorf("%s: named are %v", words, got.Protocols)
		}
		var protocols []sock.Protocol
		for _, table := range got.Tables {
			protocols = append(protocols, table.Protocol)
		}
		if !slices.Equal(protocols, want) {
			t.Errorf("%s: %v, want %v", words, protocols, want)
		}
	}
}
