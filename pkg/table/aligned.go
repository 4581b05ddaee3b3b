package table

import (
	"bytes"
	"unicode/utf8"

	"github.com/sockcensus/sockcensus/pkg/report"
)

const (
	// lookahead is how many rows are read before the widths of the columns are
	// chosen. A wider cell later widens its column from there on.
	lookahead = 256
	// gap is between columns, indent before what is left of a broken line.
	gap    = 2
	indent = 8
)

// An aligned table is printed for a person.
type aligned struct {
	w       *writer
	options Options
	columns []report.Column
	shown   []int // indexes of the columns that a person sees
	widths  []int
	// text holds the cells of rows that wait for the widths; ends has where
	// each of them ends.
	text   []byte
	ends   []int
	line   []byte
	headed bool
}

func writeTable(w *writer, t *report.Table, o Options) error {
	a := &aligned{w: w, options: o, columns: t.Columns}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Title != "" && !c.Hidden {
			a.shown = append(a.shown, i)
			a.widths = append(a.widths, utf8.RuneCountInString(c.Title))
		}
	}
	return a.print(t)
}

// print reads rows until it knows the widths, then prints the heading and what
// it has read, and from there on each row as it comes. Where there is nothing
// but an error, that speaks for itself.
func (a *aligned) print(t *report.Table) error {
	if t.Live {
		if err := a.flush(); err != nil {
			return err
		}
	}
	rows := 0
	for row, err := range t.Rows {
		if err != nil && rows == 0 {
			return err
		}
		if err != nil {
			return firstOf(a.flush(), err)
		}
		a.read(row)
		if rows++; !a.headed && rows < lookahead {
			continue
		}
		if err := a.flush(); err != nil {
			return err
		}
	}
	return a.flush()
}

// firstOf returns the first error.
func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// read keeps the text of a row's cells and widens the columns to them.
func (a *aligned) read(row []report.Cell) {
	for i, column := range a.shown {
		start := len(a.text)
		if column < len(row) {
			a.text = tableStyle.appendCell(a.text, &row[column])
		} else {
			a.text = append(a.text, tableStyle.null...)
		}
		a.ends = append(a.ends, len(a.text))
		a.widths[i] = max(a.widths[i], utf8.RuneCount(a.text[start:]))
	}
}

// flush prints the rows that wait, the first time with the heading above them.
func (a *aligned) flush() error {
	if len(a.shown) == 0 {
		return nil
	}
	if !a.headed {
		a.headed = true
		if err := a.heading(); err != nil {
			return err
		}
	}
	return a.rows()
}

// heading prints the titles of the columns.
func (a *aligned) heading() error {
	a.line = a.line[:0]
	if a.options.Color {
		a.line = append(a.line, "\x1b[1m"...)
	}
	position := 0
	for i, column := range a.shown {
		position = a.cell(i, position, []byte(a.columns[column].Title))
	}
	if a.options.Color {
		a.line = append(a.line, "\x1b[0m"...)
	}
	return a.w.line(append(a.line, '\n'))
}

// rows prints the rows that wait and forgets them.
func (a *aligned) rows() error {
	start := 0
	for first := 0; first < len(a.ends); first += len(a.shown) {
		a.line = a.line[:0]
		position := 0
		for i := range a.shown {
			end := a.ends[first+i]
			position = a.cell(i, position, a.text[start:end])
			start = end
		}
		if err := a.w.line(append(a.line, '\n')); err != nil {
			return err
		}
	}
	a.text, a.ends = a.text[:0], a.ends[:0]
	return nil
}

// cell adds the text of the i-th shown column at a position of the line and
// returns the position after it. On a terminal a cell that does not fit goes
// on the next line.
func (a *aligned) cell(i, position int, text []byte) int {
	length := utf8.RuneCount(text)
	last := i == len(a.shown)-1
	right := a.columns[a.shown[i]].Right
	width := a.widths[i]
	if last && !right {
		width = length
	}
	if position > 0 {
		if a.options.Width > 0 && position+gap+width > a.options.Width {
			a.line = append(bytes.TrimRight(a.line, " "), '\n')
			a.line, position = a.blanks(indent), indent
		} else {
			a.line, position = a.blanks(gap), position+gap
		}
	}
	if right {
		a.line = a.blanks(width - length)
	}
	a.line = append(a.line, text...)
	if !right && !last {
		a.line = a.blanks(width - length)
	}
	return position + width
}

func (a *aligned) blanks(n int) []byte {
	for range n {
		a.line = append(a.line, ' ')
	}
	return a.line
}
