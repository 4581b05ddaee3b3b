package plugin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// keep runs KeepFields for a graph of these peers and returns the report.
func keep(t *testing.T, dir string, names ...string) *report.Report {
	t.Helper()
	return keepGraph(t, dir, "a", names...)
}

func keepGraph(t *testing.T, dir, suffix string, names ...string) *report.Report {
	t.Helper()
	r := &report.Report{Graphs: []report.Graph{{}}}
	for _, name := range names {
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, report.Metric{Name: name, Label: name, Value: report.Count(1), Open: true})
	}
	call := &Call{Plugin: fakePlugin(), Env: Env{Now: time.Now}, suffix: suffix, common: &Common{StateDir: dir}}
	err := call.KeepFields(context.Background(), r, "fake-peer-1", 3, func(string) report.Metric {
		return report.Metric{Value: report.Count(0)}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fieldNames(r *report.Report) string {
	var names []string
	for m := range r.Metrics() {
		names = append(names, m.Name)
	}
	return strings.Join(names, " ")
}

func TestKeepFields(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ now, want string }{{"a b", "a b"}, {"c", "a b c"}, {"d", "a b c"}} {
		r := keep(t, dir, strings.Fields(tt.now)...)
		if got := fieldNames(r); got != tt.want || len(r.Problems) != 0 {
			t.Errorf("with %s: fields %s, problems %q, want %s and none", tt.now, got, r.Problems, tt.want)
		}
	}
}

// Called by hand, without a file from munin-node, each graph has fields of its own.
func TestFieldsAreOfOneGraph(t *testing.T) {
	dir := t.TempDir()
	keepGraph(t, dir, "one", "a", "b")
	keepGraph(t, dir, "two", "c")
	for suffix, want := range map[string]string{"one": "a b d", "two": "c d"} {
		if r := keepGraph(t, dir, suffix, "d"); fieldNames(r) != want || len(r.Problems) != 0 {
			t.Errorf("%s: fields %s, problems %q, want %s", suffix, fieldNames(r), r.Problems, want)
		}
	}
}

func TestUnremembered(t *testing.T) {
	nowhere, gone, full := &state.DirError{Err: os.ErrNotExist}, &state.DirError{Dir: "/gone", Err: os.ErrNotExist}, errors.New("disk full")
	munin := []string{"MUNIN_STATEFILE=/gone/fake_a-"}
	for _, tt := range []struct {
		environ []string
		err     error
		said    int
	}{{nil, nowhere, 0}, {nil, gone, 1}, {nil, full, 1}, {munin, nowhere, 1}, {munin, gone, 1}, {munin, full, 1}} {
		r := new(report.Report)
		call := &Call{Plugin: fakePlugin(), Env: Env{Environ: tt.environ}}
		call.Unremembered(r, tt.err)
		if len(r.Problems) != tt.said || tt.said > 0 && !strings.HasSuffix(r.Problems[0], ": "+tt.err.Error()) {
			t.Errorf("%v with %q: problems %q, want %d", tt.err, tt.environ, r.Problems, tt.said)
		}
	}
}

// Fields that cannot be read any more are lost once, and that is said once.
func TestBrokenFields(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fake_a.fields")
	keep(t, dir, "a", "b")
	if err := os.WriteFile(path, []byte("half a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := keep(t, dir, "c")
	const want = "the fields of this graph begin anew: state file "
	if fieldNames(r) != "c" || len(r.Problems) != 1 || !strings.HasPrefix(r.Problems[0], want) || !strings.Contains(r.Problems[0], path) {
		t.Errorf("fields %s, problems %q, want c and %q", fieldNames(r), r.Problems, want)
	}
	if r := keep(t, dir, "d"); fieldNames(r) != "c d" || len(r.Problems) != 0 {
		t.Errorf("afterwards: fields %s, problems %q, want c d and none", fieldNames(r), r.Problems)
	}
}
