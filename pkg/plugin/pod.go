//go:build !shipped

package plugin

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// pod is the documentation that munindoc shows, in the sections that Munin
// asks for (https://guide.munin-monitoring.org/en/latest/develop/plugins/plugin-bcp.html).
func (p *Plugin) pod() []byte {
	var b bytes.Buffer
	head := func(title string) { fmt.Fprintf(&b, "=head1 %s\n\n", title) }
	b.WriteString("=pod\n\n")
	head("NAME")
	fmt.Fprintf(&b, "%s_ - Munin plugin: %s\n\n", p.Name, podText(p.Summary))
	head("APPLICABLE SYSTEMS")
	b.WriteString("Linux.\n\n")
	head("DESCRIPTION")
	fmt.Fprintf(&b, "%s\n\n", podText(p.Description))
	head("CONFIGURATION")
	if len(p.Graphs) > 0 {
		b.WriteString("Link the plugin by the graph that you want:\n\n=over 4\n\n")
		for _, g := range p.Graphs {
			fmt.Fprintf(&b, "=item B<%s_%s>\n\n%s\n\n", p.Name, podText(g.Suffix), podText(g.Text))
		}
		b.WriteString("=back\n\n")
	}
	fmt.Fprintf(&b, "Options are read from env lines in plugin-conf.d, in a section [%s_*]:\n\n=over 4\n\n", p.Name)
	podOptions(&b, optionDocs(p.New()))
	b.WriteString("=back\n\n")
	head("MAGIC MARKERS")
	// Spelled here, the marker would be read as one.
	b.WriteString("The binary carries them for munin-node-configure.\n\n")
	head("EXAMPLES")
	fmt.Fprintf(&b, "  [%s_*]\n  env.timeout 5s\n\n", p.Name)
	head("LICENSE")
	b.WriteString("Apache License 2.0\n\n=cut\n")
	return b.Bytes()
}

func podOptions(w io.Writer, options []optionDoc) {
	for _, o := range options {
		if o.asks() {
			continue
		}
		value := "yes"
		if o.value != "" {
			value = podText(o.value)
		}
		fmt.Fprintf(w, "=item B<env.%s> I<%s>\n\n%s\n\n", strings.ReplaceAll(o.long, "-", "_"), value, podText(o.text))
	}
}

// podText escapes what pod would take for its own.
func podText(text string) string {
	return replaced(text, "<", "E<lt>", ">", "E<gt>", "|", "E<verbar>", "/", "E<sol>")
}
