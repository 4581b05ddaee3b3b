// Package pkg_test holds the rules of the house: which package may know which.
package pkg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sockcensus/sockcensus/"

// Groups of packages that the rules speak of.
var (
	dialects = []string{"pkg/munin", "pkg/nagios", "pkg/prometheus", "pkg/table"}
	// domain packages measure. They know nothing of how it is said.
	domain = []string{
		"pkg/sock", "pkg/sock/age", "pkg/sock/filter", "pkg/sock/names", "pkg/sock/owner", "pkg/sock/procnet",
		"pkg/sock/scan", "pkg/sock/sockdiag", "pkg/conntrack", "pkg/opens", "pkg/history", "pkg/netns", "pkg/kernfs",
		"pkg/baseline",
	}
)

// anywhere may be imported by every package of ours: it knows none of them.
const anywhere = "pkg/quote"

// arrows are the packages of ours that each may import. Plugins and programs
// under scripts have rules of their own.
var arrows = map[string][]string{
	anywhere:         nil,
	"pkg/threshold":  nil,
	"pkg/report":     {"pkg/threshold"},
	"pkg/munin":      {"pkg/report", "pkg/threshold"},
	"pkg/nagios":     {"pkg/report", "pkg/threshold"},
	"pkg/prometheus": {"pkg/report", "pkg/threshold"},
	"pkg/table":      {"pkg/report", "pkg/threshold"},
	"pkg/state":      nil,
	"pkg/plugin":     append([]string{"pkg/report", "pkg/threshold", "pkg/state"}, dialects...),
	"pkg/selection": {
		"pkg/plugin", "pkg/kernfs", "pkg/netns", "pkg/sock", "pkg/sock/filter", "pkg/sock/names", "pkg/sock/owner", "pkg/sock/scan",
	},

	"pkg/kernfs":   nil,
	"pkg/netns":    {"pkg/kernfs"},
	"pkg/baseline": {"pkg/sock", "pkg/sock/owner"},
	// The connection-tracking table and the counters of opened connections are
	// no sockets.
	"pkg/conntrack": {"pkg/kernfs", "pkg/netns"},
	"pkg/opens":     {"pkg/kernfs", "pkg/netns"},
	"pkg/history":   {"pkg/opens"},

	"pkg/sock":                   nil,
	"pkg/sock/age":               {"pkg/sock"},
	"pkg/sock/filter":            {"pkg/sock"},
	"pkg/sock/filter/filtertest": nil,
	"pkg/sock/names":             {"pkg/kernfs", "pkg/sock/owner"},
	"pkg/sock/owner":             {"pkg/kernfs"},
	"pkg/sock/procnet":           {"pkg/kernfs", "pkg/sock", "pkg/sock/filter"},
	"pkg/sock/sockdiag":          {"pkg/sock", "pkg/sock/filter"},
	"pkg/sock/scan": {
		"pkg/kernfs", "pkg/netns", "pkg/sock", "pkg/sock/filter", "pkg/sock/owner", "pkg/sock/procnet", "pkg/sock/sockdiag",
	},
	"pkg/sock/socktest": {"pkg/sock"},
}

// A pkg is a package of this module and what it imports, tests apart.
type pkg struct {
	name    string
	imports []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var found []pkg
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		found = append(found, pkg{strings.TrimPrefix(words[0], module), words[1:]})
	}
	return found
}

// TestArrows checks every import between packages of ours.
func TestArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		seen[p.name] = true
		allowed, known := allowedFor(p.name)
		if !known {
			t.Errorf("%s is a new package: say in this test what it may import", p.name)
			continue
		}
		for _, path := range p.imports {
			if name, ours := strings.CutPrefix(path, module); ours && name != anywhere && !slices.Contains(allowed, name) {
				t.Errorf("%s imports %s", p.name, name)
			}
		}
	}
	for name := range arrows {
		if !seen[name] {
			t.Errorf("there is no package %s any more", name)
		}
	}
}

// allowedFor returns what a package may import.
func allowedFor(name string) (allowed []string, known bool) {
	switch {
	case strings.HasPrefix(name, "plugins/"):
		return append([]string{"pkg/plugin", "pkg/selection", "pkg/state", "pkg/report", "pkg/threshold"}, domain...), true
	case strings.HasPrefix(name, "scripts/"):
		return append([]string{"pkg/sock/socktest", "scripts/testhost"}, domain...), true
	case name == "pkg":
		return nil, true
	default:
		allowed, known = arrows[name]
		return allowed, known
	}
}

// TestQuoting wants what users gave to be quoted as monitoring systems can carry
// it: fmt's %q prints \n, \t and whatever Unicode calls printable.
func TestQuoting(t *testing.T) {
	for _, dir := range []string{".", "../plugins"} {
		err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := os.ReadFile(file)
			for _, word := range []string{"%q", "strconv.Quote("} {
				if strings.Contains(string(source), word) {
					t.Errorf("%s has %s: use quote.Text", file, word)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestForbiddenImports keeps other programs, and what makes binaries large, out.
func TestForbiddenImports(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.name, "scripts/") {
			continue
		}
		if slices.Contains(p.imports, "os/exec") {
			t.Errorf("%s runs other programs", p.name)
		}
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, path.Base(p.name)) {
			t.Errorf("package %s is named for nothing", p.name)
		}
		for _, path := range p.imports {
			heavy := strings.HasPrefix(path, "github.com/cilium/ebpf") || path == "github.com/google/nftables" ||
				strings.HasPrefix(path, "modernc.org/")
			if heavy && !slices.Contains([]string{"pkg/opens", "pkg/history", "plugins/opens"}, p.name) {
				t.Errorf("%s imports %s", p.name, path)
			}
		}
	}
}

// TestSmallBinaries checks what the small plugins link, by any way.
func TestSmallBinaries(t *testing.T) {
	for _, name := range []string{"connections", "clients", "listeners", "conntrack"} {
		out, err := exec.Command("go", "list", "-e", "-deps", module+"plugins/"+name).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for path := range strings.FieldsSeq(string(out)) {
			large := slices.Contains([]string{
				"encoding/json", "encoding/xml", "text/template", "html/template", "net/http", "regexp", "os/exec", "database/sql",
				module + "pkg/opens", module + "pkg/history", module + "pkg/sock/socktest",
			}, path)
			if large || strings.HasPrefix(path, "github.com/cilium/") || strings.HasPrefix(path, "modernc.org/") {
				t.Errorf("plugin %s links %s", name, path)
			}
		}
	}
}

// TestOneExit wants a run to come back to the frame, so that every personality
// can be tested on buffers and says what it has to say.
func TestOneExit(t *testing.T) {
	exits := 0
	for _, dir := range []string{".", "../plugins"} {
		err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			where := exitsOf(t, file)
			exits += len(where)
			if len(where) > 0 && filepath.ToSlash(file) != "plugin/run.go" {
				t.Errorf("os.Exit in %v", where)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if exits != 1 {
		t.Errorf("%d calls of os.Exit, want the one in plugin.Main", exits)
	}
}

// exitsOf returns where a file calls os.Exit or a log.Fatal.
func exitsOf(t *testing.T, file string) (where []token.Position) {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		call, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		from, ok := call.X.(*ast.Ident)
		if ok && (from.Name == "os" && call.Sel.Name == "Exit" || from.Name == "log" && strings.HasPrefix(call.Sel.Name, "Fatal")) {
			where = append(where, set.Position(call.Pos()))
		}
		return true
	})
	return where
}
