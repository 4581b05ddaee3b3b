package testhost

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// IcingaOptions are the checks of an Icinga fixture. Config is Icinga's own
// language and may define CheckCommands, Services and more; host "test" and
// template "test-service" exist, as do the ITL's commands.
type IcingaOptions struct {
	Checks map[string][]string // service name to its command line
	Config string
	Netns  *Netns
}

// Icinga is a real Icinga 2 with its API, running checks as user nagios.
type Icinga struct {
	daemon
	dir      string
	password string
}

// IcingaService is the result of a check.
type IcingaService struct {
	State    int
	Output   string // everything before the bar
	Perfdata []IcingaPerfdata
	Command  []string // as executed
}

// IcingaPerfdata is one item of performance data as Icinga parses it. Thresholds,
// minimum and maximum are nil when they are not there or Icinga drops them.
type IcingaPerfdata struct {
	Raw   string   `json:"-"` // as Icinga split it off
	Label string   `json:"label"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Warn  *float64 `json:"warn"`
	Crit  *float64 `json:"crit"`
	Min   *float64 `json:"min"`
	Max   *float64 `json:"max"`
}

// ValidateIcinga has the real `icinga2 daemon -C` judge a configuration like
// [NewIcinga]'s and returns what it says; exit 0 is valid.
func ValidateIcinga(t testing.TB, o IcingaOptions) Result {
	t.Helper()
	return newIcinga(t, o).run("-C")
}

// NewIcinga starts Icinga 2 and waits for its API. A configuration that is not
// valid fails the test.
func NewIcinga(t testing.TB, o IcingaOptions) *Icinga {
	t.Helper()
	i := newIcinga(t, o)
	if r := i.run("-C"); r.Code != 0 {
		t.Fatalf("icinga2 does not accept the configuration: %s", r)
	}
	i.launch("icinga2", i.command(), i.Log)
	return i
}

func newIcinga(t testing.TB, o IcingaOptions) *Icinga {
	t.Helper()
	NeedRoot(t)
	Need(t, "icinga2")
	user := NagiosUser(t)
	i := &Icinga{daemon: daemon{t: t, ns: o.Netns, Port: o.Netns.freePort(t)}, dir: Dir(t), password: "test-only"}
	for _, sub := range []string{"data", "data/certs", "log", "cache", "spool", "run"} {
		ownedDir(t, user, filepath.Join(i.dir, sub))
	}
	writeCertificate(t, filepath.Join(i.dir, "data", "certs"), icingaNode)
	config := fmt.Sprintf(icingaConfig, icingaNode, i.Port, i.password)
	writeFile(t, filepath.Join(i.dir, "icinga2.conf"), config+icingaChecks(o.Checks)+o.Config)
	return i
}

func (i *Icinga) command(args ...string) Command {
	i.t.Helper()
	args = append([]string{"daemon", "-c", filepath.Join(i.dir, "icinga2.conf")}, args...)
	for name, sub := range map[string]string{
		"ConfigDir": "conf", "DataDir": "data", "LogDir": "log", "CacheDir": "cache", "SpoolDir": "spool", "InitRunDir": "run",
	} {
		args = append(args, "-D", "Configuration."+name+"="+filepath.Join(i.dir, sub))
	}
	return Command{Path: Need(i.t, "icinga2"), Args: args, User: NagiosUser(i.t), Netns: i.ns}
}

func (i *Icinga) run(args ...string) Result {
	i.t.Helper()
	return Run(i.t, i.command(args...))
}

// Log is what Icinga has logged so far.
func (i *Icinga) Log() string { return readLog(filepath.Join(i.dir, "log", "icinga2.log")) }

// Service waits until a service of host "test", or HOST!SERVICE, has been checked
// and returns the result as the API shows it, each item of performance data parsed
// by Icinga.
func (i *Icinga) Service(name string) IcingaService {
	i.t.Helper()
	if !strings.Contains(name, "!") {
		name = "test!" + name
	}
	var answer icingaObjects
	i.proc.waitFor(i.t, "the check of "+name, readyLimit, i.Log, func() bool {
		answer = icingaObjects{}
		i.get("/v1/objects/services/"+name+"?attrs=last_check_result", &answer)
		return len(answer.Results) == 1 && answer.Results[0].Attrs.Result != nil
	})
	result := answer.Results[0].Attrs.Result
	return IcingaService{State: int(result.State), Output: result.Output, Command: result.Command, Perfdata: i.parse(result.Perfdata)}
}

// icingaObjects is the API's answer about services.
type icingaObjects struct {
	Results []struct {
		Attrs struct {
			Result *struct {
				State    float64  `json:"state"`
				Output   string   `json:"output"`
				Perfdata []string `json:"performance_data"`
				Command  []string `json:"command"`
			} `json:"last_check_result"`
		} `json:"attrs"`
	} `json:"results"`
}

// parse has Icinga parse items of performance data; one that it does not
// understand fails the test.
func (i *Icinga) parse(raw []string) (items []IcingaPerfdata) {
	i.t.Helper()
	if len(raw) == 0 {
		return nil
	}
	calls := make([]string, len(raw))
	for k, text := range raw {
		literal, err := json.Marshal(text)
		if err != nil {
			i.t.Fatal(err)
		}
		calls[k] = "parse_performance_data(" + string(literal) + ")"
	}
	var answer struct {
		Results []struct {
			Code   float64         `json:"code"`
			Status string          `json:"status"`
			Result json.RawMessage `json:"result"`
		} `json:"results"`
	}
	i.post("/v1/console/execute-script", map[string]any{"command": "[" + strings.Join(calls, ", ") + "]", "sandboxed": false}, &answer)
	if len(answer.Results) != 1 || answer.Results[0].Code != 200 {
		i.t.Fatalf("icinga2 does not understand the performance data %q: %+v", raw, answer)
	}
	if err := json.Unmarshal(answer.Results[0].Result, &items); err != nil || len(items) != len(raw) {
		i.t.Fatalf("icinga2's reading of %q: %v: %s", raw, err, answer.Results[0].Result)
	}
	for k := range items {
		items[k].Raw = raw[k]
	}
	return items
}

func (i *Icinga) get(path string, answer any) {
	i.t.Helper()
	i.call(http.MethodGet, path, nil, answer)
}
func (i *Icinga) post(path string, body, answer any) {
	i.t.Helper()
	i.call(http.MethodPost, path, body, answer)
}

// call asks the API; the certificate is the fixture's own and is not verified.
func (i *Icinga) call(method, path string, body, answer any) {
	i.t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return i.ns.Dial(ctx, "tcp4", i.address())
		},
	}}
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			i.t.Fatal(err)
		}
	}
	request, err := http.NewRequest(method, "https://"+i.address()+path, &payload)
	if err != nil {
		i.t.Fatal(err)
	}
	request.SetBasicAuth("root", i.password)
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		i.t.Fatalf("Icinga's API: %v\n%s", err, i.Log())
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		i.t.Fatalf("Icinga's API: %s %s: %s: %v: %s", method, path, response.Status, err, text)
	}
}

func icingaChecks(checks map[string][]string) string {
	var text strings.Builder
	for name, line := range checks {
		words := make([]string, len(line))
		for k, word := range line {
			// In a command line $ begins a macro; $$ is the character.
			literal, _ := json.Marshal(strings.ReplaceAll(word, "$", "$$"))
			words[k] = string(literal)
		}
		fmt.Fprintf(&text, `
object CheckCommand "test-%[1]s" {
	command = [ %[2]s ]
}
object Service "%[1]s" {
	import "test-service"
	check_command = "test-%[1]s"
}
`, name, strings.Join(words, ", "))
	}
	return text.String()
}

// icingaNode is the name in the certificate.
const icingaNode = "testhost"

const icingaConfig = `
const NodeName = "%[1]s"
const ZoneName = NodeName
const PluginDir = "/usr/lib/nagios/plugins"
const PluginContribDir = "/usr/lib/nagios/plugins"
include <itl>
object Endpoint NodeName {}
object Zone ZoneName { endpoints = [ NodeName ] }
object CheckerComponent "checker" {}
object FileLogger "log" {
	severity = "information"
	path = LogDir + "/icinga2.log"
}
object ApiListener "api" {
	bind_host = "127.0.0.1"
	bind_port = %[2]d
}
object ApiUser "root" {
	password = "%[3]s"
	permissions = [ "*" ]
}
object Host "test" {
	check_command = "dummy"
	address = "127.0.0.1"
}
template Service "test-service" {
	host_name = "test"
	check_interval = 2s
	retry_interval = 2s
	max_check_attempts = 1
}
`
