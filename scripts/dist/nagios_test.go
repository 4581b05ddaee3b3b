package dist

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

var nagiosService = regexp.MustCompile(`(?s)define service \{.*?\n\tname (\S+)\n.*?service_description ([^\n]+)\n\tcheck_command check_(\w+)!([^\n]*)`)

// Nagios takes the example as it is, and runs every service in it, and every
// check of the table by the example's commands. What it keeps, and what it hands
// on as performance data, is what a direct run prints.
func TestNagios(t *testing.T) {
	h := newHouse(t)
	text := h.place(strings.ReplaceAll(example(t, h.usr, "nagios/commands.cfg"), "check_command check_opens!", "check_command check_opens!COUNTERS "))
	all := checksHere(t)
	objects := text
	for _, c := range all {
		objects += fmt.Sprintf("\ndefine service {\n\tuse test-service\n\tservice_description %s\n\tcheck_command check_%s!%s\n}\n", c, c.plugin, nagiosArgument(h.place(c.args)))
	}
	services := nagiosService.FindAllStringSubmatch(text, -1)
	if len(services) < 5 {
		t.Fatalf("only %d services in the example", len(services))
	}
	var shipped []check
	for _, s := range services {
		if ours(t, "check_"+s[3]) {
			objects += fmt.Sprintf("\ndefine service {\n\tuse %s,test-service\n}\n", s[1])
			shipped = append(shipped, check{name: s[2], plugin: s[3], args: s[4]})
		}
	}
	h.directly(all) // what is remembered between runs begins
	before, beforeShipped := h.directly(all), h.asShipped(shipped)
	nagios := testhost.NewNagios(t, testhost.NagiosOptions{Netns: h.ns, Objects: objects})
	got := map[string]testhost.NagiosService{}
	for _, c := range all {
		got[c.String()] = nagios.Service(c.String())
	}
	for _, c := range shipped {
		got[c.String()] = nagios.Service(c.name)
	}
	after, afterShipped := h.directly(all), h.asShipped(shipped)
	for _, c := range all {
		nagiosShows(t, c, got[c.String()], before[c.String()], after[c.String()])
	}
	for _, c := range shipped {
		nagiosShows(t, c, got[c.String()], beforeShipped[c.String()], afterShipped[c.String()])
	}
}

// asShipped runs the example's services by hand.
func (h *house) asShipped(services []check) map[string]testhost.Result {
	h.t.Helper()
	results := map[string]testhost.Result{}
	for _, c := range services {
		got := direct(h.t, h.ns, h.line(c))
		if mistaken(got.Stdout) || got.Stderr != "" || !strings.HasPrefix(got.Stdout, strings.ToUpper(c.plugin)+" ") || strings.Contains(got.Stdout, " UNKNOWN - ") {
			h.t.Errorf("%s: %s", h.line(c), got)
		}
		results[c.String()] = got
	}
	return results
}

// nagiosArgument is a text as an argument of a command in object files.
func nagiosArgument(text string) string {
	return strings.NewReplacer(`\`, `\\`, "$", "$$", "!", `\!`, ";", `\;`).Replace(text)
}

func nagiosShows(t *testing.T, c check, got testhost.NagiosService, before, after testhost.Result) {
	t.Helper()
	first, then := takeApart(before.Stdout), takeApart(after.Stdout)
	if got.State != before.Code {
		t.Errorf("%s: state %d, directly %d", c, got.State, before.Code)
	}
	for _, part := range []struct{ name, first, got, then string }{
		// Nagios writes ":" for ";" in the words.
		{"plugin_output", strings.ReplaceAll(first.words, ";", ":"), got.Output, strings.ReplaceAll(then.words, ";", ":")},
		{"performance_data", first.perfdata, got.PerfData, then.perfdata},
		{"service_perfdata_file", first.perfdata, got.PerfFile, then.perfdata},
		{"long_plugin_output", first.long, strings.TrimSuffix(strings.ReplaceAll(got.LongOutput, `\n`, "\n"), "\n"), then.long},
	} {
		for _, wrong := range between(part.first, part.got, part.then) {
			t.Errorf("%s: %s: %s", c, part.name, wrong)
		}
	}
}
