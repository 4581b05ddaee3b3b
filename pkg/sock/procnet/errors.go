package procnet

import (
	"fmt"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A MalformedError reports lines that do not look the way the kernel writes
// them, so that sockets may be missing from what was delivered. Every other line
// was: the error comes last, and names the first such line.
type MalformedError struct {
	Path string
	Line int    // number of the first bad line, from 1
	Text string // its first bytes
	// Problem says what was expected there.
	Problem string
	// Count is the number of bad lines in all files of the listing.
	Count int
}

func (e *MalformedError) Error() string {
	more := ""
	if e.Count > 1 {
		more = fmt.Sprintf(" (and %d more such lines)", e.Count-1)
	}
	return fmt.Sprintf("%s line %d: %s in %s%s: sockets may be missing", e.Path, e.Line, e.Problem, quote.Text(e.Text), more)
}

// shownText is how much of a bad line an error quotes.
const shownText = 60

func quotable(line []byte) string {
	return string(line[:min(len(line), shownText)])
}
