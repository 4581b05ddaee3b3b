//go:build !shipped

package plugin

import (
	"bytes"
	"fmt"
	"strings"
)

// bashCompletion is a file for share/bash-completion/completions. It needs
// nothing of the bash-completion package but to be loaded.
func (p *Plugin) bashCompletion() []byte {
	var b bytes.Buffer
	commands := p.completionDocs()
	fmt.Fprintf(&b, "# bash completion for sockcensus-%s and check_%[1]s, printed by\n# \"%[1]s documentation bash\".\n\n", p.Name)
	fmt.Fprintf(&b, "_%s_command() { # sets options and value for a command and its option\n\tcase $1 in\n", p.identifier())
	for _, c := range commands {
		if len(c.options) > 0 {
			bashCommand(&b, &c)
		}
	}
	b.WriteString("\tesac\n}\n")
	b.WriteString(replaced(bashEngine,
		"@ID@", p.identifier(), "@NAME@", p.Name,
		"@FIRST@", names(firstWords(commands)), "@SECOND@", bashSecond(commands)))
	return b.Bytes()
}

func names(commands []commandDoc) string {
	var words []string
	for _, c := range commands {
		words = append(words, c.name)
	}
	return strings.Join(words, " ")
}

// bashSecond are the cases for the second words of commands.
func bashSecond(commands []commandDoc) string {
	var b strings.Builder
	for _, first := range firstWords(commands) {
		if second := secondWords(commands, first.name); len(second) > 0 {
			fmt.Fprintf(&b, "\t%s) second='%s' ;;\n", first.name, names(second))
		}
	}
	return b.String()
}

// bashCommand is the case of one command: its options, and what the value of
// the option $2 can be.
func bashCommand(b *bytes.Buffer, c *commandDoc) {
	var spelled []string
	for i := range c.options {
		spelled = append(spelled, c.options[i].spellings()...)
	}
	fmt.Fprintf(b, "\t%s)\n\t\toptions='%s' operand=%s\n\t\tcase $2 in\n", singleQuoted(c.name), strings.Join(spelled, " "), singleQuoted(c.operand))
	for i := range c.options {
		o := &c.options[i]
		if o.value == "" {
			continue
		}
		value := string(o.kind())
		if o.kind() == wordValue {
			value = strings.Join(o.values(), " ")
		}
		fmt.Fprintf(b, "\t\t%s) kind=%s value='%s' list=%s ;;\n", strings.Join(o.spellings(), " | "), kindWord(o), value, listWord(o))
	}
	b.WriteString("\t\tesac\n\t\t;;\n")
}

func kindWord(o *optionDoc) string {
	if o.kind() == anyValue {
		return "any"
	}
	return string(o.kind())
}

func listWord(o *optionDoc) string {
	if o.repeats {
		return "yes"
	}
	return ""
}

// spellings are the option's short and long form with their dashes.
func (d *optionDoc) spellings() []string {
	if d.short == "" {
		return []string{"--" + d.long}
	}
	return []string{"-" + d.short, "--" + d.long}
}

const bashEngine = `
_@ID@_words() { # what can stand at the cursor, a word a line
	local word IFS=$' \t\n'
	case $1 in
	words) printf '%s\n' $2 ;;
	ports)
		"$3" munin suggest 2>/dev/null | while read -r word; do
			case $word in *[!0-9]*) ;; *) echo "$word" ;; esac
		done
		while read -r word _; do
			case $word in '' | '#'*) ;; *) echo "$word" ;; esac
		done 2>/dev/null </etc/services
		;;
	namespaces) (cd /run/netns 2>/dev/null && printf '%s\n' *) ;;
	users) compgen -u ;;
	processes) cat /proc/[0-9]*/comm 2>/dev/null ;;
	interfaces) (cd /sys/class/net 2>/dev/null && printf '%s\n' *) ;;
	esac
}

_@ID@() {
	local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} before='' command='' second='' at=1
	local options='' operand='' kind='' value='' list='' prefix='' IFS=$' \t\n'
	[[ $program == '~/'* ]] && program=$HOME/${program#'~/'}
	COMPREPLY=()
	((COMP_CWORD > 0)) && before=${COMP_WORDS[COMP_CWORD - 1]}
	# Bash splits --option=value into three words.
	if [[ $cur == '=' ]]; then
		cur=''
	elif [[ $before == '=' ]] && ((COMP_CWORD > 1)); then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi

	if [[ ${program##*/} == check_* ]]; then
		command=check
	elif ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W '@FIRST@ --help --version' -- "$cur"))
		return
	else
		command=${COMP_WORDS[1]} at=2
	fi
	case $command in
	munin)
		((COMP_CWORD == 2)) && COMPREPLY=($(compgen -W "$("$program" munin suggest 2>/dev/null) autoconf suggest" -- "$cur"))
		((COMP_CWORD == 3)) && COMPREPLY=($(compgen -W 'config fetch' -- "$cur"))
		return
		;;
@SECOND@	esac
	if [[ -n $second ]]; then
		if ((COMP_CWORD == at)); then
			COMPREPLY=($(compgen -W "$second" -- "$cur"))
			return
		fi
		command="$command ${COMP_WORDS[at]}"
	fi

	[[ $before == -* ]] || before=''
	_@ID@_command "$command" "$before"
	if [[ -z $kind && $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
		return
	fi
	[[ -z $kind && -n $operand ]] && kind=files
	[[ $kind == namespaces && $cur == */* ]] && kind=files
	case $kind in
	'' | any) ;;
	files)
		compopt -o filenames 2>/dev/null
		IFS=$'\n'
		COMPREPLY=($(compgen -f -- "$cur"))
		;;
	directories)
		compopt -o filenames 2>/dev/null
		IFS=$'\n'
		COMPREPLY=($(compgen -d -- "$cur"))
		;;
	*)
		[[ -n $list && $cur == *,* ]] && prefix=${cur%,*},
		IFS=$'\n'
		COMPREPLY=($(_@ID@_words "$kind" "$value" "$program" | while read -r word; do
			[[ $word == "${cur##*,}"* ]] && printf '%s\n' "$prefix$word"
		done | sort -u))
		;;
	esac
}

complete -F _@ID@ sockcensus-@NAME@ check_@NAME@
`
