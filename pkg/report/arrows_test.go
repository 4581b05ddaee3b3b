package report_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The dialects know the report and its thresholds, and neither one another nor
// anything that measures; the report knows thresholds alone.
func TestArrows(t *testing.T) {
	const module = "github.com/sockcensus/sockcensus/pkg/"
	dialect := []string{"report", "threshold"}
	for name, allowed := range map[string][]string{
		"threshold": nil, "report": {"threshold"},
		"nagios": dialect, "munin": dialect, "prometheus": dialect, "table": dialect,
	} {
		out, err := exec.Command("go", "list", "-deps", module+name).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", name, err)
		}
		for _, path := range strings.Fields(string(out)) {
			short, ours := strings.CutPrefix(path, module)
			if ours && short != name && !slices.Contains(allowed, short) {
				t.Errorf("%s imports %s", name, path)
			}
			// Small binaries stay small: these bring reflection or a server.
			if slices.Contains([]string{"encoding/json", "text/template", "net/http", "encoding/xml", "regexp", "os/exec"}, path) {
				t.Errorf("%s brings %s into every binary", name, path)
			}
		}
	}
}
