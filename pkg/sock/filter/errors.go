package filter

import "strconv"

// A SyntaxError reports where a filter is wrong, and what may stand there.
type SyntaxError struct {
	Text    string // the whole filter
	Column  int    // of the first wrong byte, from 1; one beyond Text at its end
	Problem string // quotes what is wrong, with unprintable bytes escaped
	Err     error  // why a name could not be resolved, or nil
}

// Error returns one line of printable ASCII without | and backquote, as a
// monitoring plugin may print it.
func (e *SyntaxError) Error() string {
	line := []byte("filter, column " + strconv.Itoa(e.Column) + ": " + e.Problem)
	if e.Err != nil {
		line = append(line, ": "...)
		line = appendEscaped(line, e.Err.Error())
	}
	return string(line)
}

// Unwrap returns why a name could not be resolved.
func (e *SyntaxError) Unwrap() error { return e.Err }

// maxQuoted bounds how much of a bad word an error repeats.
const maxQuoted = 64

// quote returns text in quotes, cut short, with bytes that could disturb a
// terminal or the performance data of a plugin as \xHH.
func quote(text string) string {
	cut := len(text) > maxQuoted
	if cut {
		text = text[:maxQuoted]
	}
	quoted := appendEscaped([]byte{'"'}, text)
	if cut {
		quoted = append(quoted, "..."...)
	}
	return string(append(quoted, '"'))
}

func appendEscaped(line []byte, text string) []byte {
	const hex = "0123456789abcdef"
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < ' ' || c > '~' || c == '|' || c == '`' {
			line = append(line, '\\', 'x', hex[c>>4], hex[c&15])
			continue
		}
		line = append(line, c)
	}
	return line
}
