package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// TestCommands runs every command of every README.
func TestCommands(t *testing.T) {
	testhost.NeedRoot(t)
	testhost.Build(t)
	for _, path := range readmes(t) {
		name := strings.TrimPrefix(strings.Replace(path, "../dist", "scripts/dist", 1), "../../")
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			d := readDocument(t, path)
			if len(d.entries) < 5 {
				t.Fatalf("only %d entries were found", len(d.entries))
			}
			h := newHost(t)
			h.populate()
			h.prepare(filepath.Base(filepath.Dir(path)))
			for _, e := range d.entries {
				h.before(name, e)
				if problem := h.try(e); problem != "" {
					t.Errorf("%s:%d: %s\n%s", name, e.line, e.text, problem)
				}
			}
			h.keeps(d)
		})
	}
}

func readmes(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../../plugins/*/README.md")
	if err != nil || len(paths) != len(names) {
		t.Fatalf("%q: %v", paths, err)
	}
	return append(paths, "../../README.md", "../dist/README.md")
}

// prepare switches on what the documents take for granted.
func (h *host) prepare(plugin string) {
	h.t.Helper()
	h.plugin = plugin
	h.must("opens on >/dev/null && opens record")
	h.t.Cleanup(func() { h.run("opens off", false) })
	h.container = strconv.Itoa(h.pid)
	h.must("mkdir -p /etc/sockcensus && sockcensus-listeners baseline write /etc/sockcensus/listeners >/dev/null 2>&1")
	h.must("chown nagios " + h.work)
}

// try does with an entry what its kind asks for, and returns what is wrong.
func (h *host) try(e entry) string {
	switch e.kind {
	case command:
		return h.tryCommand(e)
	case nrpe:
		return h.tryCommand(entry{text: regexp.MustCompile(`^command\[\w+\]=`).ReplaceAllString(e.text, ""), user: true})
	case munin:
		return h.tryMunin(e.text)
	case sudoers:
		return h.trySudoers(e.text)
	case options:
		return h.tryOptions(e.text)
	case expects:
		return h.tryBaseline(e.text)
	case link:
		_, problem := h.tryLink(e.text, missingRight)
		return problem
	case prose:
		return ""
	}
	return "the test does not know what this is: a command that it has to run, or a listed exception"
}

var (
	mistakes = regexp.MustCompile(`unknown option|unexpected word|unknown command|not an option|needs a value|internal error|goroutine \d+ \[`)
	isCheck  = regexp.MustCompile(`(^|/|\s)check_(connections|clients|listeners|conntrack|opens)\b`)
	isPerson = regexp.MustCompile(`^(bin/|sockcensus-|/usr/lib/sockcensus/)?(connections|clients|listeners|conntrack|opens)\b`)
)

func (h *host) tryCommand(e entry) string {
	line, why := h.runnable(e.text)
	if dir, ok := strings.CutPrefix(line, "cd "); ok {
		h.work = dir
	}
	got := h.run(line, e.user)
	if !e.user && strings.Contains(got.Stderr, "1 process may not be looked into") {
		got = h.run(line, e.user) // one that ended at that very moment; the population is restless
	}
	h.t.Logf("%s\n%.1500s%s", line, got.Stdout, got.Stderr)
	if problem := judge(e, line, why, got); problem != "" {
		return fmt.Sprintf("%s\nrun as %s: %s", problem, line, got)
	}
	if len(e.shown) > 0 && why == "" || strings.HasPrefix(line, "timeout") && len(e.shown) > 0 {
		if differs := shapeDiffers(e.shown, got.Stdout+got.Stderr); differs != nil {
			return fmt.Sprintf("what is shown has another shape: %s\n%s", strings.Join(differs, "; "), got)
		}
	}
	return ""
}

// judge holds exit code and output against what a command may do.
func judge(e entry, line, why string, got testhost.Result) string {
	output := got.Stdout + got.Stderr
	unknownShown := len(e.shown) > 0 && strings.Contains(e.shown[0], " UNKNOWN - ")
	switch check, person := isCheck.MatchString(line), isPerson.MatchString(line); {
	case mistakes.MatchString(output):
		return "it complains about how it was called"
	case check && unknownShown && got.Code != 3:
		return "it is not UNKNOWN"
	case check && !unknownShown && (got.Code < 0 || got.Code > 2) && !strings.Contains(line, "|"):
		return "the exit code is not 0, 1 or 2"
	case check && !strings.Contains(line, "|") && !statusLine.MatchString(strings.SplitN(got.Stdout, "\n", 2)[0]):
		return "the first line is not a check's"
	case check && got.Stderr != "" && !strings.Contains(line, "|"):
		return "a check says something on stderr"
	case person && got.Code != 0 && got.Code != 1:
		return "the exit code is not 0 or 1"
	case !check && !person && got.Code != 0:
		return "it fails"
	case (check || person) && strings.TrimSpace(output) == "" && !strings.Contains(line, " >"):
		return "it prints nothing"
	}
	return ""
}

// Complaints that have nothing to do with how a graph is set up.
var (
	missingRight = regexp.MustCompile(`CAP_NET_ADMIN|: collecting: `)
	firstRun     = regexp.MustCompile(`: collecting: `)
)

// tryLink links a plugin as the documents do and has munin-run show the graph.
func (h *host) tryLink(name string, allowed *regexp.Regexp) (config, problem string) {
	place := "/etc/munin/plugins/" + name
	if h.run("ls "+place, false).Code != 0 { // where nobody has linked it before
		h.must("ln -s /usr/share/munin/plugins/" + strings.SplitN(name, "_", 2)[0] + "_ " + place)
		defer h.must("rm " + place)
	}
	for _, word := range []string{"config", ""} {
		got := h.run("munin-run "+name+" "+word, false)
		wanted := map[string]string{"config": "graph_title ", "": ".value "}[word]
		complaint := regexp.MustCompile(`(?m)^# sockcensus: .*$`).FindString(got.Stdout)
		if got.Code != 0 || !strings.Contains(got.Stdout, wanted) || complaint != "" && !allowed.MatchString(complaint) {
			return "", fmt.Sprintf("munin-run %s %s: %s", name, word, got)
		}
		if word == "config" {
			config = got.Stdout
		}
	}
	return config, ""
}

// tryMunin puts a file into plugin-conf.d; each section has to make a graph.
func (h *host) tryMunin(text string) string {
	file := filepath.Join("/etc/munin/plugin-conf.d", "sockcensus")
	h.must("cat >" + file + " <<'END'\n" + text + "\nEND")
	defer h.must("rm " + file)
	options, config := "", ""
	for line := range strings.Lines(text) {
		if section := regexp.MustCompile(`^\[(\w+)(\*?)\]`).FindStringSubmatch(line); section != nil {
			name := section[1]
			if section[2] != "" {
				name += map[string]string{"connections_": "443", "clients_": "8443", "listeners_": "count", "conntrack_": "protocols", "opens_": "peers_4711"}[section[1]]
			}
			var problem string
			if config, problem = h.tryLink(name, firstRun); problem != "" {
				return problem
			}
			options = h.help(strings.SplitN(name, "_", 2)[0])
		}
		// munin-run passes any variable, so that a typing error would go unnoticed.
		variable := regexp.MustCompile(`^env\.(\w+) `).FindStringSubmatch(line)
		if variable == nil {
			continue
		}
		if isLimit(variable[1]) {
			field, limit := "", variable[1]
			if i := strings.LastIndexByte(limit, '_'); i >= 0 {
				field, limit = limit[:i], limit[i+1:]
			}
			if !strings.Contains(config, field+"."+limit+" ") {
				return "env." + variable[1] + " does not show in config:\n" + config
			}
			continue
		}
		if !strings.Contains(options, "--"+strings.ReplaceAll(variable[1], "_", "-")) {
			return "env." + variable[1] + " is no option"
		}
	}
	return ""
}

// trySudoers has sudo read a line, and runs by sudo what the line allows.
func (h *host) trySudoers(line string) string {
	h.must("cat >/etc/sudoers.d/sockcensus <<'END'\n" + line + "\nEND\nchmod 440 /etc/sudoers.d/sockcensus && visudo -cq")
	_, allowed, _ := strings.Cut(line, " NOPASSWD: ")
	return h.tryCommand(entry{text: "sudo -n " + strings.ReplaceAll(allowed, `\=`, "="), user: true})
}

// tryOptions runs each option of a line; of one without value it looks for the name.
func (h *host) tryOptions(line string) string {
	plugin := h.plugin
	for _, field := range regexp.MustCompile(`\s{2,}`).Split(line, -1) {
		if !strings.HasPrefix(field, "-") {
			break // the meaning
		}
		field = strings.ReplaceAll(field, "EXPRESSION", "sport = :443")
		if words := strings.Fields(field); len(words) == 1 && len(field) > 2 {
			if !strings.Contains(h.help(plugin), field) {
				return field + " is no option"
			}
			continue
		}
		problem := h.tryCommand(entry{text: plugin + " count " + field})
		if problem != "" && !strings.Contains(problem, "no cgroup matches") { // not every host has it
			return problem
		}
	}
	return ""
}

// tryBaseline takes one line of a file for listeners.
func (h *host) tryBaseline(line string) string {
	h.must("cat >line.txt <<'END'\n" + line + "\nEND")
	got := h.run("check_listeners --baseline line.txt", false)
	if got.Code < 0 || got.Code > 2 || !strings.Contains(got.Stdout, "missing=") {
		return got.String()
	}
	return ""
}

// keeps holds what the words of a document claim against the host: options,
// variables, files and other documents.
func (h *host) keeps(d *document) {
	h.t.Helper()
	help := ""
	for _, name := range names {
		if h.plugin == name || !slices.Contains(names, h.plugin) {
			help += h.help(name)
		}
	}
	text := readText(h.t, d.path)
	has := func(option string) bool { return regexp.MustCompile(regexp.QuoteMeta(option) + `\b`).MatchString(help) }
	for _, option := range d.options {
		if !has(option) && !strings.Contains(text, "munin-node-configure "+option) {
			h.t.Errorf("%s: %s is no option", d.path, option)
		}
	}
	for _, name := range d.variables {
		if !isLimit(name) && !has("--"+strings.ReplaceAll(name, "_", "-")) {
			h.t.Errorf("%s: env.%s is no option", d.path, name)
		}
	}
	for _, file := range d.files {
		if h.run("ls -d "+file, false).Code != 0 {
			h.t.Errorf("%s: there is no %s", d.path, file)
		}
	}
	for _, link := range d.links {
		if _, err := os.Stat(filepath.Join(filepath.Dir(d.path), link)); err != nil {
			h.t.Errorf("%s: %v", d.path, err)
		}
	}
}

// isLimit reports whether a variable is a threshold, which no option lists.
func isLimit(variable string) bool {
	return regexp.MustCompile(`(^|_)(warning|critical)$`).MatchString(variable)
}

// help is everything that a plugin says about its options.
func (h *host) help(plugin string) string {
	h.t.Helper()
	general := h.must(plugin + " --help")
	all := general + h.must("check_"+plugin+" --help || true")
	for _, match := range regexp.MustCompile(`(?m)^  `+plugin+` ([a-z]+)  `).FindAllStringSubmatch(general, -1) {
		all += h.run(plugin+" "+match[1]+" --help", false).Stdout
	}
	return all
}

// before does what has happened, in a document, since the last command.
func (h *host) before(document string, e entry) {
	for _, event := range events[document] {
		if strings.Contains(e.text, event.command) && (event.shows == "" || len(e.shown) > 0 && strings.Contains(e.shown[0], event.shows)) {
			event.happens(h)
		}
	}
}
