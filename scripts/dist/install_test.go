package dist

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// install runs scripts/install and returns the folder that stands for /usr.
func install(t *testing.T) string {
	t.Helper()
	return installAt(t, "/usr")
}

// installAt installs below another prefix, and returns what stands for it.
func installAt(t *testing.T, prefix string, environ ...string) string {
	t.Helper()
	names := testhost.Plugins(t)
	dir := testhost.Dir(t)
	cmd := exec.Command("sh", append([]string{"../install"}, names...)...)
	cmd.Env = append(os.Environ(), "DESTDIR="+dir, "PREFIX="+prefix, "SOURCE_DATE_EPOCH=1700000000",
		"BIN="+testhost.Build(t), "DOCUMENTATION="+testhost.Documentation(t))
	cmd.Env = append(cmd.Env, environ...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("scripts/install: %v\n%s", err, text)
	}
	return filepath.Join(dir, prefix)
}

// Units and examples name what was installed, wherever that is.
func TestExamplesNameTheInstallation(t *testing.T) {
	local := installAt(t, "/usr/local", "NAGIOS_PLUGINS=lib64/nagios/plugins")
	for file, want := range map[string]string{
		"lib/systemd/system/sockcensus-opens.service": "ExecStart=/usr/local/lib/sockcensus/opens on",
		"share/doc/sockcensus/sudo/sockcensus":        "/usr/local/lib64/nagios/plugins/check_conntrack --by src",
		"share/doc/sockcensus/nrpe/sockcensus.cfg":    "]=/usr/local/lib64/nagios/plugins/check_opens ",
		"share/doc/sockcensus/nagios/commands.cfg":    "/usr/lib64/nagios/plugins/check_nrpe ",
		"share/doc/sockcensus/munin/sockcensus":       "/usr/local/lib/sockcensus/grant-capabilities",
		"share/doc/sockcensus/README.md":              "](connections.md)",
		"share/doc/sockcensus/connections.md":         "# connections",
		"share/doc/sockcensus/examples.md":            "nrpe/sockcensus.cfg",
		"share/doc/sockcensus/LICENSE":                "Apache License",
	} {
		if text := read(t, filepath.Join(local, file)); !strings.Contains(text, want) {
			t.Errorf("%s lacks %q", file, want)
		}
	}
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
	for _, name := range testhost.Plugins(t) {
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
