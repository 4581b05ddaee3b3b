package dist

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

const debianPlugins = "/usr/lib/nagios/plugins"

// example reads an installed example with the place of the plugins in it.
func example(t *testing.T, usr, name string) string {
	t.Helper()
	return strings.ReplaceAll(read(t, filepath.Join(usr, "share/doc/sockcensus", name)),
		debianPlugins+"/check_", filepath.Join(usr, "lib/nagios/plugins")+"/check_")
}

// ours reports whether a line calls a check that is there to be tested.
func ours(t *testing.T, line string) bool {
	t.Helper()
	return slices.ContainsFunc(plugins(t), func(name string) bool { return strings.Contains(line, "check_"+name) })
}

// mistaken reports whether a check complains about how it was called.
func mistaken(output string) bool {
	return regexp.MustCompile(`unknown option|unexpected word|is not a|not an option|needs a value|use one of|no metric|internal error`).MatchString(output)
}

// direct runs a command line as Nagios' user by a shell, as NRPE does.
func direct(t *testing.T, ns *testhost.Netns, line string) testhost.Result {
	t.Helper()
	return testhost.Run(t, testhost.Command{Path: "/bin/sh", Args: []string{"-c", line}, User: testhost.NagiosUser(t), Netns: ns})
}

var nrpeLine = regexp.MustCompile(`(?m)^#?command\[(\w+)\]=(.*)$`)

// Every line of the example gives by check_nrpe what it gives directly.
func TestNRPE(t *testing.T) {
	ns := testhost.NewNetns(t)
	text := example(t, install(t), "nrpe/sockcensus.cfg")
	daemon := testhost.NewNRPE(t, testhost.NRPEOptions{Netns: ns, Extra: text})
	talk(t, ns)
	lines := nrpeLine.FindAllStringSubmatch(text, -1)
	if len(lines) < 12 {
		t.Fatalf("only %d command lines in the example", len(lines))
	}
	for _, match := range lines {
		name, line := match[1], match[2]
		commented := strings.HasPrefix(match[0], "#")
		if !ours(t, line) || strings.HasPrefix(line, "sudo") {
			continue
		}
		line = strings.NewReplacer("'$ARG1$'", "443", "'$ARG2$'", "10", "'$ARG3$'", "20", "--filter 443", "--filter 'sport = :443'").Replace(line)
		want := direct(t, ns, line)
		if mistaken(want.Stdout) || want.Stderr != "" || !strings.HasPrefix(want.Stdout, strings.ToUpper(checkName(line))+" ") {
			t.Errorf("%s: %s", line, want)
		}
		if commented {
			continue
		}
		got := daemon.Check(name)
		if got.Code != want.Code || masked(got.Stdout) != masked(want.Stdout) {
			t.Errorf("%s: by check_nrpe %s\ndirectly %s", name, got, want)
		}
	}
}

// checkName is NAME of the first check_NAME in a line.
func checkName(line string) string {
	return regexp.MustCompile(`check_(\w+)`).FindStringSubmatch(line)[1]
}

// masked is an output without what time changes: ages and rates.
func masked(output string) string {
	return regexp.MustCompile(`\d+(\.\d+)?`).ReplaceAllString(output, "N")
}

