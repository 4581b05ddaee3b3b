package filter

import "strings"

// A word is a run of bytes between blanks, as written.
type word struct {
	raw    string // with its backslashes
	column int    // from 1
}

// words cuts text at blanks, after "(" and "!" at the beginning of a word, and
// around every ")" that closes what the word did not open. A backslash takes
// the next byte as it is.
func words(text string) []word {
	var list []word
	for i := 0; i < len(text); {
		if isBlank(text[i]) {
			i++
			continue
		}
		end := wordEnd(text, i)
		list = append(list, word{text[i:end], i + 1})
		i = end
	}
	return list
}

func wordEnd(text string, start int) int {
	switch text[start] {
	case '(', ')':
		return start + 1
	case '!':
		if start+1 == len(text) || text[start+1] != '=' {
			return start + 1
		}
	}
	open := 0
	for i := start; i < len(text) && !isBlank(text[i]); i++ {
		switch text[i] {
		case '\\':
			i++
		case '(':
			open++
		case ')':
			if open == 0 {
				return i
			}
			open--
		}
		start = i + 1
	}
	return min(start, len(text))
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// text returns the word without its backslashes.
func (w word) text() string {
	if strings.IndexByte(w.raw, '\\') < 0 {
		return w.raw
	}
	var plain strings.Builder
	for i := 0; i < len(w.raw); i++ {
		if w.raw[i] == '\\' && i+1 < len(w.raw) {
			i++
		}
		plain.WriteByte(w.raw[i])
	}
	return plain.String()
}

// appendWord prints a name so that it is read back as one word, and as no
// other.
func appendWord(text []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		c := name[i]
		special := isBlank(c) || c == '\\' || c == '(' || c == ')'
		if special || i == 0 && (isReserved(name) || isOpByte(c)) {
			text = append(text, '\\')
		}
		text = append(text, c)
	}
	return text
}

func isOpByte(c byte) bool { return c == '=' || c == '!' || c == '<' || c == '>' }

// isReserved reports whether word can only be an operator or the name of a
// predicate.
func isReserved(word string) bool {
	switch word {
	case "(", ")", "!", "not", "&", "&&", "and", "|", "||", "or":
		return true
	}
	_, ok := opOf(word)
	return ok || isPredicate(word)
}

func isPredicate(word string) bool {
	switch word {
	case "src", "dst", "sport", "dport", "dev", "fwmark", "cgroup", "uid", "autobound":
		return true
	}
	return false
}

func opOf(word string) (Op, bool) {
	switch word {
	case "=", "==", "eq":
		return Equal, true
	case "!=", "ne", "neq":
		return NotEqual, true
	case "<", "lt":
		return Less, true
	case "<=", "le", "leq":
		return LessOrEqual, true
	case ">", "gt":
		return Greater, true
	case ">=", "ge", "geq":
		return GreaterOrEqual, true
	}
	return 0, false
}
