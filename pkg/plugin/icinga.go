//go:build !shipped

package plugin

import (
	"bytes"
	"fmt"
	"strings"
)

// icingaCommand is the check's CheckCommand for Icinga 2, in the style of its
// template library. Icinga keeps the values of an array apart by repeating the
// option, and sorts options by name: both mean the same to us.
func (p *Plugin) icingaCommand() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "/* check_%s: %s. Printed by \"%[1]s documentation icinga\". */\n", p.Name, p.Summary)
	fmt.Fprintf(&b, "object CheckCommand %s {\n\tcommand = [ PluginContribDir + %s ]\n\n\targuments = {\n", quoted(p.Name), quoted("/check_"+p.Name))
	for _, o := range optionDocs(p.New()) {
		if o.asks() {
			continue
		}
		use := "value"
		if o.value == "" {
			use = "set_if"
		}
		fmt.Fprintf(&b, "\t\t\"--%s\" = {\n\t\t\t%s = \"$%s$\"\n\t\t\tdescription = %s\n", o.long, use, p.variable(&o), quoted(o.explained()))
		if o.repeats && o.value != "" {
			b.WriteString("\t\t\trepeat_key = true\n")
		}
		b.WriteString("\t\t}\n")
	}
	b.WriteString("\t}\n}\n")
	return b.Bytes()
}

// variable is the name of an option's custom variable.
func (p *Plugin) variable(o *optionDoc) string {
	return strings.ReplaceAll(p.Name+"_"+o.long, "-", "_")
}

// explained is the option's value and description in one sentence.
func (d *optionDoc) explained() string {
	if d.value == "" {
		return d.text
	}
	return d.value + ": " + d.text
}

// quoted is a string in Icinga's language, and in JSON: of both we need no
// more than the escapes they share.
func quoted(text string) string {
	return `"` + replaced(text, `\`, `\\`, `"`, `\"`, "\n", `\n`) + `"`
}
