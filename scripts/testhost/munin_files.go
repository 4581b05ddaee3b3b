package testhost

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// muninPaths are the directories that Munin's installation fixed and that a fixture
// moves below its own. Only Munin::Common::Defaults knows them; munin-node has no
// options for most.
var muninPaths = map[string]string{
	"CONFDIR": "conf", "DBDIR": "db", "PLUGSTATE": "state", "SPOOLDIR": "spool",
	"LOGDIR": "log", "STATEDIR": "run", "HTMLDIR": "html", "CGITMPDIR": "cgi",
}

// defaultsFile is where Perl looks for Munin::Common::Defaults below a library.
const defaultsFile = "Munin/Common/Defaults.pm"

// moveMunin writes a copy of Munin::Common::Defaults that points below dir, and
// returns the environment that makes Munin's programs load it. They trust
// $PERL5LIB, which the plugins see too, beside what Munin sets for them.
func moveMunin(t testing.TB, dir string) []string {
	t.Helper()
	paths := map[string]string{}
	for name, sub := range muninPaths {
		paths[name] = filepath.Join(dir, sub)
	}
	lib := filepath.Join(dir, "perl")
	writeFile(t, filepath.Join(lib, defaultsFile), movePaths(t, muninDefaults(t), paths))
	writeFile(t, filepath.Join(lib, "TesthostClock.pm"), clockModule)
	return []string{daemonPath, "LC_ALL=C", "PERL5LIB=" + lib}
}

// muninDefaults is the text of the installed Munin::Common::Defaults.
func muninDefaults(t testing.TB) string {
	t.Helper()
	perl := Need(t, "perl")
	out, err := exec.Command(perl, "-MMunin::Common::Defaults", "-e", "local $/; open F, $INC{'"+defaultsFile+"'}; print <F>").Output()
	if err != nil {
		giveUp(t, inCI() && os.Getuid() == 0, "Munin's Perl modules are not installed: apt-get install --no-install-recommends munin-common")
	}
	return string(out)
}

// movePaths changes what Munin::Common::Defaults assigns to MUNIN_NAME.
func movePaths(t testing.TB, defaults string, paths map[string]string) string {
	t.Helper()
	for name, path := range paths {
		assignment := regexp.MustCompile(`(our \$MUNIN_` + name + `\s*=\s*)[^;]*;`)
		if !assignment.MatchString(defaults) {
			t.Fatalf("Munin::Common::Defaults of this release sets no MUNIN_%s", name)
		}
		defaults = assignment.ReplaceAllString(defaults, "${1}q{"+path+"};")
	}
	return defaults
}

// muninVersion is the release that moveMunin found.
func muninVersion(t testing.TB, dir string) string {
	t.Helper()
	text := readLog(filepath.Join(dir, "perl", defaultsFile))
	found := regexp.MustCompile(`our \$MUNIN_VERSION\s*=\s*q\{([^}]*)\}`).FindStringSubmatch(text)
	if found == nil {
		t.Fatal("Munin::Common::Defaults of this release sets no MUNIN_VERSION")
	}
	return found[1]
}

// clockModule makes a Perl program believe that $TESTHOST_TIME was the time when it
// started. It is loaded before anything that reads the clock.
const clockModule = `package TesthostClock;
use strict;
use warnings;
use Time::HiRes ();
BEGIN {
    my $real = \&Time::HiRes::time;
    my $shift = defined $ENV{TESTHOST_TIME} ? $ENV{TESTHOST_TIME} - $real->() : 0;
    no warnings qw(redefine prototype once);
    *CORE::GLOBAL::time = sub () { int($real->() + $shift) };
    *Time::HiRes::time = sub () { $real->() + $shift };
    *Time::HiRes::gettimeofday = sub () {
        my $now = $real->() + $shift;
        return wantarray ? (int $now, int(($now - int $now) * 1e6)) : $now;
    };
    # The first round starts a database 300 s before the library's own clock.
    if (defined $ENV{TESTHOST_TIME} and eval { require RRDs; 1 }) {
        my $create = \&RRDs::create;
        *RRDs::create = sub {
            my @args = @_;
            for my $i (1 .. $#args) {
                next unless $args[$i - 1] eq '--start' and $args[$i] < 0;
                $args[$i] += int($real->() + $shift);
            }
            return $create->(@args);
        };
    }
}
1;
`

// suspicious finds what Munin logs when something is not as it should be. Its logs
// carry no level, only words in the text.
var suspicious = regexp.MustCompile(`(?i)warn|error|fatal|\bbug\b|fail|unable|could not|can't|refus|invalid|illegal|timed? ?out|exited with status`)

// suspiciousLines returns the lines of a log that report trouble. Those that are
// marked as information may name fields such as insert_failed.
func suspiciousLines(log string) []string {
	var lines []string
	for line := range strings.Lines(log) {
		if suspicious.MatchString(line) && !strings.Contains(line, " [INFO]") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}
