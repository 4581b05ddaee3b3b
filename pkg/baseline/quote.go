package baseline

import "strings"

const hexDigits = "0123456789abcdef"

// spelled puts text from outside between quotation marks. What is not printable
// ASCII becomes \xHH; quotation marks and backslashes get a backslash.
func spelled(text string) string {
	b := make([]byte, 0, len(text)+2)
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~':
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// unquote reads what spelled wrote from the beginning of text. length is that of
// the quoted text, and reason says what is wrong with the byte there.
func unquote(text string) (value string, length int, reason string) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			return b.String(), i + 1, ""
		case '\\':
			value, size := escape(text[i+1:])
			if size == 0 {
				return "", i, `a backslash between quotation marks stands before a backslash, a quotation mark, or xHH`
			}
			b.WriteByte(value)
			i += size
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, `the quotation mark is not closed`
}

// escape reads what may follow a backslash; its size is 0 for anything else.
func escape(text string) (value byte, size int) {
	if text == "" {
		return 0, 0
	}
	if text[0] == '"' || text[0] == '\\' {
		return text[0], 1
	}
	if text[0] != 'x' || len(text) < 3 {
		return 0, 0
	}
	high, low := strings.IndexByte(hexDigits, text[1]|0x20), strings.IndexByte(hexDigits, text[2]|0x20)
	if high < 0 || low < 0 {
		return 0, 0
	}
	return byte(high<<4 | low), 3
}

// Word returns a program's name as it can stand in a sentence or a line: between
// quotation marks where it holds anything but printable ASCII without blanks.
func Word(name string) string {
	if isBare(name) {
		return name
	}
	return spelled(name)
}
