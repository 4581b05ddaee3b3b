package nagios

import "strings"

const hexDigits = "0123456789abcdef"

// Quote makes text from outside fit for plugin output: "|", which would begin
// performance data, the backtick, control bytes and everything that is not
// ASCII become \xHH.
func Quote(s string) string {
	if plain(s) {
		return s
	}
	return string(appendQuoted(make([]byte, 0, len(s)+16), s))
}

func plain(s string) bool {
	for i := range len(s) {
		if !isPlain(s[i]) {
			return false
		}
	}
	return true
}

func isPlain(c byte) bool { return c >= ' ' && c <= '~' && c != '|' && c != '`' }

func appendQuoted(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; isPlain(c) {
			b = append(b, c)
		} else {
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
}

// statusWords makes text fit for the status line, where Nagios 4 rewrites ";"
// to ":". As punctuation it becomes a comma; inside a word, where it was
// quoted from somebody, \x3b.
func statusWords(s string) string {
	s = strings.ReplaceAll(Quote(s), "; ", ", ")
	return strings.ReplaceAll(s, ";", `\x3b`)
}

// ellipsis ends text that was cut.
const ellipsis = " ..."

// bounded cuts quoted text at limit, between two characters of the original.
func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit - len(ellipsis)
	if i := strings.LastIndex(s[:cut], `\x`); i > cut-4 {
		cut = i
	}
	return s[:cut] + ellipsis
}
