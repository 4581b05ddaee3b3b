package dist

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// plugins are the names of all plugins, or of those in $PLUGINS.
func plugins(t *testing.T) []string {
	t.Helper()
	if some := os.Getenv("PLUGINS"); some != "" {
		return strings.Fields(some)
	}
	mains, err := filepath.Glob("../../plugins/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no plugins found: %v", err)
	}
	var names []string
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	return names
}

// install runs scripts/install and returns the folder that stands for /usr.
func install(t *testing.T) string {
	t.Helper()
	names := plugins(t)
	dir := testhost.Dir(t)
	cmd := exec.Command("sh", append([]string{"../install"}, names...)...)
	cmd.Env = append(os.Environ(), "DESTDIR="+dir, "PREFIX=/usr", "SOURCE_DATE_EPOCH=1700000000",
		"BIN="+testhost.Build(t), "DOCUMENTATION="+testhost.Documentation(t))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("scripts/install: %v\n%s", err, text)
	}
	return filepath.Join(dir, "usr")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// silent runs a program that must find nothing to say.
func silent(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=")
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, text)
	}
}

func TestLinksAreRelative(t *testing.T) {
	usr := install(t)
	for _, name := range plugins(t) {
		for _, link := range []string{"lib/nagios/plugins/check_" + name, "share/munin/plugins/" + name + "_", "bin/sockcensus-" + name} {
			target, err := os.Readlink(filepath.Join(usr, link))
			if err != nil || filepath.IsAbs(target) {
				t.Errorf("%s leads to %q: %v", link, target, err)
			}
			real, err := filepath.EvalSymlinks(filepath.Join(usr, link))
			if err != nil || real != filepath.Join(usr, "lib/sockcensus", name) {
				t.Errorf("%s leads to %q: %v", link, real, err)
			}
		}
	}
}
