//go:build !shipped

package plugin

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestListedWords(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"tcp, udp or packet (default: tcp)", []string{"tcp", "udp", "packet"}},
		{"count by state, peer-port or cgroup", []string{"state", "peer-port", "cgroup"}},
		{"count by src, zone or mark; peer is src", []string{"src", "zone", "mark"}},
		{"tcp, udp, gre or a number", []string{"tcp", "udp", "gre"}},
		{"seen_reply, unreplied or offload; several must all hold", []string{"seen_reply", "unreplied", "offload"}},
		{"local port, service name or range: 443, https", nil},
		{"port, service name or range that opened the flow", nil},
		{"what has to listen: PROTO/PORT (beyond loopback) or PROTO/ADDR:PORT", nil},
		{"address or network of the other side", nil},
		{"say how the answer was found: source, plan, timings; repeatable", nil},
		{"IPv4, IPv6 or both", nil},
		{"", nil},
	}
	for _, tt := range tests {
		if got := listedWords(tt.text); !slices.Equal(got, tt.want) {
			t.Errorf("listedWords(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestClosedSet(t *testing.T) {
	if got := closedSet("auto|netlink|proc", "where from"); len(got) != 3 {
		t.Errorf("of a value name: %q", got)
	}
	if got := closedSet("NAME|PID|PATH", "another namespace"); got != nil {
		t.Errorf("of names for other things: %q", got)
	}
	docs := []optionDoc{{long: "exclude", value: "STATE"}, {long: "state", value: "STATE", closed: "a b"}, {long: "mark", value: "N"}}
	shareValues(docs)
	if docs[0].closed != "a b" || docs[2].closed != "" {
		t.Errorf("shared values: %+v", docs)
	}
}

func TestValueKinds(t *testing.T) {
	tests := map[optionDoc]valueKind{
		{long: "source", closed: "auto netlink proc"}: wordValue,
		{long: "netns", value: "NAME|PID|PATH"}:       netnsValue,
		{long: "port", value: "PORT"}:                 portValue,
		{long: "user", value: "NAME"}:                 userValue,
		{long: "process", value: "NAME"}:              processValue,
		{long: "baseline", value: "FILE"}:             fileValue,
		{long: "state-dir", value: "DIR"}:             dirValue,
		{long: "timeout", value: "DURATION"}:          anyValue,
		{long: "verbose"}:                             anyValue,
	}
	for option, want := range tests {
		if got := option.kind(); got != want {
			t.Errorf("--%s: kind %q, want %q", option.long, got, want)
		}
	}
}

// What a description can hold must not end a string or a line in any language.
func TestDocumentationOfHostileText(t *testing.T) {
	const hostile = "it's \"50%\"; $(x) `y` \\ [a]:b <c> .d"
	p := fakePlugin()
	p.Summary, p.Description = hostile, hostile+"\n\n.SH\n'quoted"
	p.Graphs = []GraphDoc{{Suffix: "PORT", Text: hostile}}
	p.Examples = []Example{{Command: "fake list -f 'a|b'", Text: hostile}}
	p.Commands[0].Summary = hostile
	man := string(p.manual("2023-11-14"))
	for line := range strings.Lines(man) {
		if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".SH\n") {
			t.Errorf("manual page: %q is taken for a request", line)
		}
	}
	if strings.Contains(string(p.pod()), "<c>") {
		t.Error("pod: <c> is taken for formatting")
	}
	if got := string(p.bashCompletion()); strings.Contains(got, hostile) {
		t.Error("bash: text that the shell could run")
	}
	if got := string(p.fishCompletion()); !strings.Contains(got, `'it\'s "50%"; $(x)`) {
		t.Error("fish: text is not quoted")
	}
	if got := string(p.zshCompletion()); !strings.Contains(got, `it'\''s "50%"; $(x)`) {
		t.Error("zsh: text is not quoted")
	}
}

// Nothing offers the metrics command a threshold, which it refuses.
func TestMetricsDocumentsNoLimits(t *testing.T) {
	p := fakePlugin()
	for _, c := range p.commandDocs() {
		limits := slices.ContainsFunc(c.options, func(o optionDoc) bool { return o.long == "warning" || o.long == "critical" })
		if limits != (c.name != "metrics") || len(c.options) == 0 {
			t.Errorf("%s: limits %t among %d options", c.name, limits, len(c.options))
		}
	}
	before, _, found := strings.Cut(string(p.manual("2023-11-14")), `\-\-warning`)
	takers, _, _ := strings.Cut(before[strings.LastIndex(before, ".SS ")+4:], "\n")
	if !found || takers != "check, list, file write" {
		t.Errorf("manual page: --warning is of %s", takers)
	}
}

func TestDirectorBasketIsJSON(t *testing.T) {
	var basket struct {
		Command map[string]struct {
			Arguments map[string]map[string]any
			Fields    []struct {
				DatafieldID int `json:"datafield_id"`
			}
		}
		DataList  map[string]any
		Datafield map[string]struct {
			Varname  string
			Datatype string
			Settings struct{ Datalist string }
		}
	}
	if err := json.Unmarshal(fakePlugin().directorBasket(), &basket); err != nil {
		t.Fatal(err)
	}
	command := basket.Command["fake"]
	if len(command.Arguments) < 5 || len(command.Fields) != len(command.Arguments) || len(basket.Datafield) != len(command.Arguments) {
		t.Errorf("%d arguments, %d fields, %d of them described", len(command.Arguments), len(command.Fields), len(basket.Datafield))
	}
	for id, field := range basket.Datafield {
		if strings.HasSuffix(field.Datatype, "Datalist") && basket.DataList[field.Settings.Datalist] == nil {
			t.Errorf("field %s needs a list %q that is not there", id, field.Settings.Datalist)
		}
	}
}

func TestDocumentDate(t *testing.T) {
	now := func() time.Time { return time.Unix(1800000000, 0) }
	for environ, want := range map[string]string{"SOURCE_DATE_EPOCH=1700000000": "2023-11-14", "SOURCE_DATE_EPOCH=": "2027-01-15", "A=b": "2027-01-15"} {
		if got := documentDate(Env{Environ: []string{environ}, Now: now}); got != want {
			t.Errorf("with %s: %s, want %s", environ, got, want)
		}
	}
}
