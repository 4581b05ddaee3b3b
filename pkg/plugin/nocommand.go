package plugin

import (
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// noCommand says which commands there are, for words that are none.
func (p *Plugin) noCommand(name string, words []string) error {
	if second := p.secondWords(words[0]); len(second) > 0 {
		given := ""
		if len(words) > 1 && !strings.HasPrefix(words[1], "-") {
			given = ", not " + quote.Text(words[1])
		}
		return Usagef("%s %s takes %s%s; %s %s %s --help lists the options",
			name, words[0], alternatives(second), given, name, words[0], second[0])
	}
	problem := "unknown command " + quote.Text(words[0])
	if strings.HasPrefix(words[0], "-") {
		problem = "option " + quote.Text(words[0]) + " stands before the command"
	}
	return Usagef("%s: the commands are %s", problem, strings.Join(p.commandNames(), ", "))
}

// secondWords are the words that may follow the first word of a command.
func (p *Plugin) secondWords(first string) []string {
	var words []string
	for i := range p.Commands {
		if word, ok := strings.CutPrefix(p.Commands[i].Name, first+" "); ok {
			words = append(words, word)
		}
	}
	return words
}

func (p *Plugin) commandNames() []string {
	var names []string
	for i := range p.Commands {
		names = append(names, p.Commands[i].Name)
	}
	return append(names, "metrics", "check", "munin", "help")
}

// alternatives lists words: "write, check or diff".
func alternatives(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
