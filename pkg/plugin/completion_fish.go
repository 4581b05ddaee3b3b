//go:build !shipped

package plugin

import (
	"bytes"
	"fmt"
	"strings"
)

// fishCompletion is a file for share/fish/vendor_completions.d.
func (p *Plugin) fishCompletion() []byte {
	var b bytes.Buffer
	commands := p.completionDocs()
	b.WriteString(replaced(fishWords, "@ID@", p.identifier(), "@NAME@", p.Name))
	program, check := "sockcensus-"+p.Name, "check_"+p.Name
	fmt.Fprintf(&b, "\ncomplete -c %s -f\n", check)
	for i := range commands[0].options {
		p.fishOption(&b, check, "", &commands[0].options[i])
	}
	fmt.Fprintf(&b, "\ncomplete -c %s -f\n", program)
	for _, c := range firstWords(commands) {
		fmt.Fprintf(&b, "complete -c %s -n '__%s_is 1' -a %s -d %s\n", program, p.identifier(), c.name, fishQuoted(c.summary))
	}
	fmt.Fprintf(&b, "complete -c %s -n '__%s_is 2 munin' -a '(%[1]s munin suggest 2>/dev/null) autoconf suggest'\n", program, p.identifier())
	fmt.Fprintf(&b, "complete -c %s -n '__%s_is 3 munin' -a 'config fetch'\n", program, p.identifier())
	for i := range commands {
		p.fishCommand(&b, program, &commands[i])
	}
	return b.Bytes()
}

func (p *Plugin) fishCommand(b *bytes.Buffer, program string, c *commandDoc) {
	if first, second, two := strings.Cut(c.name, " "); two {
		fmt.Fprintf(b, "complete -c %s -n '__%s_is 2 %s' -a %s -d %s\n", program, p.identifier(), first, second, fishQuoted(c.summary))
	}
	condition := fmt.Sprintf(" -n '__%s_is 0 %s'", p.identifier(), c.name)
	for i := range c.options {
		p.fishOption(b, program, condition, &c.options[i])
	}
	if c.operand != "" {
		fmt.Fprintf(b, "complete -c %s%s -F\n", program, condition)
	}
}

func (p *Plugin) fishOption(b *bytes.Buffer, program, condition string, o *optionDoc) {
	fmt.Fprintf(b, "complete -c %s%s", program, condition)
	if o.short != "" {
		fmt.Fprintf(b, " -s %s", o.short)
	}
	fmt.Fprintf(b, " -l %s -d %s", o.long, fishQuoted(o.text))
	if o.value != "" {
		b.WriteString(p.fishValue(o))
	}
	b.WriteString("\n")
}

func (p *Plugin) fishValue(o *optionDoc) string {
	words := ""
	switch o.kind() {
	case wordValue:
		words = "printf '%s\\n' " + strings.Join(o.values(), " ")
	case fileValue, dirValue:
		return " -r -F"
	case anyValue:
		return " -x"
	case userValue:
		words = "__fish_complete_users"
	case interfaceValue:
		words = "__fish_print_interfaces"
	default:
		words = "__" + p.identifier() + "_" + string(o.kind())
	}
	if o.repeats {
		words = "__fish_complete_list , " + fishQuoted(words)
	}
	more := " -x -a "
	if o.kind() == netnsValue {
		more = " -r -F -a "
	}
	return more + fishQuoted("("+words+")")
}

func fishQuoted(text string) string {
	return "'" + replaced(text, `\`, `\\`, "'", `\'`) + "'"
}

const fishWords = `# fish completion for sockcensus-@NAME@ and check_@NAME@, printed by
# "@NAME@ documentation fish".

function __@ID@_is -d 'whether the command is this one, and the cursor on the word (0: on any behind it)'
    set -l words (commandline -opc)
    set -l at (count $words)
    set -l number $argv[1]
    set -e argv[1]
    set -e words[1]
    if test $number -gt 0
        test $at -eq $number; or return 1
    else
        test $at -gt (count $argv); or return 1
    end
    for i in (seq (count $argv))
        test "$words[$i]" = "$argv[$i]"; or return 1
    end
end

function __@ID@_ports
    sockcensus-@NAME@ munin suggest 2>/dev/null | string match -r '^[0-9]+$'
    test -r /etc/services; and string match -r '^[a-z0-9][^\s#]*' </etc/services
end

function __@ID@_namespaces
    for name in /run/netns/*
        string replace -r '.*/' '' $name
    end
end

function __@ID@_processes
    cat /proc/[0-9]*/comm 2>/dev/null | sort -u
end
`
