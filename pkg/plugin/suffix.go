package plugin

import (
	"slices"
	"strconv"
	"strings"
)

// IsWord reports whether a Munin suffix is a free word: [a-z][a-z0-9_]*, not
// beginning with one of the plugin's fixed words, without a part that is all
// digits (it would read as a port), and none of Munin's own words.
func IsWord(suffix string, fixed ...string) bool {
	if suffix == "" || suffix[0] < 'a' || suffix[0] > 'z' {
		return false
	}
	for _, c := range suffix {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	for _, word := range fixed {
		if strings.HasPrefix(suffix, word) {
			return false
		}
	}
	for part := range strings.SplitSeq(suffix, "_") {
		if strings.Trim(part, "0123456789") == "" && part != "" {
			return false
		}
	}
	return !slices.Contains([]string{"config", "fetch", "autoconf", "suggest"}, suffix)
}

// ParsePort reads a port in a Munin suffix: 1-65535 in digits, without a
// leading zero.
func ParsePort(text string) (uint16, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil && n != 0 && text[0] != '0'
}
