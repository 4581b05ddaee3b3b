package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/report"
)

var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

// rowsOf yields rows through one reused slice, as plugins do, and then an
// error if there is one.
func rowsOf(err error, rows ...[]report.Cell) iter.Seq2[[]report.Cell, error] {
	return func(yield func([]report.Cell, error) bool) {
		var reused []report.Cell
		for _, row := range rows {
			reused = append(reused[:0], row...)
			if !yield(reused, nil) {
				return
			}
			for i := range reused {
				reused[i] = report.Text("overwritten")
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func sockets(err error) *report.Table {
	return &report.Table{
		Noun: "sockets", Time: noon, Source: func() string { return "netlink" },
		Columns: []report.Column{
			{Key: "state", Title: "State"}, {Key: "recv_q", Title: "Recv-Q", Right: true}, {Key: "local_address", Title: "Local"},
			{Key: "cookie", Hidden: true, Title: "Cookie"}, {Key: "uid"}, {Key: "process", Title: "Process"},
		},
		Rows: rowsOf(err,
			[]report.Cell{report.Text("established"), report.Uint(7), report.Text("10.0.0.1:443"), report.Text("2a"), report.Uint(0),
				report.List(
					report.Record("nginx", report.Member{Key: "name", Cell: report.Text("nginx")}, report.Member{Key: "pid", Cell: report.Uint(7)}),
					report.Record("sh", report.Member{Key: "name", Cell: report.Text("sh")}, report.Member{Key: "pid", Cell: report.Null()}))},
			[]report.Cell{report.Text("listening"), report.Uint(12345678), report.Text("[::]:80"), report.Null(), report.Bool(true), report.List()},
			[]report.Cell{report.Text("tim\x1b[31m,\"é"), report.Float(0.25), report.Text("")},
		),
	}
}

func written(t *testing.T, table *report.Table, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, table, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTable(t *testing.T) {
	want := strings.Join([]string{
		`State             Recv-Q  Local         Process`,
		`established            7  10.0.0.1:443  nginx,sh`,
		`listening       12345678  [::]:80       -`,
		`tim\x1b[31m,"é      0.25  -             -`,
		``}, "\n")
	if d := cmp.Diff(want, written(t, sockets(nil), Options{})); d != "" {
		t.Error(d)
	}
}

func TestColor(t *testing.T) {
	got := written(t, sockets(nil), Options{Color: true})
	plain := written(t, sockets(nil), Options{})
	if !strings.HasPrefix(got, "\x1b[1mState ") || strings.Count(got, "\x1b") != 2 {
		t.Errorf("%q", got)
	}
	if stripped := strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "").Replace(got); stripped != plain {
		t.Errorf("%q", stripped)
	}
}

func TestWrapsOnTerminalsOnly(t *testing.T) {
	want := strings.Join([]string{
		`State             Recv-Q`,
		`        Local         Process`,
		`established            7`,
		`        10.0.0.1:443  nginx,sh`,
		`listening       12345678`,
		`        [::]:80       -`,
		`tim\x1b[31m,"é      0.25`,
		`        -             -`,
		``}, "\n")
	got := written(t, sockets(nil), Options{Width: 31})
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	whole := written(t, sockets(nil), Options{Width: 0})
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(whole), " ") {
		t.Error("something is cut")
	}
	if wide := written(t, sockets(nil), Options{Width: 200}); wide != whole {
		t.Errorf("broken although it fits: %q", wide)
	}
}

// A terminal of any width shows every cell whole, and no line is longer than
// the terminal unless one cell alone is.
func TestAnyWidth(t *testing.T) {
	whole := strings.Fields(written(t, sockets(nil), Options{}))
	for width := 1; width < 80; width++ {
		got := written(t, sockets(nil), Options{Width: width})
		if d := cmp.Diff(whole, strings.Fields(got)); d != "" {
			t.Fatalf("width %d: %s", width, d)
		}
		for line := range strings.Lines(got) {
			if n := utf8.RuneCountInString(line) - 1; n > width && len(strings.Fields(line)) > 1 {
				t.Fatalf("width %d: %q", width, line)
			}
		}
	}
}

func TestWidthsGrow(t *testing.T) {
	var rows [][]report.Cell
	for i := range lookahead + 2 {
		name := "x"
		if i > lookahead {
			name = "a wider one"
		}
		rows = append(rows, []report.Cell{report.Text(name), report.Uint(i)})
	}
	table := &report.Table{Columns: []report.Column{{Key: "a", Title: "A"}, {Key: "n", Title: "N", Right: true}}, Rows: rowsOf(nil, rows...)}
	lines := strings.Split(written(t, table, Options{}), "\n")
	if lines[1] != "x    0" || lines[lookahead] != "x  255" || lines[lookahead+1] != "x  256" || lines[lookahead+2] != "a wider one  257" {
		t.Errorf("%q", lines[lookahead:])
	}
}

func TestJSON(t *testing.T) {
	want := `{"sockets": [
  {"state": "established", "recv_q": 7, "local_address": "10.0.0.1:443", "cookie": "2a", "uid": 0, "process": [{"name": "nginx", "pid": 7}, {"name": "sh", "pid": null}]},
  {"state": "listening", "recv_q": 12345678, "local_address": "[::]:80", "cookie": null, "uid": true, "process": []},
  {"state": "tim\u001b[31m,\"é", "recv_q": 0.25, "local_address": "", "cookie": null, "uid": null, "process": null}
],
"source": "netlink",
"time": "2024-05-06T12:00:00Z"}
`
	got := written(t, sockets(nil), Options{Format: JSON})
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !json.Valid([]byte(got)) {
		t.Error("not JSON")
	}
}

func TestCSV(t *testing.T) {
	want := `state,recv_q,local_address,cookie,uid,process
established,7,10.0.0.1:443,2a,0,nginx sh
listening,12345678,[::]:80,,true,
"tim\x1b[31m,""é",0.25,,,,
`
	got := written(t, sockets(nil), Options{Format: CSV})
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	records, err := csv.NewReader(strings.NewReader(got)).ReadAll()
	if err != nil || len(records) != 4 || records[3][0] != `tim\x1b[31m,"é` {
		t.Errorf("%q, %v", records, err)
	}
}

func TestNoRows(t *testing.T) {
	empty := func() *report.Table {
		table := sockets(nil)
		table.Rows = rowsOf(nil)
		table.Source, table.Time = nil, time.Time{}
		return table
	}
	if got := written(t, empty(), Options{}); got != "State  Recv-Q  Local  Process\n" {
		t.Errorf("%q", got)
	}
	if got := written(t, empty(), Options{Format: CSV}); got != "state,recv_q,local_address,cookie,uid,process\n" {
		t.Errorf("%q", got)
	}
	got := written(t, empty(), Options{Format: JSON})
	if want := "{\"sockets\": [],\n\"source\": null,\n\"time\": null}\n"; got != want || !json.Valid([]byte(got)) {
		t.Errorf("%q", got)
	}
	for _, format := range []Format{Table, CSV, JSON} {
		written(t, &report.Table{Rows: rowsOf(nil, nil, []report.Cell{report.Text("a")})}, Options{Format: format})
	}
}

// errRow holds what JSON and terminals have to be kept from.
var errRow error = hostileError{}

type hostileError struct{}

func (hostileError) Error() string { return "dump was \"interrupted\"\n" }

func TestRowError(t *testing.T) {
	for _, format := range []Format{Table, JSON, CSV} {
		var b bytes.Buffer
		err := Write(&b, sockets(errRow), Options{Format: format})
		if err != errRow {
			t.Errorf("%v: error %v", format, err)
		}
		if !strings.Contains(b.String(), "listening") || strings.Contains(b.String(), "overwritten") {
			t.Errorf("%v: rows before the error are missing: %q", format, &b)
		}
		if format != JSON {
			continue
		}
		var document struct {
			Error   string
			Sockets []any
		}
		if err := json.Unmarshal(b.Bytes(), &document); err != nil || document.Error != errRow.Error() || len(document.Sockets) != 3 {
			t.Errorf("%v: %q", err, &b)
		}
	}
}

// Where there is nothing but an error, no heading stands above nothing.
func TestErrorAlone(t *testing.T) {
	for format, want := range map[Format]string{Table: "", CSV: "", JSON: "{\"sockets\": [],\n\"source\": \"netlink\",\n\"time\": \"2024-05-06T12:00:00Z\",\n\"error\": \"no right\"}\n"} {
		table := sockets(nil)
		noRight := errors.New("no right")
		table.Rows = rowsOf(noRight)
		var b bytes.Buffer
		if err := Write(&b, table, Options{Format: format}); err != noRight || b.String() != want {
			t.Errorf("%v: %q, %v", format, &b, err)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for name, want := range map[string]Format{"": Table, "table": Table, "json": JSON, "csv": CSV} {
		if got, err := ParseFormat(name); got != want || err != nil {
			t.Errorf("%q is %v, %v", name, got, err)
		}
	}
	if _, err := ParseFormat("xml"); err == nil || err.Error() != `--format "xml": use table, json or csv` {
		t.Errorf("%v", err)
	}
}

func TestNumbers(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 0.1: "0.1", 1e20: "100000000000000000000", -2.5: "-2.5", 1e300: "1e+300", 1e-9: "1e-09", math.Inf(1): "null", 1.0 / 3: "0.3333333333333333",
	} {
		got := string(appendNumber(nil, f))
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("%v is %q, want %q", f, got, want)
		}
	}
	for f, want := range map[float64]string{1.0 / 3: "0.333333", -1e-9: "0", 85.5: "85.5", math.Inf(-1): ""} {
		if got := string(appendFloat(nil, f)); got != want {
			t.Errorf("%v is %q, want %q", f, got, want)
		}
	}
	if got := string(appendNumber(nil, math.NaN())); got != "null" {
		t.Errorf("NaN is %q", got)
	}
}
