package filter

import (
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A SyntaxError reports where a filter is wrong, and what may stand there.
type SyntaxError struct {
	Text    string // the whole filter
	Column  int    // of the first wrong byte, from 1; one beyond Text at its end
	Problem string // quotes what is wrong, with unprintable bytes escaped
	Err     error  // why a name could not be resolved, or nil
}

// Error returns one line of printable ASCII without | and backquote, as a
// monitoring plugin may print it.
func (e *SyntaxError) Error() string {
	sentence := "filter, column " + strconv.Itoa(e.Column) + ": " + e.Problem
	if e.Err != nil {
		sentence += ": " + quote.Line(e.Err.Error())
	}
	return sentence
}

// Unwrap returns why a name could not be resolved.
func (e *SyntaxError) Unwrap() error { return e.Err }
