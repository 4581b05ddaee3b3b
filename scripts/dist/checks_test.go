package dist

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A check is one that every monitoring system runs in a house.
type check struct {
	name, plugin string
	args         string // quoted as for a shell; place fills in the house's files
	code         int
}

var checks = []check{
	{"total", "connections", "--port 443 --warning 2 --critical 100", 1},
	{"states", "connections", "--port 80,443,8443 --by state --warning close_wait=0 --critical close_wait=10", 1},
	{"ports", "connections", "--port 80,443 --by port --warning p80=1: --warning p443=~:50 --critical @10:20", 0},
	{"greedy", "connections", "--port 443 --by peer --warning largest=1 --critical largest=5", 1},
	{"networks", "connections", "--port 443 --by network --prefix4 32 --critical 4", 2},
	{"filtered", "connections", "--filter '( sport = :443 or sport = :80 ) and src 127.0.0.0/8' --ipv4 --critical 10:", 2},
	{"long", "connections", "--port 9000 --by peer --top 400 --warning largest=5", 0},
	{"wide", "connections", "--port PORTS --by port --critical p10160=1:", 2},
	{"mistaken", "connections", "--by nothing", 3},

	{"viewers", "clients", "--port 443 --min-age 1s --state-dir STATE --warning 2 --critical connections=100", 1},
	{"networks", "clients", "--port 8443 --min-age 500ms --by network --state-dir STATE --critical largest=1", 2},
	{"settled", "clients", "--port 443,8443 --min-age 500ms --peer 127.0.0.0/8 --state-dir STATE --warning oldest=86400 --critical undecided=0", 0},
	{"idle", "clients", "--port 7 --min-age 0 --critical 1:", 2},
	{"long", "clients", "--port 9000 --min-age 100ms --state-dir STATE --top 100 --warning 399", 1},
	{"mistaken", "clients", "--min-age 1s", 3},

	{"queues", "listeners", "--port 80,443,8443 --warning 50 --critical 90", 0},
	{"baseline", "listeners", "--port 9,80,443,8443 --baseline BASELINE --warning 1", 2},
	{"required", "listeners", "--port 80,443 --require tcp/443 --unexpected ok", 0},
	{"drops", "listeners", "--port 80,443 --warning drops_rate=0 --state-dir STATE", 0},
	{"long", "listeners", "--port 443,10001-10400 --baseline BASELINE-long --missing warning", 1},
	{"mistaken", "listeners", "--baseline /nonexistent/baseline", 3},

	{"fill", "conntrack", "--warning used=5 --critical 90", 1},
	{"rates", "conntrack", "--warning insert_failed_rate=1 --critical drop_rate=0 --state-dir STATE", 0},
	{"protocols", "conntrack", "--by protocol --critical tcp=5", 2},
	{"states", "conntrack", "--protocol tcp --by state --warning established=1:", 0},
	{"greedy", "conntrack", "--dport 443 --by src --top 2 --warning largest=1", 1},
	{"long", "conntrack", "--dport 9000 --by src --top 400", 0},
	{"mistaken", "conntrack", "--state nonsense", 3},

	{"port", "opens", "COUNTERS --port 443 --period 1h --warning 3 --critical rate=1000", 1},
	{"greedy", "opens", "COUNTERS --port 443 --period 1h --state-dir STATE --top 2 --critical largest=1", 2},
	{"all", "opens", "COUNTERS --port 80,443,8443 --warning rate=1000 --critical lost=0", 0},
	{"long", "opens", "COUNTERS --port 9000 --period 1h --top 400", 0},
	{"mistaken", "opens", "COUNTERS --port 70000", 3},
}

func (c check) String() string { return c.plugin + "-" + c.name }

// checksHere are the checks of the plugins that are tested.
func checksHere(t *testing.T) (here []check) {
	t.Helper()
	for _, c := range checks {
		if slices.Contains(testhost.Plugins(t), c.plugin) {
			here = append(here, c)
		}
	}
	return here
}

// line is the check as a command line for a shell.
func (h *house) line(c check) string {
	return h.usr + "/lib/nagios/plugins/check_" + c.plugin + " " + h.place(c.args)
}

var shellWord = regexp.MustCompile(`'[^']*'|\S+`)

// variables are the options of a check as Icinga's variables.
func (h *house) variables(c check) string {
	var text strings.Builder
	words := shellWord.FindAllString(h.place(c.args), -1)
	values := map[string][]string{}
	var names []string
	for i, word := range words {
		if !strings.HasPrefix(word, "--") {
			continue
		}
		name := strings.ReplaceAll(strings.TrimPrefix(word, "--"), "-", "_")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if i+1 < len(words) && !strings.HasPrefix(words[i+1], "--") {
			values[name] = append(values[name], strconv.Quote(strings.Trim(words[i+1], "'")))
		}
	}
	for _, name := range names {
		value := "true"
		switch given := values[name]; {
		case len(given) == 1:
			value = given[0]
		case len(given) > 1:
			value = "[ " + strings.Join(given, ", ") + " ]"
		}
		fmt.Fprintf(&text, "\tvars.%s_%s = %s\n", c.plugin, name, value)
	}
	return text.String()
}

