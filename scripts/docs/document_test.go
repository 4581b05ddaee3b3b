package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What an entry of a document is.
const (
	command = "command"     // a line for a shell
	nrpe    = "nrpe"        // command[name]=line
	munin   = "munin"       // a file of plugin-conf.d
	sudoers = "sudoers"     // a line for /etc/sudoers.d
	options = "options"     // options with their meaning beside them
	expects = "baseline"    // a file for listeners baseline
	link    = "link"        // a name for Munin
	prose   = "prose"       // listed as nothing to run
	unknown = "not a thing" // fails the test
)

// An entry is one thing in a document that somebody may copy.
type entry struct {
	line   int
	kind   string
	text   string
	user   bool     // to be run without privileges: the document has "$ " before it
	shown  []string // what the document says that it prints, nil for nothing
	inline bool     // between words, not in a block of code
}

var names = []string{"connections", "clients", "listeners", "conntrack", "opens"}

// others are the programs beside ours that a document may call.
var others = []string{"make", "ln", "rm", "mv", "cp", "cat", "cd", "install", "go", "ss", "netstat", "systemctl", "setcap", "visudo",
	"munin-run", "munin-node-configure", "apt-get", "apt", "dpkg", "rpm", "sudo", "conntrack", "crontab", "watch", "git", "man", "/etc/init.d/munin-node"}

// isCommand reports whether a line begins with a program that may stand in a document.
func isCommand(line string) bool {
	words := strings.Fields(line)
	for len(words) > 0 && regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) == 0 {
		return false
	}
	word := words[0]
	for _, prefix := range []string{"bin/", "/usr/lib/nagios/plugins/", "/usr/lib/sockcensus/"} {
		word = strings.TrimPrefix(word, prefix)
	}
	return slices.Contains(others, word) || word == "grant-capabilities" || word == "prepare-host" || isOurs(word)
}

// isOurs reports whether a word is a name that one of the plugins is called by.
func isOurs(word string) bool {
	word = strings.TrimPrefix(strings.TrimPrefix(word, "check_"), "sockcensus-")
	return slices.Contains(names, word)
}

// A document is the entries of a README and what its words claim to be there.
type document struct {
	path      string
	entries   []entry
	options   []string // --port
	variables []string // env.port, without env.
	files     []string // of an installed host
	links     []string // to other files of the checkout
}

func readDocument(t *testing.T, path string) *document {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parseDocument(path, string(text))
}

var (
	span       = regexp.MustCompile("`([^`]+)`")
	longOption = regexp.MustCompile("`(--[a-z][a-z0-9-]*)[^`]*`")
	variable   = regexp.MustCompile("`env\\.([a-z][a-z0-9_]*)[^`]*`")
	file       = regexp.MustCompile("`(/usr/[^` ]*)[^`]*`")
	reference  = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	muninLink  = regexp.MustCompile(`^(connections|clients|listeners|conntrack|opens)_[a-z0-9_]+$`)
	// Placeholders and elisions cannot be run.
	placeholder = regexp.MustCompile(`\.\.\.|(^|[^A-Z])(NAME|WORD|PORT|FILE|DIR|GROUP|PID|ADDR|DURATION|RANGE|EXPR|UID|HOST)([^A-Z]|$)`)
)

func parseDocument(path, text string) *document {
	d := &document{path: path}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		switch {
		case strings.HasPrefix(lines[i], "```"):
			end := i + 1
			for end < len(lines) && !strings.HasPrefix(lines[end], "```") {
				end++
			}
			d.block(i+2, lines[i+1:end])
			i = end
		case strings.HasPrefix(lines[i], "    ") && (i == 0 || lines[i-1] == ""):
			var block []string
			start := i
			for ; i < len(lines) && (lines[i] == "" || strings.HasPrefix(lines[i], "    ")); i++ {
				block = append(block, strings.TrimPrefix(lines[i], "    "))
			}
			i--
			d.block(start+1, block)
		default:
			d.words(i+1, lines[i])
		}
	}
	return d
}

// words finds what can be copied from a line outside the blocks of code.
func (d *document) words(number int, line string) {
	for pattern, list := range map[*regexp.Regexp]*[]string{longOption: &d.options, variable: &d.variables, file: &d.files, reference: &d.links} {
		for _, match := range pattern.FindAllStringSubmatch(line, -1) {
			if !placeholder.MatchString(match[1]) {
				*list = append(*list, match[1])
			}
		}
	}
	table := strings.HasPrefix(line, "|")
	for _, match := range span.FindAllStringSubmatch(line, -1) {
		text := strings.ReplaceAll(match[1], `\|`, "|")
		alone := strings.Contains(line, "| `"+text+"` |")
		switch many := strings.Contains(text, " "); {
		case placeholder.MatchString(text):
		case muninLink.MatchString(text) && table:
			d.add(entry{line: number, kind: link, text: text, inline: true})
		case isCommand(text) && (many || alone && strings.HasPrefix(text, "check_")):
			d.add(entry{line: number, kind: command, text: text, inline: true})
		}
	}
}

