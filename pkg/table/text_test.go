package table

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sockcensus/sockcensus/pkg/report"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "é": "é", "日本": "日本", "\x1b[2J": `\x1b[2J`, "a\tb\n": `a\x09b\x0a`, "\x7f": `\x7f`, "\xff": `\xff`, "\u009b1m": `\xc2\x9b1m`,
		"\u202eevil": `\xe2\x80\xaeevil`, "\ufffd": `\xef\xbf\xbd`, "\u2028": `\xe2\x80\xa8`, "": "",
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzCell(f *testing.F) {
	for _, s := range []string{"nginx", "a,b", `"`, "\x1b]0;x\x07", "\xff\xfe", " a", "é\u202e", "\U000e0001", "\U0001f600", "\\"} {
		f.Add(s, 0.5)
	}
	f.Fuzz(func(t *testing.T, s string, n float64) {
		table := func() *report.Table {
			return &report.Table{
				Noun: "rows", Columns: []report.Column{{Key: "a", Title: "A"}, {Key: "n", Title: "N"}, {Key: "l", Title: "L"}},
				Rows: rowsOf(nil, []report.Cell{report.Text(s), report.Float(n), report.List(report.Text(s), report.Record(s, report.Member{Key: s, Cell: report.Text(s)}))}),
			}
		}
		for _, format := range []Format{Table, JSON, CSV} {
			got := written(t, table(), Options{Format: format, Width: 20})
			for _, r := range got {
				if r != '\n' && r < ' ' || r >= 0x7f && !graphic(r) {
					t.Fatalf("%v lets %U through: %q", format, r, got)
				}
			}
			switch format {
			case JSON:
				checkJSON(t, got, s)
			case CSV:
				records, err := csv.NewReader(strings.NewReader(got)).ReadAll()
				if err != nil || len(records) != 2 || records[1][0] != Printable(s) {
					t.Fatalf("%q: %v", got, err)
				}
			}
		}
	})
}

func checkJSON(t *testing.T, got, s string) {
	t.Helper()
	var document struct{ Rows []struct{ A string } }
	if err := json.NewDecoder(strings.NewReader(got)).Decode(&document); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	if want := strings.ToValidUTF8(s, "\ufffd"); utf8.ValidString(s) && document.Rows[0].A != want {
		t.Fatalf("%q is read back as %q", s, document.Rows[0].A)
	}
}