// directly runs all checks by a shell, as NRPE and Nagios do, and each must end
// as the table of checks says.
func (h *house) directly(all []check) map[string]testhost.Result {
	h.t.Helper()
	results := map[string]testhost.Result{}
	for _, c := range all {
		got := direct(h.t, h.ns, h.line(c))
		if got.Code != c.code || got.Stderr != "" || !strings.HasPrefix(got.Stdout, strings.ToUpper(c.plugin)+" ") || c.code != 3 && mistaken(got.Stdout) {
			h.t.Errorf("%s: want exit %d: %s", h.line(c), c.code, got)
		}
		results[c.String()] = got
	}
	return results
}

// direct runs a command line as Nagios' user by a shell, as NRPE does.
func direct(t *testing.T, ns *testhost.Netns, line string) testhost.Result {
	t.Helper()
	return testhost.Run(t, testhost.Command{Path: "/bin/sh", Args: []string{"-c", line}, User: testhost.NagiosUser(t), Netns: ns})
}

// mistaken reports whether a check complains about how it was called.
func mistaken(output string) bool {
	return regexp.MustCompile(`unknown option|unexpected word|is not a|not an option|needs a value|use one of|no metric|internal error`).MatchString(output)
}

// passing are numbers of what else runs on the machine, and times in words: they
// come and go.
var passing = regexp.MustCompile(`\d+( processes may not be looked into)|( oldest| in| over the last) \d[0-9.hms]*`)

var number = regexp.MustCompile(`-?\d+(\.\d+)?`)

// between says how a text that a system shows differs from two direct runs, one
// before and one after the system's: all else is equal, and a number that time
// changes lies between theirs.
func between(before, got, after string) (wrong []string) {
	texts := []string{before, got, after}
	for i, text := range texts {
		texts[i] = passing.ReplaceAllString(text, "$1$2")
	}
	var numbers [3][]string
	for i, text := range texts {
		numbers[i] = number.FindAllString(text, -1)
		texts[i] = number.ReplaceAllString(text, "N")
	}
	if texts[1] != texts[0] && texts[1] != texts[2] {
		return []string{fmt.Sprintf("%d bytes, directly %d and then %d: got %q, directly %q and then %q", len(got), len(before), len(after), got, before, after)}
	}
	if texts[0] != texts[2] {
		return nil // it says it in other words after some time
	}
	for i, text := range numbers[1] {
		low, value, high := float(numbers[0][i]), float(text), float(numbers[2][i])
		if value < min(low, high) || value > max(low, high) {
			wrong = append(wrong, fmt.Sprintf("got %s, directly %s and then %s, as number %d in %q", text, numbers[0][i], numbers[2][i], i+1, got))
		}
	}
	return wrong
}

func float(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // the expression finds numbers only
	}
	return value
}

// output is what a check printed, taken apart as Nagios does it.
type output struct {
	words, perfdata, long string
}

func takeApart(stdout string) (o output) {
	line, long, _ := strings.Cut(strings.TrimSuffix(stdout, "\n"), "\n")
	words, perfdata, _ := strings.Cut(line, "|")
	return output{words: strings.TrimSpace(words), perfdata: strings.TrimSpace(perfdata), long: long}
}

// Of each plugin the systems show every state.
func TestChecksHaveAllStates(t *testing.T) {
	for _, name := range testhost.Plugins(t) {
		for code := range 4 {
			if !slices.ContainsFunc(checks, func(c check) bool { return c.plugin == name && c.code == code }) {
				t.Errorf("no check of %s ends with %d", name, code)
			}
		}
	}
}

func TestBetween(t *testing.T) {
	for _, test := range []struct {
		before, got, after string
		want               int
	}{
		{"a 1 b 5", "a 1 b 5", "a 1 b 5", 0},
		{"a 1 b 5.5", "a 1 b 4", "a 1 b 3", 0},
		{"a 1", "a 2", "a 1", 1},
		{"a 1 b 2", "a 0 b 3", "a 1 b 2", 2},
		{"a 1", "b 1", "a 1", 1},
	} {
		if wrong := between(test.before, test.got, test.after); len(wrong) != test.want {
			t.Errorf("between(%q, %q, %q) = %q", test.before, test.got, test.after, wrong)
		}
	}
}
