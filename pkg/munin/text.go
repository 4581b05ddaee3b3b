package munin

import (
	"strings"
)

const hexDigits = "0123456789abcdef"

// Quote makes text from outside fit for a line of a plugin: control bytes and
// everything that is not ASCII become \xHH.
func Quote(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'\\', 'x', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

// attribute makes text fit for the value of an attribute: one line of 7-bit
// text without "#" and "\", which Munin and its RRD files cannot hold.
func attribute(s string) string {
	fitted := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r > '~' || r == '#' || r == '\\':
			return '?'
		default:
			return r
		}
	}, s)
	return bounded(strings.TrimSpace(fitted), maxAttribute)
}

// maxAttribute and maxReason bound one line.
const (
	maxAttribute = 400
	maxReason    = 800
)

func bounded(s string, limit int) string {
	if len(s) > limit {
		return s[:limit-len(" ...")] + " ..."
	}
	return s
}

// sentence makes a reason one line that munin-update does not take for
// "# timeout", at which it gives up on the whole node.
func sentence(reason string) string {
	text := strings.ReplaceAll(strings.TrimSpace(reason), "\n", "; ")
	text = bounded(Quote(text), maxReason)
	if strings.HasPrefix(strings.ToLower(text), "timeout") {
		text = "no answer: " + text
	}
	return strings.ReplaceAll(text, "# timeout", "#timeout")
}

// Reason returns the comment that says why there is no value.
func Reason(reason string) []byte {
	return appendReason(nil, reason)
}

func appendReason(b []byte, reason string) []byte {
	return append(append(append(b, "# sockcensus: "...), sentence(reason)...), '\n')
}

// maxReasons bounds how many reasons are given for one report.
const maxReasons = 10

func appendReasons(b []byte, reasons []string) []byte {
	for i, reason := range reasons {
		if i == maxReasons {
			return appendReason(b, "... and more of them")
		}
		b = appendReason(b, reason)
	}
	return b
}
