package nagios

import (
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// maxSentence bounds a failure: NRPE's old protocol carries a kibibyte.
const maxSentence = 900

// Failure returns the output and the exit code of a check that could not be
// made: a usage error, a missing right, a timeout. The sentence says what to
// do; it may repeat input as it was given.
func Failure(plugin, sentence string) (output []byte, exit int) {
	line := heading(plugin, threshold.Unknown) + bounded(statusWords(sentence), maxSentence) + "\n"
	return []byte(line), threshold.Unknown.ExitCode()
}

func heading(plugin string, status threshold.Status) string {
	return strings.ToUpper(quote.Line(plugin)) + " " + status.String() + " - "
}
