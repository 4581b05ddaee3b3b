package munin

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The remembered fields are a text: a line that says what it is, and a line a
// field, "name seconds-since-1970 label".
const fieldsHeader = "munin-fields 1\n"

// Bounds of what is read back.
const (
	maxFields     = 4096
	maxFieldsText = 1 << 20
)

// A FieldsError reports remembered fields that cannot be read. The caller
// begins anew: the graph then has the fields of the hour.
type FieldsError struct {
	Line   int    // 1 is the first
	Reason string // fit to print
}

func (e *FieldsError) Error() string {
	return fmt.Sprintf("remembered fields, line %d: %s", e.Line, e.Reason)
}

// EncodeFields returns fields as bytes for a state file.
func EncodeFields(fields []Field) []byte {
	b := []byte(fieldsHeader)
	for _, f := range fields {
		b = append(b, fieldName(f.Name)...)
		b = strconv.AppendInt(append(b, ' '), f.Seen.Unix(), 10)
		b = append(append(append(b, ' '), attribute(f.Label)...), '\n')
	}
	return b
}

// DecodeFields reads what EncodeFields made. An error is of type *[FieldsError].
func DecodeFields(text []byte) ([]Field, error) {
	if len(text) > maxFieldsText {
		return nil, &FieldsError{1, "more text than fields can make"}
	}
	body, ok := strings.CutPrefix(string(text), fieldsHeader)
	if !ok {
		return nil, &FieldsError{1, "not the heading of remembered fields"}
	}
	var fields []Field
	seen := map[string]bool{}
	for line := range strings.Lines(body) {
		number := len(fields) + 2
		f, reason := decodeField(strings.TrimSuffix(line, "\n"))
		switch {
		case reason != "":
			return nil, &FieldsError{number, reason}
		case seen[f.Name]:
			return nil, &FieldsError{number, "field " + f.Name + " stands there twice"}
		case len(fields) == maxFields:
			return nil, &FieldsError{number, "more fields than a graph can have"}
		}
		seen[f.Name] = true
		fields = append(fields, f)
	}
	return fields, nil
}

func decodeField(line string) (f Field, reason string) {
	name, rest, _ := strings.Cut(line, " ")
	seconds, label, ok := strings.Cut(rest, " ")
	if !ok || !isName(name) {
		return f, "no name, time and label"
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return f, "no time"
	}
	return Field{Name: name, Label: attribute(label), Seen: time.Unix(at, 0)}, ""
}
