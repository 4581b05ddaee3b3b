package dist

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

func TestManualPages(t *testing.T) {
	man, lexgrog, mandoc := testhost.Need(t, "man"), testhost.Need(t, "lexgrog"), testhost.Need(t, "mandoc")
	usr := install(t)
	for _, name := range testhost.Plugins(t) {
		page := filepath.Join(usr, "share/man/man1/sockcensus-"+name+".1")
		cmd := exec.Command(man, "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page)
		cmd.Env = []string{"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"}
		var complaints strings.Builder
		cmd.Stderr = &complaints
		if err := cmd.Run(); err != nil || complaints.Len() > 0 {
			t.Errorf("man %s: %v\n%s", page, err, &complaints)
		}
		silent(t, mandoc, "-T", "lint", "-W", "warning", page)
		if out, err := exec.Command(lexgrog, page).CombinedOutput(); err != nil || !strings.Contains(string(out), "sockcensus-"+name+" - ") {
			t.Errorf("whatis would not know %s: %v %s", page, err, out)
		}
		// A date of the build, and none of today.
		if text := read(t, page); !strings.Contains(text, " 1 2023-11-14 ") {
			t.Errorf("SOURCE_DATE_EPOCH is not honoured: %.80s", text)
		}
		everyOptionIn(t, name, "the manual page", strings.ReplaceAll(read(t, page), `\-`, "-"), func(long string) string { return "--" + long })
	}
}

// everyOptionIn holds a text against the check's --help.
func everyOptionIn(t *testing.T, name, what, text string, spelled func(long string) string) {
	t.Helper()
	options := helpOptions(t, name)
	if len(options) < 10 {
		t.Fatalf("check_%s --help lists only %q", name, options)
	}
	for _, long := range options {
		if !strings.Contains(text, spelled(long)) {
			t.Errorf("%s of %s lacks --%s", what, name, long)
		}
	}
}

// helpOptions are the long names of all options that a service can have.
func helpOptions(t *testing.T, name string) []string {
	t.Helper()
	out, _ := exec.Command(testhost.Binary(t, "check_"+name), "--help").Output() // ends with 3
	var options []string
	for line := range strings.Lines(string(out)) {
		_, rest, ok := strings.Cut(line, "--")
		if !ok || !strings.HasPrefix(strings.TrimSpace(line), "-") {
			continue
		}
		long := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz0123456789-"))]
		if long != "help" && long != "version" {
			options = append(options, long)
		}
	}
	return options
}

func TestMuninDocumentation(t *testing.T) {
	podchecker := testhost.Need(t, "podchecker")
	usr := install(t)
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{})
	for _, name := range testhost.Plugins(t) {
		pod := filepath.Join(usr, "share/munin/plugins/"+name+"_.pod")
		if out, err := exec.Command(podchecker, "-warnings", "-warnings", pod).CombinedOutput(); err != nil || strings.Contains(string(out), "WARNING") {
			t.Errorf("%v: %s", err, out)
		}
		node.Offer(filepath.Join(usr, "share/munin/plugins/"+name+"_"))
		node.Offer(pod)
		shown := node.Doc(name + "_")
		if shown.Code != 0 || shown.Stderr != "" || !strings.Contains(shown.Stdout, name+"_ - Munin plugin: ") {
			t.Errorf("munindoc %s_: %s", name, shown)
		}
		everyOptionIn(t, name, "munindoc", shown.Stdout, func(long string) string {
			return "env." + strings.ReplaceAll(long, "-", "_")
		})
	}
}
