package plugin

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

const metricsSummary = "the check's metrics in the Prometheus text format"

// writeHelp prints how to call one personality or command, without the options
// that it shares with another one and does not take.
func (p *Plugin) writeHelp(w io.Writer, name, usage, summary string, options any, hidden ...string) {
	parser := newParser(name, options)
	parser.Usage = usage
	for _, long := range hidden {
		if option := parser.FindOptionByLongName(long); option != nil {
			option.Hidden = true
		}
	}
	fmt.Fprintf(w, "%s - %s\n\n", name, summary)
	parser.WriteHelp(w)
	var b bytes.Buffer
	if binary, command, ok := strings.Cut(name, " "); ok {
		p.writeExamples(&b, binary, p.Name+" "+command)
	} else {
		p.writeExamples(&b, name, name)
	}
	w.Write(b.Bytes())
}

// writeExamples prints the examples that begin with certain words, as they read
// for those who call the binary by a name.
func (p *Plugin) writeExamples(b *bytes.Buffer, name, words string) {
	heading := "\nExamples:\n"
	for _, e := range p.Examples {
		if words == "" || strings.HasPrefix(e.Command+" ", words+" ") {
			fmt.Fprintf(b, "%s  %s\n      %s\n", heading, p.exampleFor(name, e), e.Text)
			heading = ""
		}
	}
}

// overview is the help of the binary as a whole, called by this name.
func (p *Plugin) overview(name string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s - %s\n\n%s\n\nCommands:\n", name, p.Summary, p.Description)
	var commands [][2]string
	for _, c := range p.Commands {
		commands = append(commands, [2]string{name + " " + join(c.Name, c.Operand), c.Summary})
	}
	writeColumns(&b, append(commands,
		[2]string{name + " metrics", metricsSummary},
		[2]string{name + " check", "the Nagios check, as check_" + p.Name},
		[2]string{name + " munin SUFFIX [config]", "the Munin plugin, as " + p.Name + "_SUFFIX"}))
	if len(p.Graphs) > 0 {
		b.WriteString("\nMunin graphs:\n")
		var graphs [][2]string
		for _, g := range p.Graphs {
			graphs = append(graphs, [2]string{p.Name + "_" + g.Suffix, g.Text})
		}
		writeColumns(&b, graphs)
	}
	p.writeExamples(&b, name, "")
	fmt.Fprintf(&b, "\n%s COMMAND --help lists a command's options.\n", name)
	return b.Bytes()
}

// writeColumns prints what can be called and what it does.
func writeColumns(b *bytes.Buffer, rows [][2]string) {
	width := 30
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	for _, row := range rows {
		fmt.Fprintf(b, "  %-*s %s\n", width, row[0], row[1])
	}
}

// exampleFor is the command line of an example for those who call the binary by
// a name.
func (p *Plugin) exampleFor(name string, e Example) string {
	if rest, ok := strings.CutPrefix(e.Command, p.Name+" "); ok {
		return name + " " + rest
	}
	return e.Command
}

func join(name, operand string) string {
	if operand == "" {
		return name
	}
	return name + " " + operand
}

func (p *Plugin) commandHelp(name string, c *Command) []byte {
	var b bytes.Buffer
	p.writeHelp(&b, name+" "+c.Name, join("[OPTIONS]", c.Operand), c.Summary, c.New())
	return b.Bytes()
}

// checkOnly are the long names of the options that the check takes and metrics
// does not.
func checkOnly() []string { return []string{"warning", "critical"} }

func (p *Plugin) metricsHelp(name string) []byte {
	var b bytes.Buffer
	p.writeHelp(&b, name, "[OPTIONS]", metricsSummary, p.New(), checkOnly()...)
	return b.Bytes()
}
