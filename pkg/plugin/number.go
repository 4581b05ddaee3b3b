package plugin

import (
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// maxTop bounds --top: more groups than that are nobody's top.
const maxTop = 100_000

// ParseTop reads --top, how many groups are shown: fallback where it is not set.
// The error is a usage error.
func ParseTop(text string, fallback int) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxTop {
		return 0, Usagef("--top %s: use a number from 1 to %d", quote.Text(text), maxTop)
	}
	return n, nil
}

// ParsePrefixLength reads the value of an option that groups addresses to
// networks, /24 or 24: fallback where it is not set. The error is a usage error.
func ParsePrefixLength(option, text string, fallback, most int) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(text, "/"))
	if err != nil || n < 0 || n > most {
		return 0, Usagef("%s %s: use a prefix length from 0 to %d", option, quote.Text(text), most)
	}
	return n, nil
}
