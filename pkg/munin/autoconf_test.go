package munin

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// As Munin::Node::Configure::Plugin reads them.
var (
	autoconfLine = regexp.MustCompile(`^(?:yes|no \(.*\))\n$`)
	suggestLine  = regexp.MustCompile(`^[-\w.:]+$`)
)

func TestAutoconf(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{nil, "yes\n"},
		{errors.New("needs CAP_NET_ADMIN (see the manual)"), "no (needs CAP_NET_ADMIN (see the manual))\n"},
		{errors.Join(errors.New("a"), errors.New("b")), "no (a; b)\n"},
		{errors.New("\x1b[31mé\r\n"), `no (\x1b[31m\xc3\xa9)` + "\n"},
		{errors.New("Timeout of 8s"), "no (no answer: Timeout of 8s)\n"},
	}
	for _, tt := range tests {
		got := string(Autoconf(tt.err))
		if got != tt.want || !autoconfLine.MatchString(got) {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	got := string(Suggest([]string{"states", "443", "", "a b", "x\n", "é", "udp_53", "$(reboot)"}))
	if got != "states\n443\nudp_53\n" {
		t.Errorf("%q", got)
	}
	if got := Suggest(nil); len(got) > 0 {
		t.Errorf("nothing is %q", got)
	}
}

func TestReason(t *testing.T) {
	long := string(Reason(strings.Repeat("é", 5000)))
	if len(long) > maxReason+40 || !strings.HasSuffix(long, " ...\n") {
		t.Errorf("a long reason has %d bytes and ends in %q", len(long), long[len(long)-9:])
	}
	for reason, want := range map[string]string{
		"no right":                  "# sockcensus: no right\n",
		"timeout after 8s":          "# sockcensus: no answer: timeout after 8s\n",
		"  TIMEOUT":                 "# sockcensus: no answer: TIMEOUT\n",
		"bad word \"# timeout\"":    "# sockcensus: bad word \"#timeout\"\n",
		"a\nb\x00":                  "# sockcensus: a; b\\x00\n",
		"# timeout# timeout\n":      "# sockcensus: #timeout#timeout\n",
		"p443.value 5\np80.value 1": "# sockcensus: p443.value 5; p80.value 1\n",
	} {
		if got := string(Reason(reason)); got != want {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}

func FuzzReason(f *testing.F) {
	f.Add("timeout")
	f.Add("# # timeouttimeout")
	f.Add("\n#\ntimeout")
	f.Fuzz(func(t *testing.T, reason string) {
		checkLines(t, Reason(reason))
		if got := Autoconf(errors.New(reason)); !autoconfLine.Match(got) {
			t.Fatalf("%q", got)
		}
		for line := range strings.Lines(string(Suggest([]string{reason}))) {
			if !suggestLine.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Fatalf("%q", line)
			}
		}
	})
}

// A binary has the markers that its source names, once, and munin-node-configure
// finds them, stripped or not.
func TestMarkersInBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs")
	}
	for name, family := range map[string]string{"Auto": "auto", "Manual": "manual"} {
		for _, flags := range []string{"-s -w", ""} {
			dir := t.TempDir()
			binary := build(t, dir, flags, `package main

import "github.com/sockcensus/sockcensus/pkg/munin"

type definition struct{ markers string }

var global = &definition{markers: munin.`+name+`Markers}

func main() { println(global.markers != "", string(munin.Autoconf(nil))) }
`)
			image, err := os.ReadFile(binary)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(image), "#%#"); n != 2 {
				t.Errorf("%s with -ldflags %q: #%%# stands there %d times, want one block of 2", name, flags, n)
			}
			if got := markers(string(image)); got != family+" autoconf suggest" {
				t.Errorf("%s with -ldflags %q: munin-node-configure would read %q", name, flags, got)
			}
			askMunin(t, dir, family)
		}
	}
}

// markers reads a file as munin-node-configure does: the last family wins.
func markers(image string) string {
	family := regexp.MustCompile(`#%#\s+family\s*=\s*(\S+)\s*`)
	capabilities := regexp.MustCompile(`#%#\s+capabilities\s*=\s*(.+)`)
	var f, c string
	for line := range strings.Lines(image) {
		if m := family.FindStringSubmatch(line); m != nil {
			f = m[1]
		} else if m := capabilities.FindStringSubmatch(line); m != nil {
			c += m[1]
		}
	}
	return f + " " + c
}

// askMunin lets the real code read the markers of dir/plugin_.
func askMunin(t *testing.T, dir, family string) {
	t.Helper()
	testhost.Need(t, "munin-node-configure")
	script := `use Munin::Node::Configure::Plugin;
my $p = Munin::Node::Configure::Plugin->new(name => "plugin_", path => "` + dir + `/plugin_");
$p->read_magic_markers(); print "$p->{family} ", join(" ", sort keys %{$p->{capabilities}}), "\n";`
	out, err := exec.Command("perl", "-e", script).CombinedOutput()
	if want := family + " autoconf suggest\n"; err != nil || string(out) != want {
		t.Errorf("Munin reads %q, %v, want %q", out, err, want)
	}
}

func build(t *testing.T, dir, ldflags, source string) string {
	t.Helper()
	// The program has to be part of this module to import the package.
	inside, err := os.MkdirTemp("testdata", "marker")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(inside)
	if err := os.WriteFile(filepath.Join(inside, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "plugin_")
	command := exec.Command("go", "build", "-ldflags", ldflags, "-o", binary, "./"+inside)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
