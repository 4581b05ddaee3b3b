//go:build !shipped

package plugin

import (
	"bytes"
	"fmt"
	"strings"
)

// zshCompletion is a file for share/zsh/site-functions.
func (p *Plugin) zshCompletion() []byte {
	var b bytes.Buffer
	id, commands := p.identifier(), p.completionDocs()
	fmt.Fprintf(&b, "#compdef sockcensus-%s check_%[1]s\n# Printed by \"%[1]s documentation zsh\".\n", p.Name)
	b.WriteString(strings.ReplaceAll(zshWords, "@ID@", id))
	fmt.Fprintf(&b, "\n_%s_first() {\n\tlocal -a commands=(\n", id)
	for _, c := range firstWords(commands) {
		fmt.Fprintf(&b, "\t\t%s\n", singleQuoted(zshColons(c.name)+":"+c.summary))
	}
	b.WriteString("\t)\n\t_describe command commands\n}\n")
	fmt.Fprintf(&b, "\n_%s_command() {\n\tcase $1 in\n", id)
	for _, c := range commands {
		if len(c.options) > 0 {
			p.zshCommand(&b, &c)
		}
	}
	b.WriteString("\tesac\n}\n")
	b.WriteString(replaced(zshEngine, "@ID@", id, "@SECOND@", zshSecond(commands)))
	return b.Bytes()
}

// zshCommand is the case of one command: a call of _arguments.
func (p *Plugin) zshCommand(b *bytes.Buffer, c *commandDoc) {
	fmt.Fprintf(b, "\t%s)\n\t\t_arguments -s", singleQuoted(c.name))
	for i := range c.options {
		fmt.Fprintf(b, " \\\n\t\t\t%s", p.zshOption(&c.options[i]))
	}
	if c.operand != "" {
		fmt.Fprintf(b, " \\\n\t\t\t%s", singleQuoted(":"+c.operand+":_files"))
	}
	b.WriteString("\n\t\t;;\n")
}

// zshOption is one specification for _arguments.
func (p *Plugin) zshOption(o *optionDoc) string {
	explained := "[" + replaced(o.text, "[", `\[`, "]", `\]`) + "]"
	equals := ""
	if o.value != "" {
		equals = "="
		explained += ":" + zshColons(o.value) + ":" + p.zshAction(o)
	}
	before := "(" + strings.Join(o.spellings(), " ") + ")"
	if o.repeats {
		before = "*"
	}
	if o.short == "" {
		return singleQuoted(before + "--" + o.long + equals + explained)
	}
	plus := ""
	if o.value != "" {
		plus = "+"
	}
	return fmt.Sprintf("%s{-%s%s,--%s%s}%s", singleQuoted(before), o.short, plus, o.long, equals, singleQuoted(explained))
}

func (p *Plugin) zshAction(o *optionDoc) string {
	action := ""
	switch o.kind() {
	case wordValue:
		if !o.repeats {
			return "(" + strings.Join(o.values(), " ") + ")"
		}
		return "_sequence compadd - " + strings.Join(o.values(), " ")
	case fileValue:
		return "_files"
	case dirValue:
		return "_directories"
	case userValue:
		action = "_users"
	case anyValue:
		return " "
	default:
		action = "_" + p.identifier() + "_" + string(o.kind())
	}
	if o.repeats {
		return "_sequence " + action
	}
	return action
}

func zshColons(text string) string { return strings.ReplaceAll(text, ":", `\:`) }

// zshSecond are the cases for the second words of commands.
func zshSecond(commands []commandDoc) string {
	var b strings.Builder
	for _, first := range firstWords(commands) {
		second := secondWords(commands, first.name)
		if len(second) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\t%s)\n\t\tif ((CURRENT == 3)); then\n\t\t\tlocal -a commands=(", first.name)
		for _, c := range second {
			fmt.Fprintf(&b, " %s", singleQuoted(zshColons(c.name)+":"+c.summary))
		}
		b.WriteString(")\n\t\t\t_describe command commands\n\t\t\treturn\n\t\tfi\n\t\tcommand=\"$words[2] $words[3]\"\n\t\tshift words\n\t\t((CURRENT--))\n\t\t;;\n")
	}
	return b.String()
}

const zshWords = `
_@ID@_ports() {
	local -a ports=(${(M)${(f)"$($_@ID@_program munin suggest 2>/dev/null)"}:#<->})
	[[ -r /etc/services ]] && ports+=(${${(f)"$(</etc/services)"}%%[[:space:]#]*})
	compadd "$@" -a ports
}

_@ID@_namespaces() {
	local -a namespaces=(/run/netns/*(N:t))
	compadd "$@" -a namespaces
	_files
}

_@ID@_processes() {
	local -a processes=(${(u)${(f)"$(cat /proc/[0-9]*/comm 2>/dev/null)"}})
	compadd "$@" -a processes
}

_@ID@_interfaces() {
	local -a interfaces=(/sys/class/net/*(N:t))
	compadd "$@" -a interfaces
}
`

const zshEngine = `
_@ID@() {
	local command=$words[2]
	local _@ID@_program=${words[1]/#\~\//$HOME/}
	if [[ ${words[1]:t} == check_* ]]; then
		_@ID@_command check
		return
	fi
	if ((CURRENT == 2)); then
		_@ID@_first
		return
	fi
	case $command in
	munin)
		local -a suffixes
		case $CURRENT in
		3) suffixes=(${(f)"$($_@ID@_program munin suggest 2>/dev/null)"} autoconf suggest) ;;
		4) suffixes=(config fetch) ;;
		esac
		compadd -a suffixes
		return
		;;
@SECOND@	esac
	shift words
	((CURRENT--))
	_@ID@_command "$command"
}

_@ID@ "$@"
`
