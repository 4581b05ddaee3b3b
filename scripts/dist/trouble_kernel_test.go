package dist

import (
	"strings"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

var kernelTroubles = []trouble{
	{"a protocol without its module", []string{"this kernel cannot list ... sockets from netlink"}, func(s *site) (bad, mended []testhost.Result) {
		for _, protocol := range []string{"sctp", "dccp"} {
			if r := s.check("check_connections", "--protocol", protocol); r.Code == 3 {
				bad = append(bad, r, s.munin("connections_exotic", "env.protocol "+protocol), s.person("connections", "list", "--protocol", protocol))
			}
		}
		if bad == nil {
			s.t.Skip("SKIPPED: this kernel lists all protocols")
		}
		return bad, nil
	}},
	{"no connection tracking", []string{"connection tracking is not loaded"}, func(s *site) (bad, mended []testhost.Result) {
		// A kernel shows that it has none by what is not below /proc.
		return s.sandbox("mount -t tmpfs tmpfs /proc; nagios check_conntrack; nagios sockcensus-conntrack count; nagios sockcensus-conntrack munin table", "")
	}},
	{"connection tracking that nothing uses", []string{"connection tracking is loaded but not in use"}, func(s *site) (bad, mended []testhost.Result) {
		s.ns = testhost.NewNetns(s.t)
		bad, _ = s.sandbox("nagios check_conntrack; nagios sockcensus-conntrack munin autoconf", "")
		track(s.t, s.ns)
		talk(s.t, s.ns)
		mended, _ = s.sandbox("nagios check_conntrack; nagios sockcensus-conntrack munin autoconf", "")
		return bad, mended
	}},
	{"a timeout", []string{"gave up after ... without an answer"}, func(s *site) (bad, mended []testhost.Result) {
		// A pipe that nobody writes to hangs as a dead file server does.
		const runs = "nagios check_connections -p https -t 500ms; nagios check_listeners -p https -t 500ms; " +
			"nagios env port=https timeout=500ms sockcensus-connections munin web"
		bad, mended = s.sandbox("mkfifo /etc/services; "+runs, "rm /etc/services; echo https 443/tcp >/etc/services; "+runs)
		if said := bad[2].Stdout; !strings.Contains(said, "raise env.timeout") || strings.Contains(said, "# timeout") {
			s.t.Errorf("Munin's administrator sets env.timeout, and its master gives up at a # timeout: %s", said)
		}
		return bad, mended
	}},
	{"IPv6 switched off", nil, func(s *site) (bad, mended []testhost.Result) {
		s.ns = testhost.NewNetns(s.t)
		_, mended = s.sandbox("", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; nagios check_connections --port 443 -w 10; nagios check_connections -6; nagios check_listeners")
		for _, r := range mended {
			if !strings.Contains(r.Stdout, " OK - 0 ") {
				s.t.Errorf("without IPv6: %s", r)
			}
		}
		return nil, mended
	}},
}

var usageTroubles = []trouble{
	{"too many groups", []string{"the performance data would take ... bytes"}, func(s *site) (bad, mended []testhost.Result) {
		return []testhost.Result{s.check("check_connections", "-p", "1-500", "--by", "port")},
			[]testhost.Result{s.check("check_connections", "-p", "1-100", "--by", "port")}
	}},
	{"a range that the shell changed", []string{"bad range"}, func(s *site) (bad, mended []testhost.Result) {
		bash := testhost.Need(s.t, "bash")
		line := s.installed("check_connections") + " -p 443 -w "
		run := func(word string) []testhost.Result {
			return []testhost.Result{testhost.Run(s.t, testhost.Command{Path: bash, Args: []string{"-c", line + word},
				Env: []string{"HOME=/var/lib/nagios"}, User: testhost.NagiosUser(s.t), Netns: s.ns})}
		}
		return append(run("~:10"), run("total=~:10")...), append(run("'~:10'"), run("'total=~:10'")...)
	}},
}
