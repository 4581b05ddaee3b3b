// Package quote makes text from outside fit for one line of a monitoring
// system. Nagios and NRPE give "|" and the backtick a meaning of their own, and
// neither they nor Munin carry control or non-ASCII bytes whole.
package quote

const hexDigits = "0123456789abcdef"

// maxText bounds how much of what was given a sentence repeats. It is longer
// than a path that somebody would write.
const maxText = 200

// Text is what an error repeats of its input: between quotation marks, with
// "|", the backtick, control and non-ASCII bytes as \xHH, and so the quotation
// mark and the backslash, so that every text has a spelling of its own. What is
// longer than 200 bytes ends in "...".
func Text(text string) string {
	b := append(make([]byte, 0, len(text)+2), '"')
	for i := range len(text) {
		if len(b) > maxText {
			return string(append(b, `..."`...))
		}
		if c := text[i]; c == '"' || c == '\\' {
			b = appendHex(b, c)
		} else {
			b = appendByte(b, c)
		}
	}
	return string(append(b, '"'))
}

// Line is text without quotation marks: "|", the backtick, control and
// non-ASCII bytes become \xHH. A line that needs no change is not copied.
func Line(text string) string {
	for i := range len(text) {
		if !isPlain(text[i]) {
			return string(appendLine(make([]byte, 0, len(text)+16), text))
		}
	}
	return text
}

func appendLine(b []byte, text string) []byte {
	for i := range len(text) {
		b = appendByte(b, text[i])
	}
	return b
}

func appendByte(b []byte, c byte) []byte {
	if isPlain(c) {
		return append(b, c)
	}
	return appendHex(b, c)
}

func appendHex(b []byte, c byte) []byte {
	return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

func isPlain(c byte) bool { return c >= ' ' && c <= '~' && c != '|' && c != '`' }
