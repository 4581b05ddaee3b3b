package table

import (
	"math"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// A style is how a cell is written as text.
type style struct {
	// null stands for a value that is not known, or text that is empty.
	null string
	// separator stands between the values of a list.
	separator byte
	yes, no   string
}

// The styles: every column of a table has a word in every row, so that a
// script can split it at blanks.
var (
	tableStyle = style{null: "-", separator: ',', yes: "yes", no: "no"}
	csvStyle   = style{separator: ' ', yes: "true", no: "false"}
)

// appendCell adds a cell as printable text.
func (s *style) appendCell(b []byte, c *report.Cell) []byte {
	start := len(b)
	switch c.Kind {
	case report.TextCell, report.RecordCell:
		b = appendPrintable(b, c.Text)
	case report.UintCell:
		b = strconv.AppendUint(b, c.Uint, 10)
	case report.FloatCell:
		b = appendFloat(b, c.Float)
	case report.BoolCell:
		b = append(b, s.word(c.Uint != 0)...)
	case report.ListCell:
		for i := range c.List {
			if i > 0 {
				b = append(b, s.separator)
			}
			b = s.appendCell(b, &c.List[i])
		}
	}
	if len(b) == start {
		b = append(b, s.null...)
	}
	return b
}

func (s *style) word(yes bool) string {
	if yes {
		return s.yes
	}
	return s.no
}

// appendFloat adds a number with at most six decimals and without an exponent.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b
	}
	if rounded := math.Round(f*1e6) / 1e6; !math.IsInf(rounded, 0) {
		f = rounded + 0 // and -0 is 0
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}