func (d *document) add(e entry) { d.entries = append(d.entries, e) }

// prompt splits a line of a session into the prompt's meaning and the command.
func prompt(line string) (text string, user, ok bool) {
	if text, ok = strings.CutPrefix(line, "$ "); ok {
		return text, true, true
	}
	text, ok = strings.CutPrefix(line, "# ")
	return text, false, ok && isCommand(text)
}

// block takes a block of code apart; an empty line ends what is shown.
func (d *document) block(start int, lines []string) {
	for i := 0; i < len(lines); i++ {
		begin := i
		for i < len(lines) && lines[i] != "" {
			i++
		}
		d.paragraph(start+begin, lines[begin:i])
	}
}

func (d *document) paragraph(start int, lines []string) {
	if slices.ContainsFunc(lines, func(line string) bool { _, _, ok := prompt(line); return ok }) {
		d.session(start, lines)
		return
	}
	for i := 0; i < len(lines); i++ {
		e := entry{line: start + i, text: lines[i]}
		switch line := lines[i]; {
		case strings.HasPrefix(line, "#"):
			continue
		case isCommand(line):
			e.kind = command
			for strings.HasSuffix(e.text, `\`) && i+1 < len(lines) {
				i++
				e.text += "\n" + lines[i]
			}
		case strings.HasPrefix(line, "command["):
			e.kind = nrpe
		case strings.HasPrefix(line, "["):
			e.kind = munin
			for i+1 < len(lines) && !isCommand(lines[i+1]) && regexp.MustCompile(`^(\[|env\.|user |group |#)`).MatchString(lines[i+1]) {
				i++
				e.text += "\n" + lines[i]
			}
		case strings.Contains(line, " NOPASSWD: "):
			e.kind = sudoers
		case strings.HasPrefix(line, "-"):
			e.kind = options
		case strings.HasPrefix(line, "tcp ") || strings.HasPrefix(line, "udp "):
			e.kind = expects
		case muninLink.MatchString(strings.Fields(line)[0]):
			e.kind, e.text = link, strings.Fields(line)[0]
		case isProse(line):
			e.kind = prose
		default:
			e.kind = unknown
		}
		d.add(e)
	}
}

// session takes apart what happened at a terminal.
func (d *document) session(start int, lines []string) {
	for i, line := range lines {
		if text, user, ok := prompt(line); ok {
			d.add(entry{line: start + i, kind: command, text: text, user: user})
			continue
		}
		switch last := len(d.entries) - 1; {
		case last < 0 || d.entries[last].line < start:
			d.add(entry{line: start + i, kind: unknown, text: line})
		case strings.HasSuffix(d.entries[last].text, `\`) && d.entries[last].shown == nil:
			d.entries[last].text += "\n" + line
		case line != "^C":
			d.entries[last].shown = append(d.entries[last].shown, line)
		}
	}
}

// The test of the test: nothing that could be copied is passed over.
func TestNothingIsPassedOver(t *testing.T) {
	d := parseDocument("x.md", `# Title

    $ connections list -p 443
    NETID  STATE
    tcp    established

    # opens on
    frobnicate --all

    command[y]=check_opens

Words with `+"`--netns PID`"+`.

    frobnicate --all
    make install    # into the host
    check_connections \
        -p 443
    [connections_443]
    env.warning 5
    command[x]=check_connections

| a | `+"`check_connections -p 80 \\| wc`, `connections_80`, `ss ... \\| wc -l`"+` |

`+"```"+`
reboot
`+"```"+`
`)
	want := []entry{
		{line: 3, kind: command, text: "connections list -p 443", user: true, shown: []string{"NETID  STATE", "tcp    established"}},
		{line: 7, kind: command, text: "opens on", shown: []string{"frobnicate --all"}},
		{line: 10, kind: nrpe, text: "command[y]=check_opens"},
		{line: 14, kind: unknown, text: "frobnicate --all"},
		{line: 15, kind: command, text: "make install    # into the host"},
		{line: 16, kind: command, text: "check_connections \\\n    -p 443"},
		{line: 18, kind: munin, text: "[connections_443]\nenv.warning 5"},
		{line: 20, kind: nrpe, text: "command[x]=check_connections"},
		{line: 22, kind: command, text: "check_connections -p 80 | wc", inline: true},
		{line: 22, kind: link, text: "connections_80", inline: true},
		{line: 25, kind: unknown, text: "reboot"},
	}
	same := func(a, b entry) bool {
		return a.line == b.line && a.kind == b.kind && a.text == b.text && a.user == b.user && a.inline == b.inline && slices.Equal(a.shown, b.shown)
	}
	if !slices.EqualFunc(d.entries, want, same) || !slices.Equal(d.options, []string{"--netns"}) {
		t.Errorf("entries %+v\noptions %q", d.entries, d.options)
	}
}
