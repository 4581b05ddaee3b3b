package threshold

// A RangeError is a range that could not be read.
type RangeError struct {
	Text   string // what was given, as it was given
	Reason string // what is wrong with it, fit to print
}

func (e *RangeError) Error() string {
	return "bad range " + quote(e.Text) + ": " + e.Reason +
		"; allowed are 10, 10:, ~:10, 10:20 and @10:20"
}

func bad(text, reason string) error {
	return &RangeError{Text: text, Reason: reason}
}

// maxQuote bounds how much of what was given an error repeats.
const maxQuote = 64

// quote makes bytes from outside fit for one line of a monitoring system:
// whatever could end it, or begin its performance data, becomes \xHH.
func quote(text string) string {
	const hex = "0123456789abcdef"
	b := append(make([]byte, 0, len(text)+2), '"')
	for i := range len(text) {
		if len(b) > maxQuote {
			return string(append(b, "...\""...))
		}
		switch c := text[i]; {
		case c < ' ' || c > '~' || c == '|' || c == '`' || c == '"' || c == '\\':
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
