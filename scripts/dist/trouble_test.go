package dist

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A trouble is a bad setup that the README's troubleshooting section is about.
type trouble struct {
	name string
	// explains are the beginnings of the messages that the section explains
	// and that this setup, and no other, brings forth.
	explains []string
	// provoke makes the setup. Each of the bad results shows one of these
	// messages at least; none of the mended ones, got after what the section
	// advises, shows any.
	provoke func(s *site) (bad, mended []testhost.Result)
}

func allTroubles() []trouble {
	return slices.Concat(rightTroubles, stateTroubles, kernelTroubles, usageTroubles, muninTroubles, nagiosTroubles)
}

// What the section explains and what the programs print cannot drift apart:
// each setup shows the messages it should and no other that is explained, and
// each explained message is shown by a setup.
func TestTroubleshooting(t *testing.T) {
	testhost.NeedRoot(t)
	explained := explainedMessages(t)
	ns, usr := testhost.NewNetns(t), install(t)
	track(t, ns)
	talk(t, ns)
	untested := map[string]bool{}
	for _, m := range explained {
		untested[m.text] = true
	}
	for _, trouble := range allTroubles() {
		want := named(t, explained, trouble.explains)
		for _, m := range want {
			delete(untested, m.text)
		}
		t.Run(trouble.name, func(t *testing.T) {
			bad, mended := trouble.provoke(&site{t: t, ns: ns, usr: usr})
			var all []message
			for _, result := range bad {
				shown := shownMessages(explained, result)
				if len(shown) == 0 {
					t.Errorf("no message that is explained in\n%s", result)
				}
				all = append(all, shown...)
			}
			for _, m := range explained {
				shown, wanted := has(all, m), has(want, m)
				if shown != wanted {
					t.Errorf("%q: shown %v, but explained for this %v; all that was shown:\n%v", m.text, shown, wanted, bad)
				}
			}
			for _, result := range mended {
				for _, m := range shownMessages(explained, result) {
					t.Errorf("%q after what the section advises:\n%s", m.text, result)
				}
			}
		})
	}
	for text := range untested {
		t.Errorf("%q is explained, and no setup shows it", text)
	}
}

// track makes the connections of a namespace tracked from now on.
func track(t *testing.T, ns *testhost.Netns) {
	t.Helper()
	const rule = "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state new accept"
	if r := testhost.Run(t, testhost.Command{Path: testhost.Need(t, "nft"), Args: []string{rule}, Netns: ns}); r.Code != 0 {
		t.Fatalf("nft %s: %s", rule, r)
	}
}

// A message is one that the section explains; "..." in it is any text.
type message struct {
	text    string
	pattern *regexp.Regexp
}

func has(all []message, m message) bool {
	return slices.ContainsFunc(all, func(other message) bool { return other.text == m.text })
}

// explainedMessages reads the first column of the section's tables.
func explainedMessages(t *testing.T) (all []message) {
	t.Helper()
	_, section, _ := strings.Cut(read(t, "../../README.md"), "\n## Troubleshooting\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) < 4 {
			continue
		}
		for _, span := range regexp.MustCompile("`[^`]+`").FindAllString(cells[1], -1) {
			text := strings.ReplaceAll(strings.Trim(span, "`"), "\x00", "|")
			all = append(all, message{text, messagePattern(text)})
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d messages in the section", len(all))
	}
	return all
}

// messagePattern finds a message as a sentence or a clause of its own.
func messagePattern(text string) *regexp.Regexp {
	words := strings.ReplaceAll(regexp.QuoteMeta(text), `\.\.\.`, ".*")
	words = strings.ReplaceAll(words, " .* ", " (.* )?")
	words = regexp.MustCompile(` \.\*$`).ReplaceAllString(words, "( .*)?")
	begin := `(^|[:;,] |\()`
	if strings.HasPrefix(text, "...") {
		begin = ""
	}
	return regexp.MustCompile(begin + words + `($|[:;,)]| [|(]| \.\.\.)`)
}

// A program's output names who speaks before the message.
var speaker = regexp.MustCompile(`^([A-Z]+ (OK|WARNING|CRITICAL|UNKNOWN) - |# sockcensus: |[a-z]+: |\[\d+\] )`)

// shownMessages are the explained messages in what a program printed.
func shownMessages(explained []message, r testhost.Result) (shown []message) {
	for line := range strings.Lines(r.Stdout + "\n" + r.Stderr) {
		line = strings.TrimSpace(line)
		for _, m := range explained {
			if m.pattern.MatchString(line) || m.pattern.MatchString(speaker.ReplaceAllString(line, "")) {
				shown = append(shown, m)
			}
		}
	}
	return shown
}

// named finds the explained messages by their beginnings.
func named(t *testing.T, explained []message, beginnings []string) (found []message) {
	t.Helper()
	for _, beginning := range beginnings {
		n := len(found)
		for _, m := range explained {
			if strings.HasPrefix(m.text, beginning) {
				found = append(found, m)
			}
		}
		if len(found) != n+1 {
			t.Errorf("%d messages of the section begin with %q, want one", len(found)-n, beginning)
		}
	}
	return found
}

