//go:build !shipped

package plugin

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// manual is the manual page in section 1, in the man macros that groff and
// mandoc share (man-pages(7), groff_man(7)).
func (p *Plugin) manual(date string) []byte {
	m := &manual{}
	name := p.installed()
	fmt.Fprintf(m, ".TH %s 1 %s \"sockcensus %s\" \"sockcensus\"\n", strings.ToUpper(name), date, roff(Version()))
	m.head("NAME")
	fmt.Fprintf(m, "%s \\- %s\n", name, roff(p.Summary))
	m.head("SYNOPSIS")
	commands := p.commandDocs()
	p.synopsis(m, name, commands)
	m.head("DESCRIPTION")
	m.paragraphs(p.Description)
	m.head("COMMANDS")
	for _, c := range commands {
		m.item(roff(join(c.name, c.operand)), c.summary)
	}
	m.head("OPTIONS")
	m.options(commands)
	if len(p.Graphs) > 0 {
		m.head("MUNIN GRAPHS")
		for _, g := range p.Graphs {
			m.item(roff(p.Name+"_"+g.Suffix), g.Text)
		}
	}
	m.head("EXAMPLES")
	for _, e := range p.Examples {
		m.item(roff(p.exampleFor(name, e)), e.Text)
	}
	m.WriteString(manualEnd)
	return m.Bytes()
}

func (p *Plugin) synopsis(m *manual, name string, commands []commandDoc) {
	call := func(program, rest string) {
		fmt.Fprintf(m, "\\fB%s\\fR %s\n.br\n", roff(program), roff(rest))
	}
	for _, c := range commands[1:] {
		call(name+" "+c.name, join("[options]", c.operand))
	}
	call("check_"+p.Name, "[options]")
	fmt.Fprintf(m, "\\fB%s_\\fISUFFIX\\fR [config|fetch|autoconf|suggest]\n", roff(p.Name))
}

// manual is a manual page in the making.
type manual struct{ bytes.Buffer }

func (m *manual) head(title string) { fmt.Fprintf(m, ".SH %s\n", title) }

// item is a tagged paragraph; the tag is roff already.
func (m *manual) item(tag, text string) {
	fmt.Fprintf(m, ".TP\n\\fB%s\\fR\n%s\n", tag, roff(text))
}

func (m *manual) paragraphs(text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			m.WriteString(".PP\n")
		}
		for line := range strings.Lines(paragraph) {
			m.WriteString(roff(strings.TrimSuffix(line, "\n")) + "\n")
		}
	}
}

// options prints each option once, under the commands that take it.
func (m *manual) options(commands []commandDoc) {
	type section struct {
		takers  []string
		options []optionDoc
	}
	var sections []section
	for _, c := range commands {
		for _, o := range c.options {
			takers := takersOf(commands, o)
			if takers[0] != c.name {
				continue // it was there before
			}
			i := slices.IndexFunc(sections, func(s section) bool { return slices.Equal(s.takers, takers) })
			if i < 0 {
				i, sections = len(sections), append(sections, section{takers: takers})
			}
			sections[i].options = append(sections[i].options, o)
		}
	}
	for _, s := range sections {
		title := strings.Join(s.takers, ", ")
		if len(s.takers) == len(commands) {
			title = "All commands"
		}
		fmt.Fprintf(m, ".SS %s\n", roff(title))
		for _, o := range s.options {
			m.item(o.roff(), o.text)
		}
	}
}

func takersOf(commands []commandDoc, o optionDoc) []string {
	var takers []string
	for _, c := range commands {
		if slices.Contains(c.options, o) {
			takers = append(takers, c.name)
		}
	}
	return takers
}

func (d *optionDoc) roff() string {
	tag := roff("--" + d.long)
	if d.short != "" {
		tag = roff("-"+d.short) + ", " + tag
	}
	if d.value != "" {
		tag += " \\fI" + roff(d.value)
	}
	return tag
}

const manualEnd = `.SH EXIT STATUS
A check ends with 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN), a Munin
plugin with 0.
Other commands end with 0 when done, 1 when they found a difference or a thing
that is off, 2 after an error.
.SH ENVIRONMENT
.TP
\fBPROC_ROOT\fR, \fBSYS_ROOT\fR
stand for /proc and /sys.
.TP
\fBNO_COLOR\fR
switches colour off.
.TP
\fBMUNIN_PLUGSTATE\fR, \fBNAGIOS_PLUGIN_STATE_DIRECTORY\fR, \fBMP_STATE_PATH\fR
where to remember things between runs.
.PP
Under Munin, options are read from env lines of plugin\-conf.d: the long name
with _ for \-.
.SH FILES
.TP
\fI/var/lib/sockcensus/UID\fR
where to remember things between runs, unless another directory is named.
.SH SEE ALSO
.BR ss (8),
.BR munin\-node (1)
.PP
The ranges of thresholds:
https://www.monitoring\-plugins.org/doc/guidelines.html
`

// roff escapes what the formatter would take for its own.
func roff(text string) string {
	text = replaced(text, `\`, `\e`, "-", `\-`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
