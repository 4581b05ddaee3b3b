package dist

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// icingaConfig is what an administrator would have: our commands, read from
// where they were installed.
func icingaConfig(t *testing.T, usr string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range testhost.Plugins(t) {
		command := read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/commands", name+".conf"))
		text.WriteString(strings.ReplaceAll(command, "PluginContribDir", fmt.Sprintf("%q", filepath.Join(usr, "lib/nagios/plugins"))))
		everyOptionIn(t, name, "the CheckCommand", command, func(long string) string { return "\t\t\"--" + long + "\" = {" })
	}
	return text.String()
}

// icingaHost is a host that wants all services of the example.
const icingaHost = `
object Host "web1" {
	check_command = "dummy"
	vars.connections_ports["443"] = { warning = 3, critical = 800 }
	vars.sockcensus = true
}
`

// The example is valid beside the commands, and each service that it applies to a
// host gives what its command line gives directly. The API's own connections are
// more where all are counted.
func TestIcingaServices(t *testing.T) {
	h := newHouse(t)
	services := read(t, filepath.Join(h.usr, "share/doc/sockcensus/icinga/services.conf"))
	config := icingaConfig(t, h.usr) + strings.ReplaceAll(services, "check_interval = 1m", "check_interval = 2s") + icingaHost
	options := testhost.IcingaOptions{Config: config, Netns: h.ns}
	if r := testhost.ValidateIcinga(t, options); r.Code != 0 || !strings.Contains(r.Stdout, "Instantiated 4 Services") {
		t.Errorf("icinga2 daemon -C: %s", r)
	}
	icinga := testhost.NewIcinga(t, options)
	for service, want := range map[string]string{
		"connections-443": "CONNECTIONS WARNING - 5 established to port 443 (above 3)",
		"close-wait":      "CONNECTIONS OK - ",
		"accept-queues":   "LISTENERS OK - ",
		"conntrack":       "CONNTRACK OK - 409 of ",
	} {
		got := icinga.Service("web1!" + service)
		directly := testhost.Run(t, testhost.Command{Path: got.Command[0], Args: got.Command[1:], User: testhost.NagiosUser(t), Netns: h.ns})
		if got.State != directly.Code || !strings.HasPrefix(got.Output, want) || masked(takeApart(got.Output).words) != masked(takeApart(directly.Stdout).words) {
			t.Errorf("%s: Icinga has %+v, want %q, directly %s", service, got, want, directly)
		}
	}
}

// Icinga passes every option on when its variable is set.
func TestIcingaReachesEveryOption(t *testing.T) {
	usr, ns := install(t), testhost.NewNetns(t)
	config := icingaConfig(t, usr)
	for _, name := range testhost.Plugins(t) {
		config += fmt.Sprintf("object Service \"%[1]s-all\" {\n\timport \"test-service\"\n\tcheck_command = %[1]q\n", name)
		for _, match := range regexp.MustCompile(`= "\$(\w+)\$"`).FindAllStringSubmatch(read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/commands", name+".conf")), -1) {
			config += fmt.Sprintf("\tvars.%s = true\n", match[1])
		}
		config += "}\n"
	}
	icinga := testhost.NewIcinga(t, testhost.IcingaOptions{Config: config, Netns: ns})
	for _, name := range testhost.Plugins(t) {
		all := icinga.Service(name + "-all")
		for _, long := range helpOptions(t, name) {
			if !slices.Contains(all.Command, "--"+long) {
				t.Errorf("%s: --%s is not passed on: %q", name, long, all.Command)
			}
		}
	}
}

// Every check of the table runs by the CheckCommands that are shipped, its
// options being variables; Icinga's API gives the result of a direct run, and
// each item of the performance data as Icinga understands it.
func TestIcinga(t *testing.T) {
	h, all := newHouse(t), checksHere(t)
	config := icingaConfig(t, h.usr)
	for _, c := range all {
		config += fmt.Sprintf("object Service %q {\n\timport \"test-service\"\n\tcheck_command = %q\n%s}\n", c, c.plugin, h.variables(c))
	}
	h.directly(all) // what is remembered between runs begins
	before := h.directly(all)
	icinga := testhost.NewIcinga(t, testhost.IcingaOptions{Config: config, Netns: h.ns})
	got := map[string]testhost.IcingaService{}
	for _, c := range all {
		got[c.String()] = icinga.Service(c.String())
	}
	after := h.directly(all)
	for _, c := range all {
		icingaShows(t, c, got[c.String()], before[c.String()], after[c.String()])
	}
}

func icingaShows(t *testing.T, c check, got testhost.IcingaService, before, after testhost.Result) {
	t.Helper()
	first, then := takeApart(before.Stdout), takeApart(after.Stdout)
	if got.State != before.Code {
		t.Errorf("%s: state %d, directly %d", c, got.State, before.Code)
	}
	said := takeApart(got.Output)
	var raw []string
	for _, item := range got.Perfdata {
		raw = append(raw, item.Raw)
		if diff := cmp.Diff(readPerfdata(t, item.Raw), item); diff != "" {
			t.Errorf("%s: Icinga reads %s otherwise (-meant +read):\n%s", c, item.Raw, diff)
		}
	}
	for _, part := range []struct{ name, first, got, then string }{
		{"the words", first.words, said.words, then.words},
		{"the performance data", first.perfdata, strings.Join(raw, " "), then.perfdata},
		{"the long text", first.long, said.long, then.long},
	} {
		for _, wrong := range between(part.first, part.got, part.then) {
			t.Errorf("%s: %s: %s", c, part.name, wrong)
		}
	}
}

var perfdataItem = regexp.MustCompile(`^([a-z][a-z0-9_]*)=(-?\d+(?:\.\d+)?)(c|s|%|B|);([^;]*);([^;]*);([^;]*);([^;]*)$`)

// readPerfdata reads an item by the guideline. Of thresholds Icinga keeps plain
// numbers alone, and it takes unit c and forgets it.
func readPerfdata(t *testing.T, raw string) testhost.IcingaPerfdata {
	t.Helper()
	match := perfdataItem.FindStringSubmatch(raw)
	if match == nil {
		t.Errorf("performance data %q is not as the guideline has it", raw)
		return testhost.IcingaPerfdata{}
	}
	bound := func(text string) *float64 {
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			return &value
		}
		return nil
	}
	return testhost.IcingaPerfdata{
		Raw: raw, Label: match[1], Value: float(match[2]),
		Unit: map[string]string{"s": "seconds", "%": "percent", "B": "bytes"}[match[3]],
		Warn: bound(match[4]), Crit: bound(match[5]), Min: bound(match[6]), Max: bound(match[7]),
	}
}
