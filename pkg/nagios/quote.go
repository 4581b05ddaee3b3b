package nagios

import (
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// statusWords makes text fit for the status line, where Nagios 4 rewrites ";"
// to ":". As punctuation it becomes a comma; inside a word, where it was
// quoted from somebody, \x3b.
func statusWords(s string) string {
	s = strings.ReplaceAll(quote.Line(s), "; ", ", ")
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
