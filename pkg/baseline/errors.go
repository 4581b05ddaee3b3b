package baseline

import (
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A Kind tells how bad a Problem is.
type Kind uint8

// The kinds. A Typo is a line that cannot be read and counts for nothing.
// Contradiction is a line that names another program for the place of an earlier
// one; either program is then accepted. A Duplicate says again what an earlier
// line said.
const (
	Typo Kind = iota
	Contradiction
	Duplicate
)

// A Problem is something about a line of the file that its author will want to
// change.
type Problem struct {
	Kind Kind
	// Line and Column count from 1; a column is a character.
	Line, Column int
	// Reason is a sentence that quotes what was found and says what is allowed.
	// It holds no control characters.
	Reason string
}

func (p *Problem) Error() string {
	return "line " + strconv.Itoa(p.Line) + ", column " + strconv.Itoa(p.Column) + ": " + p.Reason
}

// A SocketError is a SOCKET (PROTO/PORT or PROTO/ADDR:PORT) that cannot be read.
type SocketError struct {
	Text   string
	Reason string
}

func (e *SocketError) Error() string { return quote.Text(e.Text) + ": " + e.Reason }
