//go:build !shipped

package plugin

import (
	"slices"
	"strings"
)

// A valueKind is what a shell offers for the value of an option.
type valueKind string

// The kinds of value. The words of a closed set come from the description.
const (
	anyValue       valueKind = ""
	wordValue      valueKind = "words"
	portValue      valueKind = "ports"
	netnsValue     valueKind = "namespaces"
	userValue      valueKind = "users"
	processValue   valueKind = "processes"
	interfaceValue valueKind = "interfaces"
	fileValue      valueKind = "files"
	dirValue       valueKind = "directories"
)

// kind tells what a value is by the name that --help gives it.
func (d *optionDoc) kind() valueKind {
	if len(d.values()) > 0 {
		return wordValue
	}
	switch d.value {
	case "PORT":
		return portValue
	case "NAME|PID|PATH":
		return netnsValue
	case "IF":
		return interfaceValue
	case "FILE":
		return fileValue
	case "DIR":
		return dirValue
	}
	switch d.long {
	case "user":
		return userValue
	case "process":
		return processValue
	}
	return anyValue
}

// completionDocs are the commands that a shell completes, with Munin's among
// them.
func (p *Plugin) completionDocs() []commandDoc {
	return append(p.commandDocs(),
		commandDoc{name: "munin", summary: "the Munin plugin, as " + p.Name + "_SUFFIX"},
		commandDoc{name: "help", summary: "what there is"})
}

// firstWords returns the first words of the commands, each once, with a
// summary.
func firstWords(commands []commandDoc) []commandDoc {
	var first []commandDoc
	for _, c := range commands {
		word, second, two := strings.Cut(c.name, " ")
		i := slices.IndexFunc(first, func(f commandDoc) bool { return f.name == word })
		switch {
		case i >= 0:
			first[i].summary += ", " + second
		case two:
			first = append(first, commandDoc{name: word, summary: second})
		default:
			first = append(first, c)
		}
	}
	return first
}

// secondWords returns the commands of two words that begin with a word, named
// by their second.
func secondWords(commands []commandDoc, first string) []commandDoc {
	var second []commandDoc
	for _, c := range commands {
		if word, ok := strings.CutPrefix(c.name, first+" "); ok {
			c.name = word
			second = append(second, c)
		}
	}
	return second
}

// identifier makes a name that every shell takes for a function.
func (p *Plugin) identifier() string { return "sockcensus_" + strings.ReplaceAll(p.Name, "-", "_") }

// singleQuoted quotes text for bash and zsh.
func singleQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
