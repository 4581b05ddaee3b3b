package prometheus

import (
	"unicode/utf8"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// Render returns the report in the text format.
func Render(r *report.Report) []byte {
	b := make([]byte, 0, 4096)
	for _, f := range families(r) {
		b = appendFamily(b, f)
	}
	return b
}

// success is the family that tells whether all that was asked for is there.
func success(r *report.Report) *family {
	value := "1"
	if len(r.Problems) > 0 {
		value = "0"
	}
	for m := range r.Metrics() {
		if m.Value.IsUnknown() {
			value = "0"
		}
	}
	return &family{
		name:    "sockcensus_" + fit(r.Plugin) + "_success",
		help:    "Whether everything asked for could be measured.",
		samples: []sample{{value: value}},
		seen:    map[string]bool{"": true},
	}
}

func appendFamily(b []byte, f *family) []byte {
	b = append(append(b, "# HELP "...), f.name...)
	b = appendEscaped(append(b, ' '), f.help, false)
	b = append(append(b, "\n# TYPE "...), f.name...)
	if f.kind == report.Counter {
		b = append(b, " counter\n"...)
	} else {
		b = append(b, " gauge\n"...)
	}
	for _, s := range f.samples {
		b = append(b, f.name...)
		if s.label != "" {
			b = append(append(append(b, '{'), s.label...), `="`...)
			b = append(appendEscaped(b, s.key, true), `"}`...)
		}
		b = append(append(append(b, ' '), s.value...), '\n')
	}
	return b
}

// appendEscaped adds text as the format wants it: a backslash and a line end
// are escaped, in the value of a label a quotation mark too. Control
// characters and bytes that are no UTF-8 become a visible \xHH.
func appendEscaped(b []byte, text string, isLabel bool) []byte {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\\':
			b = append(b, `\\`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '"' && isLabel:
			b = append(b, `\"`...)
		case r == utf8.RuneError && n == 1, r < ' ', r >= 0x7f && r < 0xa0:
			for _, c := range []byte(text[i : i+n]) {
				b = append(b, '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			}
		default:
			b = append(b, text[i:i+n]...)
		}
		i += n
	}
	return b
}

const hexDigits = "0123456789abcdef"
