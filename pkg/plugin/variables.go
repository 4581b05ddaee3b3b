package plugin

import "strings"

// inVariables puts a sentence about options into the names of plugin-conf.d:
// env.peer_port for --peer-port. What was quoted stays as it was, and so does
// the rest of a clause that names a command to type, "run sockcensus-opens on
// --bpffs DIR": a command takes options.
func inVariables(sentence string, options Options) string {
	if !strings.Contains(sentence, "--") {
		return sentence
	}
	parser := newParser("", options)
	var b strings.Builder
	quoted, command := false, false
	for rest := sentence; rest != ""; {
		word, after := firstWord(rest)
		if long := optionName(word); !quoted && !command && variable(parser, long) != nil {
			b.WriteString("env." + strings.ReplaceAll(long, "-", "_"))
			word = word[len("--")+len(long):]
		}
		b.WriteString(word)
		if strings.Count(word, `"`)%2 == 1 {
			quoted = !quoted
		}
		command = !endsClause(word) && (command || strings.HasPrefix(word, "sockcensus-"))
		rest = after
	}
	return b.String()
}

// firstWord cuts off what stands before the next blank or behind an opening
// parenthesis, with that.
func firstWord(text string) (word, rest string) {
	if i := strings.IndexAny(text, " ("); i >= 0 {
		return text[:i+1], text[i+1:]
	}
	return text, ""
}

// endsClause reports whether a word has punctuation behind it.
func endsClause(word string) bool {
	word = strings.TrimRight(word, " (")
	return word != "" && strings.ContainsRune(":,;.", rune(word[len(word)-1]))
}

// optionName returns the long name of the option that a word begins with; ""
// where there is none.
func optionName(word string) string {
	name, ok := strings.CutPrefix(word, "--")
	if !ok {
		return ""
	}
	return name[:len(name)-len(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz0123456789-"))]
}
