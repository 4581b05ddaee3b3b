package dist

import (
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
	return slices.ContainsFunc(testhost.Plugins(t), func(name string) bool { return strings.Contains(line, "check_"+name) })
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
		if !slices.Contains(testhost.Plugins(t), plugin) {
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
		if !slices.Contains(testhost.Plugins(t), strings.SplitN(link, "_", 2)[0]) {
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
			if plugin := strings.SplitN(section[1], "_", 2)[0]; slices.Contains(testhost.Plugins(t), plugin) {
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
