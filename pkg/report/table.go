package report

import (
	"iter"
	"time"
)

// A Table is what a person's command shows: rows that are made while they are
// printed, so that a million sockets stream.
type Table struct {
	// Noun names the rows in JSON: "sockets", "groups", "clients" ...
	Noun string
	// Time is when the rows were read.
	Time time.Time
	// Source is where the rows come from. It is called after the last row,
	// when the plan that answered is known.
	Source  func() string
	Columns []Column
	// Rows yields the cells of each row, in the order of Columns; the slice is
	// reused. An error ends the table: rows before it are real, and it is said
	// after them.
	Rows iter.Seq2[[]Cell, error]
	// Live rows come as things happen: each is printed at once, so that nobody
	// waits for the next to see the last.
	Live bool
	// Notes are sentences for a person, printed on standard error after a table.
	Notes []string
	// Differs makes the command end with 1: a difference was found, or a thing
	// is off.
	Differs bool
}

// A Column is one column of a table, and a key of its JSON objects.
type Column struct {
	// Key is the lower_snake name in JSON and CSV; Title heads the column for
	// a person. A column without a title is not shown to a person.
	Key, Title string
	// Right aligns the column to the right, as numbers are.
	Right bool
	// Hidden columns are in JSON and CSV alone.
	Hidden bool
}

// A Cell is one value of a row: nothing, text, a number, or a list.
type Cell struct {
	Kind   CellKind
	Text   string
	Uint   uint64
	Float  float64
	List   []Cell
	Record []Member
}

// A CellKind says which field of a Cell holds its value.
type CellKind uint8

// The kinds of cell. A record is a JSON object; its Text is what a table and
// CSV show for it.
const (
	NullCell CellKind = iota
	TextCell
	UintCell
	FloatCell
	BoolCell
	ListCell
	RecordCell
)

// A Member is one key of a record.
type Member struct {
	Key  string
	Cell Cell
}

// Null is a value that is not known.
func Null() Cell { return Cell{} }

// Text is a word.
func Text(s string) Cell { return Cell{Kind: TextCell, Text: s} }

// Uint is a whole number.
func Uint[N ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint | ~int](n N) Cell {
	return Cell{Kind: UintCell, Uint: uint64(n)}
}

// Float is a number with a fraction.
func Float(f float64) Cell { return Cell{Kind: FloatCell, Float: f} }

// Bool is true or false.
func Bool(b bool) Cell {
	c := Cell{Kind: BoolCell}
	if b {
		c.Uint = 1
	}
	return c
}

// List is several values in one cell.
func List(items ...Cell) Cell { return Cell{Kind: ListCell, List: items} }

// Record is a JSON object that a table shows as text.
func Record(text string, members ...Member) Cell {
	return Cell{Kind: RecordCell, Text: text, Record: members}
}
