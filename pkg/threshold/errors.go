package threshold

import "github.com/sockcensus/sockcensus/pkg/quote"

// A RangeError is a range that could not be read.
type RangeError struct {
	Text   string // what was given, as it was given
	Reason string // what is wrong with it, fit to print
}

func (e *RangeError) Error() string {
	return "bad range " + quote.Text(e.Text) + ": " + e.Reason +
		"; allowed are 10, 10:, ~:10, 10:20 and @10:20"
}

func bad(text, reason string) error {
	return &RangeError{Text: text, Reason: reason}
}
