package table

import (
	"bytes"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// writeCSV prints the keys of all columns and then the rows, as RFC 4180 has
// it but for the line ends, which are those of the host. Where there is
// nothing but an error, that speaks for itself.
func writeCSV(w *writer, t *report.Table) error {
	line, cell := csvHeading(t), []byte(nil)
	if t.Live {
		if err := w.line(line); err != nil {
			return err
		}
		line = line[:0]
	}
	for row, err := range t.Rows {
		if err != nil {
			return err
		}
		for i := range t.Columns {
			cell = cell[:0]
			if i < len(row) {
				cell = csvStyle.appendCell(cell, &row[i])
			}
			line = appendCSV(line, i, cell)
		}
		if err := w.line(append(line, '\n')); err != nil {
			return err
		}
		line = line[:0]
	}
	return w.line(line) // the heading, if there was no row
}

func csvHeading(t *report.Table) []byte {
	var line []byte
	for i := range t.Columns {
		line = appendCSV(line, i, []byte(Printable(t.Columns[i].Key)))
	}
	return append(line, '\n')
}

// appendCSV adds the i-th cell of a line, quoted where it has to be. Line ends
// have been escaped already.
func appendCSV(line []byte, i int, cell []byte) []byte {
	if i > 0 {
		line = append(line, ',')
	}
	if !bytes.ContainsAny(cell, `",`) && !bytes.HasPrefix(cell, []byte(" ")) {
		return append(line, cell...)
	}
	line = append(line, '"')
	for _, c := range cell {
		if c == '"' {
			line = append(line, '"')
		}
		line = append(line, c)
	}
	return append(line, '"')
}