// A site is a host with the plugins installed, where something is wrong. All
// checks run as Nagios' user, all Munin plugins as Munin's.
type site struct {
	t   *testing.T
	ns  *testhost.Netns
	usr string
}

func (s *site) installed(name string) string {
	if strings.HasPrefix(name, "check_") {
		return filepath.Join(s.usr, "lib/nagios/plugins", name)
	}
	return filepath.Join(s.usr, "bin/sockcensus-"+name)
}

// check runs a check. It has nothing to say to standard error.
func (s *site) check(name string, args ...string) testhost.Result {
	s.t.Helper()
	r := testhost.Run(s.t, testhost.Command{Path: s.installed(name), Args: args, User: testhost.NagiosUser(s.t), Netns: s.ns})
	if r.Code > 3 || r.Stderr != "" {
		s.t.Errorf("%s %q: %s", name, args, r)
	}
	return r
}

// person runs a command, as Nagios' user too.
func (s *site) person(name string, args ...string) testhost.Result {
	s.t.Helper()
	return testhost.Run(s.t, testhost.Command{Path: s.installed(name), Args: args, User: testhost.NagiosUser(s.t), Netns: s.ns})
}

// asRoot is what sudo does for a command or a check.
func (s *site) asRoot(name string, args ...string) testhost.Result {
	s.t.Helper()
	return testhost.Run(s.t, testhost.Command{Path: s.installed(name), Args: args, Netns: s.ns})
}

// node is a munin-node that has links of ours.
func (s *site) node(conf string, links ...string) *testhost.MuninNode {
	s.t.Helper()
	node := testhost.NewMuninNode(s.t, testhost.MuninNodeOptions{Netns: s.ns})
	for _, link := range links {
		plugin := regexp.MustCompile(`^[a-z]+`).FindString(link)
		node.Link(link, filepath.Join(s.usr, "share/munin/plugins", plugin+"_"))
	}
	node.Conf(conf)
	return node
}

// munin fetches a link by munin-run with lines for plugin-conf.d. Whatever is
// wrong, munin-node never has a reason to answer "# Bad exit".
func (s *site) munin(link string, conf ...string) testhost.Result {
	s.t.Helper()
	node := s.node("["+link+"]\n"+strings.Join(conf, "\n")+"\n", link)
	for _, command := range []string{"config", ""} {
		if r := node.Run(link, command); r.Code != 0 || r.Stderr != "" {
			s.t.Errorf("munin-run %s %s: %s", link, command, r)
		}
	}
	return node.Run(link, "")
}

// sandbox runs scripts as root in a mount namespace whose /run and /var/lib are
// empty and whose /etc is a copy, so that paths are as on any host and nothing of
// this one is touched. In them, "nagios COMMAND ..." runs a command as that user,
// which gives a result; check_NAME, sockcensus-NAME and prepare-host are in the
// path; and $state is where prepare-host makes that user's state directory. What
// the section advises is done by the second script.
func (s *site) sandbox(setup, advice string) (bad, mended []testhost.Result) {
	s.t.Helper()
	const before = `set -e
exec 2>&1
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir /run/etc
cp -a /etc/passwd /etc/group /etc/nsswitch.conf /run/etc
mount --bind /run/etc /etc
state=/var/lib/sockcensus/$(id -u nagios)
nagios() {
	echo "=== $*"
	setpriv --reuid=nagios --regid=nagios --clear-groups env -i PATH="$PATH" LC_ALL=C "$@" || :
}
`
	testhost.NagiosUser(s.t)
	testhost.Need(s.t, "setpriv")
	r := testhost.Run(s.t, testhost.Command{
		Path: testhost.Need(s.t, "unshare"),
		Args: []string{"--mount", "--propagation", "private", "sh", "-c", before + setup + "\necho === advice\n" + advice + "\n"},
		Env: []string{"LC_ALL=C", "PATH=" + strings.Join([]string{
			s.usr + "/lib/nagios/plugins", s.usr + "/bin", s.usr + "/lib/sockcensus", "/usr/sbin:/usr/bin:/sbin:/bin"}, ":")},
		Netns: s.ns,
	})
	if r.Code != 0 {
		s.t.Fatalf("the script failed: %s", r)
	}
	results := &bad
	for i, run := range strings.Split("\n"+r.Stdout, "\n=== ") {
		command, printed, _ := strings.Cut(run, "\n")
		switch {
		case command == "advice":
			results = &mended
		case i > 0:
			*results = append(*results, testhost.Result{Stdout: printed})
		}
	}
	return bad, mended
}

// copied is a file of this name that is a copy of a program, without the right
// to run it.
func (s *site) copied(program, name string) string {
	s.t.Helper()
	path := filepath.Join(testhost.Dir(s.t), name)
	if err := os.WriteFile(path, []byte(read(s.t, program)), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}
