package table

import (
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// Printable makes text safe for a terminal: control characters, those that
// reorder text, and bytes that are no UTF-8 become \xHH.
func Printable(s string) string {
	if isPrintable(s) {
		return s
	}
	return string(appendPrintable(nil, s))
}

func isPrintable(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && !graphic(r) {
			return false
		}
	}
	return true
}

// graphic reports whether a character beyond ASCII shows itself and nothing
// else. A byte that is no UTF-8 does not.
func graphic(r rune) bool { return r != utf8.RuneError && unicode.IsGraphic(r) }

func appendPrintable(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		if n := plain(s[i:]); n > 0 {
			b, i = append(b, s[i:i+n]...), i+n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r >= 0x7f && graphic(r) {
			b = append(b, s[i:i+n]...)
		} else {
			for _, c := range []byte(s[i : i+n]) {
				b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		i += n
	}
	return b
}

// plain returns how many bytes of printable ASCII s begins with.
func plain(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return i
		}
	}
	return len(s)
}
