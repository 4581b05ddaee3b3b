package plugin

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/jessevdk/go-flags"
)

// Documentation is made from the same descriptions as --help, so that no text
// is written twice. The command is for the build ("NAME documentation man")
// and is not listed.

// documentation prints the manual page or the Munin documentation.
func (p *Plugin) documentation(w io.Writer, words []string) error {
	if len(words) == 1 {
		switch words[0] {
		case "man":
			return writeOnce(w, p.manual())
		case "pod":
			return writeOnce(w, p.pod())
		}
	}
	return Usagef("documentation takes one word: man or pod")
}

// manual is the manual page in section 1: go-flags writes the options, the
// rest is ours.
func (p *Plugin) manual() []byte {
	parser := flags.NewNamedParser("sockcensus-"+p.Name, flags.None)
	parser.ShortDescription = p.Summary
	parser.LongDescription = p.Description
	add := func(name, summary string, options any) {
		if _, err := parser.AddCommand(name, summary, "", options); err != nil {
			panic(fmt.Sprintf("options of %s %s: %v", p.Name, name, err)) // a mistake in our own struct tags
		}
	}
	add("check", "the Nagios check, also called check_"+p.Name, p.New())
	for _, c := range p.Commands {
		add(join(c.Name, c.Operand), c.Summary, c.New())
	}
	var b bytes.Buffer
	parser.WriteManPage(&b)
	if len(p.Graphs) > 0 {
		b.WriteString(".SH MUNIN GRAPHS\n")
		for _, g := range p.Graphs {
			fmt.Fprintf(&b, ".TP\n\\fB%s_%s\\fP\n%s\n", roff(p.Name), roff(g.Suffix), roff(g.Text))
		}
	}
	b.WriteString(".SH EXAMPLES\n")
	for _, e := range p.Examples {
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fP\n%s\n", roff(e.Command), roff(e.Text))
	}
	b.WriteString(manualEnd)
	return b.Bytes()
}

const manualEnd = `.SH EXIT STATUS
A check ends with 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN), a Munin
plugin with 0. Other commands end with 0 when done, 1 when they found a
difference or a thing that is off, 2 after an error.
.SH ENVIRONMENT
PROC_ROOT and SYS_ROOT stand for /proc and /sys. NO_COLOR switches colour off.
Under Munin, options are read from env lines of plugin-conf.d: the long name
with _ for -.
.SH SEE ALSO
ss(8), munin-node(1), https://www.monitoring-plugins.org/doc/guidelines.html
`

// roff escapes what the formatter would take for its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\\`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// pod is the documentation that munindoc shows, in the sections that Munin
// asks for.
func (p *Plugin) pod() []byte {
	var b bytes.Buffer
	head := func(title string) { fmt.Fprintf(&b, "=head1 %s\n\n", title) }
	head("NAME")
	fmt.Fprintf(&b, "%s_ - Munin plugin: %s\n\n", p.Name, p.Summary)
	head("APPLICABLE SYSTEMS")
	b.WriteString("Linux.\n\n")
	head("DESCRIPTION")
	fmt.Fprintf(&b, "%s\n\n", p.Description)
	head("CONFIGURATION")
	b.WriteString("Link the plugin by the graph that you want:\n\n=over\n\n")
	for _, g := range p.Graphs {
		fmt.Fprintf(&b, "=item %s_%s\n\n%s\n\n", p.Name, g.Suffix, g.Text)
	}
	b.WriteString("=back\n\n")
	fmt.Fprintf(&b, "Options are read from env lines in plugin-conf.d, in a section [%s_*]:\n\n=over\n\n", p.Name)
	p.podOptions(&b)
	b.WriteString("=back\n\n")
	head("EXAMPLES")
	fmt.Fprintf(&b, "  [%s_*]\n  env.timeout 5s\n\n", p.Name)
	head("LICENSE")
	b.WriteString("Apache License 2.0\n\n=cut\n")
	return b.Bytes()
}

func (p *Plugin) podOptions(w io.Writer) {
	for _, group := range newParser(p.Name, p.New()).Groups() {
		eachOption(group, func(o *flags.Option) {
			switch {
			case o.Hidden, o.LongName == "help", o.LongName == "version":
			default:
				fmt.Fprintf(w, "=item env.%s %s\n\n%s\n\n", strings.ReplaceAll(o.LongName, "-", "_"), podValue(o), o.Description)
			}
		})
	}
}

func podValue(o *flags.Option) string {
	if isSwitch(o) {
		return "yes"
	}
	return strings.ReplaceAll(o.ValueName, "|", "E<verbar>")
}

func eachOption(group *flags.Group, yield func(*flags.Option)) {
	for _, o := range group.Options() {
		yield(o)
	}
	for _, g := range group.Groups() {
		eachOption(g, yield)
	}
}
