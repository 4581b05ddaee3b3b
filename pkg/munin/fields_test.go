package munin

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var monday = time.Unix(1700000000, 0)

func fieldsAt(at time.Time, names ...string) []Field {
	var fields []Field
	for _, name := range names {
		fields = append(fields, Field{Name: name, Label: strings.ToUpper(name), Seen: at})
	}
	return fields
}

func names(fields []Field) string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Name)
	}
	return strings.Join(all, " ")
}

func TestMergeFields(t *testing.T) {
	later, muchLater := monday.Add(time.Hour), monday.Add(Stale+time.Hour)
	tests := []struct {
		name       string
		known, now []Field
		max        int
		want       string
	}{
		{"first run", nil, fieldsAt(monday, "c", "a", "b"), 10, "c a b"},
		{"first run, too many", nil, fieldsAt(monday, "c", "a", "b"), 2, "c a"},
		{"order is kept", fieldsAt(monday, "a", "b"), fieldsAt(later, "b", "a"), 10, "a b"},
		{"absent ones stay", fieldsAt(monday, "a", "b"), fieldsAt(later, "c"), 10, "a b c"},
		{"no room", fieldsAt(monday, "a", "b"), fieldsAt(later, "c"), 2, "a b"},
		{"nothing now", fieldsAt(monday, "a", "b"), nil, 2, "a b"},
		{"room of the stale one", append(fieldsAt(muchLater, "a"), fieldsAt(monday, "b")...), fieldsAt(muchLater, "c", "d"), 2, "a c"},
		{"the stalest goes first", append(fieldsAt(later, "a"), fieldsAt(monday, "b")...), fieldsAt(muchLater.Add(time.Hour), "c"), 2, "a c"},
		{"seen now is not stale", fieldsAt(monday, "a", "b"), fieldsAt(muchLater, "c", "a", "b"), 2, "a b"},
		{"fewer are wanted", fieldsAt(monday, "a", "b", "c"), fieldsAt(later, "c"), 2, "a b"},
		{"twice now", nil, fieldsAt(monday, "a", "a"), 5, "a"},
		{"none are wanted", nil, fieldsAt(monday, "a"), 0, ""},
	}
	for _, tt := range tests {
		before := EncodeFields(tt.known)
		got := MergeFields(tt.known, tt.now, tt.max)
		if names(got) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, names(got), tt.want)
		}
		if again := MergeFields(got, tt.now, tt.max); names(again) != names(got) {
			t.Errorf("%s: a second time it is %q", tt.name, names(again))
		}
		if string(EncodeFields(tt.known)) != string(before) {
			t.Errorf("%s: what was known has been changed", tt.name)
		}
	}
}

func TestMergeFieldsRemembersWhen(t *testing.T) {
	got := MergeFields(fieldsAt(monday, "a", "b"), fieldsAt(monday.Add(time.Hour), "b"), 5)
	if !got[0].Seen.Equal(monday) || !got[1].Seen.Equal(monday.Add(time.Hour)) {
		t.Errorf("seen: %v", got)
	}
}

func TestFieldsRoundTrip(t *testing.T) {
	want := append(fieldsAt(monday, "ip_10_0_0_1", "root_"), Field{Name: "proc_a", Label: "a b  c", Seen: monday})
	got, err := DecodeFields(EncodeFields(want))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, err := DecodeFields(EncodeFields(nil)); err != nil || len(got) != 0 {
		t.Errorf("no fields: %v, %v", got, err)
	}
}

func TestDecodeFieldsRefuses(t *testing.T) {
	tests := []struct {
		text string
		line int
	}{
		{"", 1},
		{"munin-fields 2\n", 1},
		{fieldsHeader + "a\n", 2},
		{fieldsHeader + "a 1\n", 2},
		{fieldsHeader + "a 1 x\nA 1 x\n", 3},
		{fieldsHeader + "a x y\n", 2},
		{fieldsHeader + "a 1 x\na 1 x\n", 3},
		{fieldsHeader + "\n", 2},
		{fieldsHeader + "a 99999999999999999999 x\n", 2},
		{strings.Repeat("x", maxFieldsText+1), 1},
	}
	for _, tt := range tests {
		_, err := DecodeFields([]byte(tt.text))
		var bad *FieldsError
		if !errors.As(err, &bad) || bad.Line != tt.line {
			t.Errorf("%.40q: %v, want an error in line %d", tt.text, err, tt.line)
		}
	}
}

func FuzzDecodeFields(f *testing.F) {
	f.Add(EncodeFields(fieldsAt(monday, "a", "b")))
	f.Add([]byte(fieldsHeader + "a -5 \xff\\#\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		fields, err := DecodeFields(text)
		if err != nil {
			return
		}
		again, err := DecodeFields(EncodeFields(fields))
		if err != nil {
			t.Fatalf("%q is not read back: %v", text, err)
		}
		if d := cmp.Diff(fields, again); d != "" {
			t.Fatal(d)
		}
	})
}
