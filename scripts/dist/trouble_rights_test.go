package dist

import (
	"strconv"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

var rightTroubles = []trouble{
	{"flows without CAP_NET_ADMIN", []string{"CAP_NET_ADMIN is needed to see flows"}, func(s *site) (bad, mended []testhost.Result) {
		bad = []testhost.Result{
			s.check("check_conntrack", "--protocol", "tcp"),
			s.check("check_conntrack", "--sample", "100ms"),
			s.person("conntrack", "list"),
			s.person("conntrack", "events", "--summary", "100ms"),
			s.munin("conntrack_states"),
			s.munin("conntrack_new"),
		}
		return bad, []testhost.Result{
			s.check("check_conntrack"),
			s.asRoot("check_conntrack", "--protocol", "tcp"),
			s.munin("conntrack_states", "user root"),
		}
	}},
	{"marks without CAP_NET_ADMIN", []string{"selecting sockets by their mark"}, func(s *site) (bad, mended []testhost.Result) {
		bad = []testhost.Result{
			s.check("check_connections", "--mark", "1"),
			s.check("check_connections", "--filter", "fwmark = 1"),
			s.person("connections", "list", "--mark", "1"),
			s.munin("connections_marked", "env.mark 1"),
		}
		return bad, []testhost.Result{s.asRoot("check_connections", "--mark", "1"), s.munin("connections_marked", "env.mark 1", "user root")}
	}},
	{"holders that may not be seen", []string{"the holders of"}, func(s *site) (bad, mended []testhost.Result) {
		bad = []testhost.Result{
			s.check("check_connections", "--process", "nginx"),
			s.person("connections", "list", "--process", "nginx"),
			s.munin("connections_web", "env.process nginx"),
		}
		return bad, []testhost.Result{
			s.check("check_connections", "--user", "www-data"),
			s.asRoot("check_connections", "--process", "nginx"),
			s.munin("connections_web", "env.process nginx", "user root"),
		}
	}},
	{"processes that may not be seen", []string{"... belong to processes"}, func(s *site) (bad, mended []testhost.Result) {
		bad = []testhost.Result{
			s.check("check_connections", "--by", "process"),
			s.person("connections", "list", "--processes"),
		}
		return bad, []testhost.Result{s.asRoot("check_connections", "--by", "process")}
	}},
	{"a namespace by its name", []string{"... network namespace ... needs"}, func(s *site) (bad, mended []testhost.Result) {
		other := testhost.NewNetns(s.t)
		inside := strconv.Itoa(testhost.Background(s.t, testhost.Command{Path: testhost.Need(s.t, "sleep"), Args: []string{"300"}, Netns: other}))
		for _, name := range []string{"check_connections", "check_listeners", "check_conntrack"} {
			bad = append(bad, s.check(name, "--netns", other.Name), s.check(name, "--netns", other.Path()))
			if name != "check_conntrack" { // which says that nothing is tracked there
				mended = append(mended, s.asRoot(name, "--netns", other.Name))
			}
			// By process id it works, and says that it took the tables of /proc.
			if r := s.check(name, "--netns", inside); r.Code != 0 {
				s.t.Errorf("%s with the id of a process: %s", name, r)
			}
		}
		return append(bad, s.munin("connections_states", "env.netns "+other.Name)), mended
	}},
	{"a namespace that is not there", []string{"no network namespace named"}, func(s *site) (bad, mended []testhost.Result) {
		return []testhost.Result{s.check("check_connections", "--netns", "gone")}, nil
	}},
	{"opens before it is switched on", []string{"connections are not being counted"}, func(s *site) (bad, mended []testhost.Result) {
		const runs = "nagios check_opens -p 443; nagios sockcensus-opens count"
		bad, mended = s.sandbox(runs, "sockcensus-opens on >/dev/null; "+runs)
		return append(bad, s.munin("opens_443", "env.bpffs "+testhost.Dir(s.t)+"/bpf")), mended
	}},
	{"opens on without root", []string{"neither method can count here"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("nagios sockcensus-opens on", "sockcensus-opens on >/dev/null; nagios sockcensus-opens status")
	}},
	{"opens without a history", []string{"there is no history at"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("sockcensus-opens on >/dev/null; nagios sockcensus-opens report -p 443",
			"prepare-host; sockcensus-opens record >/dev/null; nagios sockcensus-opens report -p 443")
	}},
	{"opens by nft without a snapshot", []string{"and the timer has published no snapshot yet"}, func(s *site) (bad, mended []testhost.Result) {
		const runs = "nagios check_opens -p 443; nagios sockcensus-opens count"
		return s.sandbox("trap 'sockcensus-opens off >/dev/null' EXIT; sockcensus-opens on --method nft >/dev/null; "+runs,
			"prepare-host; sockcensus-opens record >/dev/null; "+runs)
	}},
}
