package plugin

import (
	"bytes"
	"fmt"
	"io"
)

// writeHelp prints how to call one personality or command.
func (p *Plugin) writeHelp(w io.Writer, name, usage, summary string, options any) {
	parser := newParser(name, options)
	parser.Usage = usage
	fmt.Fprintf(w, "%s - %s\n\n", name, summary)
	parser.WriteHelp(w)
}

// overview is the help of the binary as a whole.
func (p *Plugin) overview() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s - %s\n\n%s\n\nCommands:\n", p.Name, p.Summary, p.Description)
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "  %-30s %s\n", p.Name+" "+join(c.Name, c.Operand), c.Summary)
	}
	fmt.Fprintf(&b, "  %-30s %s\n", p.Name+" metrics", metricsSummary)
	fmt.Fprintf(&b, "  %-30s %s\n", p.Name+" check", "the Nagios check, as check_"+p.Name)
	fmt.Fprintf(&b, "  %-30s %s\n", p.Name+" munin SUFFIX [config]", "the Munin plugin, as "+p.Name+"_SUFFIX")
	if len(p.Graphs) > 0 {
		b.WriteString("\nMunin graphs:\n")
		for _, g := range p.Graphs {
			fmt.Fprintf(&b, "  %-30s %s\n", p.Name+"_"+g.Suffix, g.Text)
		}
	}
	if len(p.Examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range p.Examples {
			fmt.Fprintf(&b, "  %s\n      %s\n", e.Command, e.Text)
		}
	}
	fmt.Fprintf(&b, "\n%s COMMAND --help lists a command's options.\n", p.Name)
	return b.Bytes()
}

func join(name, operand string) string {
	if operand == "" {
		return name
	}
	return name + " " + operand
}

func (p *Plugin) commandHelp(c *Command) []byte {
	var b bytes.Buffer
	p.writeHelp(&b, p.Name+" "+c.Name, join("[OPTIONS]", c.Operand), c.Summary, c.New())
	return b.Bytes()
}

func (p *Plugin) metricsHelp() []byte {
	var b bytes.Buffer
	p.writeHelp(&b, p.Name+" metrics", "[OPTIONS]", metricsSummary, p.New())
	return b.Bytes()
}
