package docs

import (
	"regexp"
	"strings"
	"time"
)

// isProse reports whether a line in a block of code is listed as nothing to run.
func isProse(line string) bool {
	return strings.HasPrefix(line, "argv[0], arguments, environment -> ") // how a plugin works
}

// A harmless form stands for a command that a test cannot run as it is.
type harmless struct {
	command *regexp.Regexp
	form    string // with $1 of the command
	why     string
}

// The first that matches is taken.
var harmlessForms = []harmless{
	{regexp.MustCompile(`^make (test|package|bench|fuzz|build lint test)\b(.*)$`), "make -n $1 $2", "it takes minutes; CI runs it, and the tests of scripts/package do"},
	{regexp.MustCompile(`^((?:[A-Z_]+=\S+ )?)go test (\./\S+) -update$`), "${1}go test $2 -run '^$$' -update", "it would rewrite what is under test"},
	{regexp.MustCompile(`^PICTURES=(\S+) go test (\S+)$`), "go test $2 -list Pictures | grep Pictures", "it draws for minutes"},
	{regexp.MustCompile(`^[A-Z_]+=1 go test (?:-v )?(\S+) -v -run (\S+)$`), "go test $1 -list $2 | grep $2", "it measures for minutes"},
	{regexp.MustCompile(`^[A-Z_]+=1 go test -run (\S+) (?:-v )?(\S+)$`), "go test $2 -list $1 | grep $1", "it measures for minutes"},
	{regexp.MustCompile(`^systemctl (?:restart|enable --now) (.*)$`), unitsExist, "a test has no systemd: its units have to be there"},
	{regexp.MustCompile(`^apt(?:-get)? install (\./)?dist/.*$`), "make -n package", "the tests of scripts/package install the packages"},
	{regexp.MustCompile(`^((?:sockcensus-)?(?:opens watch|conntrack events)(?:.*))$`), "timeout --foreground --preserve-status -s INT 2 $1", "it lasts until ^C"},
	{regexp.MustCompile(`^opens on --size$`), "opens on --size 65536", "it names an option"},
	{regexp.MustCompile(`^(conntrack -E.*)$`), "timeout --foreground --preserve-status -s INT 2 /usr/sbin/$1", "it lasts until ^C"},
	{regexp.MustCompile(`^(conntrack -[A-Z].*)$`), "/usr/sbin/$1", "the one of conntrack-tools"},
}

const unitsExist = `for unit in $1; do
	case $$unit in *.*) ;; *) unit=$$unit.service ;; esac
	ls /lib/systemd/system/$$unit || exit 1
done`

// runnable is a line as it is run, and why it is not run as it stands.
func (h *host) runnable(line string) (text, why string) {
	line = comment.ReplaceAllString(line, "")
	line = regexp.MustCompile(`--netns \d+`).ReplaceAllString(line, "--netns "+h.container)
	for _, f := range harmlessForms {
		if match := f.command.FindStringSubmatchIndex(line); match != nil {
			// Events are shown only where they are: "-summary" ends by itself.
			if strings.Contains(line, "--summary") {
				continue
			}
			return string(f.command.ExpandString(nil, f.form, line, match)), f.why
		}
	}
	return line, ""
}

var comment = regexp.MustCompile(`\s{2,}#.*$`)

// An event is what happens in a document before a command is run again.
type event struct {
	command, shows string
	happens        func(h *host)
}

var events = map[string][]event{
	"README.md": {
		{"cd /var/lib/prometheus", "", func(h *host) { h.must("mkdir -p /var/lib/prometheus/node-exporter") }},
		{"sockcensus-clients list", "", func(h *host) { h.work = h.home }},
		{"baseline write", "CHANGE", func(h *host) { h.must("rm /etc/sockcensus/listeners") }},
		{"check_listeners --baseline", " WARNING ", func(h *host) { h.start("python3", "leak tcp4 0.0.0.0:8080") }},
		{"check_listeners -w 50 -c 90", "CRITICAL", func(h *host) { h.overflow("nginx", "127.0.0.1:444") }},
	},
	"scripts/dist/README.md": {
		{"conntrack_table", "", func(h *host) { h.must("/usr/lib/sockcensus/grant-capabilities off") }},
		{"cp -p /var/lib/munin", "", func(h *host) {
			h.must("mkdir -p /var/lib/munin/example.com && : >/var/lib/munin/example.com/www.example.com-port_443-count-g.rrd")
		}},
	},
	"plugins/clients/README.md": {
		{"--no-wait -w 4", " collecting ", func(h *host) { h.must("rm -rf /var/lib/sockcensus/*/*") }},
		{"--no-wait -w 4", " WARNING ", func(*host) { time.Sleep(6 * time.Second) }},
	},
	"plugins/conntrack/README.md": {
		{"check_conntrack --protocol tcp", "UNKNOWN", func(h *host) { h.must("/usr/lib/sockcensus/grant-capabilities off") }},
	},
	"plugins/listeners/README.md": {
		{"listeners baseline diff", "", func(h *host) {
			h.stop("master")
			h.start("python3", "leak tcp4 0.0.0.0:8080")
		}},
		{"check_listeners -w 50 -c 90", "CRITICAL", func(h *host) { h.overflow("nginx", "127.0.0.1:444") }},
		{"check_listeners --baseline", " OK ", func(h *host) {
			h.stop("nginx")
			h.must("listeners baseline write listeners.txt")
		}},
	},
	"plugins/opens/README.md": {
		{"check_opens -p 4711 -w 5000", "CRITICAL", func(h *host) {
			for range 600 {
				h.dial("tcp", "10.8.0.7", "127.0.0.1:4711").Close()
			}
		}},
	},
}