// The file is one of sudo's, and each of its lines is one that the plugin takes.
func TestSudoers(t *testing.T) {
	usr := install(t)
	visudo := testhost.Need(t, "visudo")
	file := filepath.Join(usr, "share/doc/sockcensus/sudo/sockcensus")
	if out, err := exec.Command(visudo, "-cf", file).CombinedOutput(); err != nil {
		t.Errorf("visudo: %v %s", err, out)
	}
	lines := regexp.MustCompile(`(?m)^\t(/\S+/check_.*?)(, \\)?$`).FindAllStringSubmatch(example(t, usr, "sudo/sockcensus"), -1)
	if len(lines) < 3 {
		t.Fatalf("only %d command lines in the example", len(lines))
	}
	for _, match := range lines {
		line := strings.ReplaceAll(match[1], `\=`, "=")
		if got := direct(t, testhost.NewNetns(t), line); ours(t, line) && mistaken(got.Stdout) {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// Nagios takes the example as it is, and runs every service in it.
func TestNagios(t *testing.T) {
	ns := testhost.NewNetns(t)
	text := example(t, install(t), "nagios/commands.cfg")
	services := regexp.MustCompile(`(?s)define service \{.*?\n\tname (\S+)\n.*?service_description ([^\n]+)\n\tcheck_command check_(\w+)!([^\n]*)`).FindAllStringSubmatch(text, -1)
	if len(services) < 5 {
		t.Fatalf("only %d services in the example", len(services))
	}
	objects := text
	for _, s := range services {
		objects += fmt.Sprintf("\ndefine service {\n\tuse %s,test-service\n}\n", s[1])
	}
	nagios := testhost.NewNagios(t, testhost.NagiosOptions{Netns: ns, Objects: objects})
	talk(t, ns)
	for _, s := range services {
		description, check, args := s[2], s[3], s[4]
		if !ours(t, "check_"+check) {
			continue
		}
		got := nagios.Service(description)
		if mistaken(got.Output) || !strings.HasPrefix(got.Output, strings.ToUpper(check)+" ") {
			t.Errorf("%s: %+v", description, got)
		}
		line := regexp.MustCompile(`\S+/check_`+check+` `).FindString(text) + args
		if want := direct(t, ns, line); want.Code != got.State {
			t.Errorf("%s: state %d, directly %s", description, got.State, want)
		}
	}
}

// icingaConfig is what an administrator would have: our commands, read from
// where they were installed.
func icingaConfig(t *testing.T, usr string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range plugins(t) {
		command := read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/commands", name+".conf"))
		text.WriteString(strings.ReplaceAll(command, "PluginContribDir", fmt.Sprintf("%q", filepath.Join(usr, "lib/nagios/plugins"))))
		everyOptionIn(t, name, "the CheckCommand", command, func(long string) string { return "\t\t\"--" + long + "\" = {" })
	}
	return text.String()
}

func TestIcingaServices(t *testing.T) {
	usr := install(t)
	config := icingaConfig(t, usr) + read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/services.conf")) + `
object Host "web1" {
	check_command = "dummy"
	vars.connections_ports["443"] = { warning = 500, critical = 800 }
	vars.sockcensus = true
}
`
	if r := testhost.ValidateIcinga(t, testhost.IcingaOptions{Config: config}); r.Code != 0 || !strings.Contains(r.Stdout, "Instantiated 4 Services") {
		t.Errorf("icinga2 daemon -C: %s", r)
	}
}

// Icinga passes every option on when its variable is set, and a check that is
// run with ordinary ones gives what it gives directly.
func TestIcingaReachesEveryOption(t *testing.T) {
	usr, ns := install(t), testhost.NewNetns(t)
	config := icingaConfig(t, usr)
	for _, name := range plugins(t) {
		config += fmt.Sprintf("object Service \"%[1]s-all\" {\n\timport \"test-service\"\n\tcheck_command = %[1]q\n", name)
		for _, match := range regexp.MustCompile(`= "\$(\w+)\$"`).FindAllStringSubmatch(read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/commands", name+".conf")), -1) {
			config += fmt.Sprintf("\tvars.%s = true\n", match[1])
		}
		config += fmt.Sprintf("}\nobject Service \"%[1]s-plain\" {\n\timport \"test-service\"\n\tcheck_command = %[1]q\n\tvars.%[1]s_port = [ \"7443\", \"80\" ]\n\tvars.%[1]s_timeout = \"5s\"\n}\n", name)
	}
	icinga := testhost.NewIcinga(t, testhost.IcingaOptions{Config: config, Netns: ns})
	talk(t, ns)
	for _, name := range plugins(t) {
		all := icinga.Service(name + "-all")
		for _, long := range helpOptions(t, name) {
			if !slices.Contains(all.Command, "--"+long) {
				t.Errorf("%s: --%s is not passed on: %q", name, long, all.Command)
			}
		}
		got := icinga.Service(name + "-plain")
		want := testhost.Run(t, testhost.Command{Path: got.Command[0], Args: got.Command[1:], User: testhost.NagiosUser(t), Netns: ns})
		line, _, _ := strings.Cut(want.Stdout, "\n")
		words, perfdata, _ := strings.Cut(line, "|")
		said, _, _ := strings.Cut(got.Output, "\n")
		if got.State != want.Code || masked(strings.TrimSpace(said)) != masked(strings.TrimSpace(words)) || len(got.Perfdata) != len(strings.Fields(perfdata)) {
			t.Errorf("%s: Icinga has %+v, directly it is %s", name, got, want)
		}
	}
}

// The parts of a basket have to fit together; Director itself cannot be had as
// a package everywhere.
func TestDirectorBaskets(t *testing.T) {
	usr := install(t)
	for _, name := range plugins(t) {
		text := read(t, filepath.Join(usr, "share/doc/sockcensus/icinga/director", name+".json"))
		if !json.Valid([]byte(text)) {
			t.Errorf("%s.json is no JSON", name)
		}
		everyOptionIn(t, name, "Director's basket", text, func(long string) string { return `"--` + long + `": {` })
	}
}

var muninSection = regexp.MustCompile(`(?m)^#?\[(\w+)(\*?)\]$`)

// The example is a comment from end to end; with every section switched on,
// munin-node reads it and no plugin complains about an option.
func TestMuninConfiguration(t *testing.T) {
	ns := testhost.NewNetns(t)
	text := example(t, install(t), "munin/sockcensus")
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns})
	node.Conf(text)
	talk(t, ns)
	on := regexp.MustCompile(`(?m)^#(\[\w+\*?\]$|env\.|user )`).ReplaceAllString(strings.ReplaceAll(text, "/run/netns/blue", ns.Path()), "$1")
	for _, match := range muninSection.FindAllStringSubmatch(on, -1) {
		link, plugin := match[1], strings.SplitN(match[1], "_", 2)[0]
		if match[2] == "*" {
			link += "count"
		}
		if !slices.Contains(plugins(t), plugin) {
			continue
		}
		node.Link(link, testhost.Binary(t, plugin))
		for _, command := range []string{"config", ""} {
			if r := node.Run(link, command); r.Code != 0 || r.Stderr != "" {
				t.Errorf("munin-run %s %s with comments only: %s", link, command, r)
			}
		}
	}
	node.Conf(on)
	knownVariables(t, on)
	for _, match := range muninSection.FindAllStringSubmatch(on, -1) {
		link := match[1] + strings.ReplaceAll(match[2], "*", "count")
		if !slices.Contains(plugins(t), strings.SplitN(link, "_", 2)[0]) {
			continue
		}
		for _, command := range []string{"config", ""} {
			r := node.Run(link, command)
			complaint := regexp.MustCompile(`(?m)^# sockcensus: .*`).FindString(r.Stdout)
			if r.Code != 0 || r.Stderr != "" || complaint != "" && !strings.HasPrefix(link, "opens") {
				t.Errorf("munin-run %s %s with its section: %s", link, command, r)
			}
		}
	}
}

// knownVariables holds the env lines against the options: in an environment a
// plugin cannot tell a mistake from what is not for it.
func knownVariables(t *testing.T, text string) {
	t.Helper()
	var options []string
	for line := range strings.Lines(text) {
		if section := muninSection.FindStringSubmatch(strings.TrimSpace(line)); section != nil {
			options = nil
			if plugin := strings.SplitN(section[1], "_", 2)[0]; slices.Contains(plugins(t), plugin) {
				options = helpOptions(t, plugin)
			}
		}
		name, ok := strings.CutPrefix(line, "env.")
		name, _, _ = strings.Cut(name, " ")
		limit := strings.HasSuffix(name, "_warning") || strings.HasSuffix(name, "_critical")
		if ok && options != nil && !limit && !slices.Contains(options, strings.ReplaceAll(name, "_", "-")) {
			t.Errorf("env.%s is no option", name)
		}
	}
}
