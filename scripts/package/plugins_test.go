package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// makePackages runs scripts/package/run for this machine's architecture and
// returns the files that it made.
func makePackages(t *testing.T, formats, version string, environ ...string) []string {
	t.Helper()
	out := t.TempDir()
	cmd := exec.Command("./run", testhost.Plugins(t)...)
	cmd.Env = append(os.Environ(), "OUT="+out, "FORMATS="+formats, "VERSION="+version, "ARCHS="+hostArch(t))
	cmd.Env = append(cmd.Env, environ...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("scripts/package/run: %v\n%s", err, text)
	}
	files, err := filepath.Glob(filepath.Join(out, "*"))
	if err != nil || len(files) != len(strings.Fields(formats)) {
		t.Fatalf("scripts/package/run made %q for %s: %v", files, formats, err)
	}
	return files
}

func hostArch(t *testing.T) string {
	t.Helper()
	arch, err := exec.Command("go", "env", "GOHOSTARCH").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(arch))
}
