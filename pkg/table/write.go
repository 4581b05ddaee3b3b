package table

import (
	"bufio"
	"fmt"
	"io"

	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// A Format is how rows are printed.
type Format uint8

// The formats. The zero value is for people.
const (
	Table Format = iota
	JSON
	CSV
)

// ParseFormat reads the value of --format; empty is a table.
func ParseFormat(name string) (Format, error) {
	switch name {
	case "", "table":
		return Table, nil
	case "json":
		return JSON, nil
	case "csv":
		return CSV, nil
	default:
		return Table, fmt.Errorf("--format %s: use table, json or csv", quote.Text(name))
	}
}

// Options say how to print a table.
type Options struct {
	Format Format
	// Width is the number of columns of the terminal; zero where the output is
	// none, and lines are never broken.
	Width int
	// Color makes the heading bold.
	Color bool
}

// bufferSize is how much is written at a time.
const bufferSize = 64 << 10

// Write prints t to w. It stops at the first error: one of w is returned as it
// is, so that the caller can tell a closed pipe, and one of the rows after all
// rows before it were printed.
func Write(w io.Writer, t *report.Table, o Options) error {
	out := &writer{out: bufio.NewWriterSize(w, bufferSize), live: t.Live}
	var err error
	switch o.Format {
	case JSON:
		err = writeJSON(out, t)
	case CSV:
		err = writeCSV(out, t)
	default:
		err = writeTable(out, t, o)
	}
	if flushErr := out.out.Flush(); flushErr != nil {
		return flushErr
	}
	return err
}

// A writer takes whole lines.
type writer struct {
	out  *bufio.Writer
	live bool
}

// line writes what makes up a line, at once where rows are to be seen as they
// come.
func (w *writer) line(b []byte) error {
	if _, err := w.out.Write(b); err != nil {
		return err
	}
	if w.live {
		return w.out.Flush()
	}
	return nil
}
