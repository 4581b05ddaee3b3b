package table

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// writeJSON prints one document:
//
//	{"sockets": [ {...}, ... ], "source": "netlink", "time": "2006-01-02T15:04:05Z"}
//
// The source stands behind the rows because only then it is known. Where the
// rows end in an error the document says so under "error", and is whole.
func writeJSON(w *writer, t *report.Table) error {
	line := appendString([]byte{'{'}, t.Noun)
	line = append(line, `: [`...)
	keys := jsonKeys(t.Columns)
	rowErr := error(nil)
	first := true
	for row, err := range t.Rows {
		if err != nil {
			rowErr = err
			break
		}
		if !first {
			line = append(line, ',')
		}
		first = false
		line = appendObject(append(line, "\n  "...), keys, row)
		if err := w.line(line); err != nil {
			return err
		}
		line = line[:0]
	}
	if !first {
		line = append(line, '\n')
	}
	if err := w.line(appendEnd(line, t, rowErr)); err != nil {
		return err
	}
	return rowErr
}

// appendEnd closes the document.
func appendEnd(line []byte, t *report.Table, err error) []byte {
	line = append(line, `],`+"\n"+`"source": `...)
	if source := sourceOf(t); source == "" {
		line = append(line, "null"...)
	} else {
		line = appendString(line, source)
	}
	line = append(line, `,`+"\n"+`"time": `...)
	if t.Time.IsZero() {
		line = append(line, "null"...)
	} else {
		line = appendString(line, t.Time.Format(time.RFC3339))
	}
	if err != nil {
		line = appendString(append(line, `,`+"\n"+`"error": `...), err.Error())
	}
	return append(line, "}\n"...)
}

func sourceOf(t *report.Table) string {
	if t.Source == nil {
		return ""
	}
	return t.Source()
}

// jsonKeys encodes the keys once for all rows.
func jsonKeys(columns []report.Column) [][]byte {
	keys := make([][]byte, len(columns))
	for i := range columns {
		keys[i] = append(appendString(nil, columns[i].Key), ": "...)
	}
	return keys
}

func appendObject(b []byte, keys [][]byte, row []report.Cell) []byte {
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, key...)
		if i < len(row) {
			b = appendValue(b, &row[i])
		} else {
			b = append(b, "null"...)
		}
	}
	return append(b, '}')
}

func appendValue(b []byte, c *report.Cell) []byte {
	switch c.Kind {
	case report.TextCell:
		return appendString(b, c.Text)
	case report.UintCell:
		return strconv.AppendUint(b, c.Uint, 10)
	case report.FloatCell:
		return appendNumber(b, c.Float)
	case report.BoolCell:
		return strconv.AppendBool(b, c.Uint != 0)
	case report.ListCell:
		b = append(b, '[')
		for i := range c.List {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendValue(b, &c.List[i])
		}
		return append(b, ']')
	case report.RecordCell:
		return appendRecord(b, c.Record)
	default:
		return append(b, "null"...)
	}
}

func appendRecord(b []byte, members []report.Member) []byte {
	b = append(b, '{')
	for i := range members {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(appendString(b, members[i].Key), ": "...)
		b = appendValue(b, &members[i].Cell)
	}
	return append(b, '}')
}

// appendNumber adds a number in full precision. JSON has no word for NaN and
// the infinities.
func appendNumber(b []byte, f float64) []byte {
	switch size := math.Abs(f); {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(b, "null"...)
	case size != 0 && (size < 1e-6 || size >= 1e21):
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	default:
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
}

// appendString adds a JSON string (RFC 8259, section 7). Whatever does not show
// itself on a terminal is escaped; a byte that is no UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			b, i = append(b, c), i+1
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		b = appendRune(b, r)
		i += n
	}
	return append(b, '"')
}

func appendRune(b []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(b, '\\', byte(r))
	case r == '\n':
		return append(b, `\n`...)
	case r == '\t':
		return append(b, `\t`...)
	case r == '\r':
		return append(b, `\r`...)
	case r >= 0x7f && graphic(r):
		return utf8.AppendRune(b, r)
	case r > 0xffff:
		high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
		return appendUnit(appendUnit(b, high), low)
	default:
		return appendUnit(b, r)
	}
}

// appendUnit adds one UTF-16 code unit as an escape.
func appendUnit(b []byte, u rune) []byte {
	return append(b, '\\', 'u', hexDigits[u>>12&15], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}
