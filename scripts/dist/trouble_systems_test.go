package dist

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

var muninTroubles = []trouble{
	{"a link with a wrong suffix", []string{`suffix "..." is none of the graphs`}, func(s *site) (bad, mended []testhost.Result) {
		for _, link := range []string{"connections_0443", "connections_443-445", "clients_states", "listeners_443", "conntrack_443"} {
			bad = append(bad, s.munin(link))
		}
		return bad, []testhost.Result{s.munin("connections_443"), s.munin("clients_443"), s.munin("listeners_queue"), s.munin("conntrack_table")}
	}},
	{"a link with a wrong name", []string{`link "..." is none of the graphs`}, func(s *site) (bad, mended []testhost.Result) {
		return []testhost.Result{s.munin("connections"), s.munin("connections-443"), s.munin("clients-443")}, nil
	}},
	{"options for another link", []string{"connections_... needs env.filter"}, func(s *site) (bad, mended []testhost.Result) {
		fetch := func(conf string) testhost.Result {
			return s.node(conf, "connections_viewers").Run("connections_viewers", "")
		}
		bad = []testhost.Result{
			fetch("[connection_viewers]\nenv.filter sport = :443\n"),
			fetch("[connections_viewers]\nenv.filters sport = :443\n"),
			fetch("[connections_viewers]\nfilter sport = :443\n"),
		}
		return bad, []testhost.Result{fetch("[connections_viewers]\nenv.filter sport = :443\n"), fetch("[connections_*]\nenv.filter sport = :443\n")}
	}},
	{"an option against the link's name", []string{"... cannot change this graph"}, func(s *site) (bad, mended []testhost.Result) {
		return []testhost.Result{s.munin("connections_443", "env.port 80"), s.munin("clients_443", "env.by network")},
			[]testhost.Result{s.munin("connections_443", "env.peer 10.0.0.0/8"), s.munin("connections_busy", "env.port 443", "env.by network")}
	}},
	{"plugins that munin-node cannot run", []string{"# Unknown service"}, func(s *site) (bad, mended []testhost.Result) {
		node := s.node("")
		program := s.copied(filepath.Join(s.usr, "lib/sockcensus/connections"), "connections_")
		node.Link("connections_443", program)
		node.Link("connections_80", "/usr/share/munin/plugins/gone_")
		node.Start()
		client := node.Client()
		node.Link("connections_22", s.installed("connections")) // after the node was started
		late := testhost.Result{Stdout: strings.Join(client.Fetch("connections_22"), "\n")}
		for _, link := range []string{"connections_443", "connections_80", "connections_nowhere"} {
			bad = append(bad, node.Run(link, ""), testhost.Result{Stdout: strings.Join(client.Fetch(link), "\n")})
		}
		client.Quit()
		node.Stop()
		if err := os.Chmod(program, 0o755); err != nil {
			s.t.Fatal(err)
		}
		node.Start()
		client = node.Client()
		for _, link := range []string{"connections_443", "connections_22"} {
			mended = append(mended, node.Run(link, ""), testhost.Result{Stdout: strings.Join(client.Fetch(link), "\n")})
		}
		return append(bad, late), mended
	}},
}

var nagiosTroubles = []trouble{
	{"checks that NRPE's shell cannot run", []string{"NRPE: Unable to read output"}, func(s *site) (bad, mended []testhost.Result) {
		program := s.copied(filepath.Join(s.usr, "lib/sockcensus/connections"), "check_connections")
		nrpe := testhost.NewNRPE(s.t, testhost.NRPEOptions{Netns: s.ns, Commands: map[string]string{
			"plain":  program + " -p 443",
			"gone":   program + "s -p 443",
			"shell":  s.installed("check_connections") + " --filter ( sport = :443 )",
			"quoted": s.installed("check_connections") + " --filter '( sport = :443 )'",
		}})
		for _, name := range []string{"plain", "gone", "shell"} {
			bad = append(bad, nrpe.Check(name))
		}
		// What the daemon hides is what its shell says.
		for name, code := range map[string]int{program: 126, program + "s": 127} {
			if r := direct(s.t, s.ns, name+" -p 443"); r.Code != code || r.Stdout != "" {
				s.t.Errorf("by the shell: want %d and nothing on standard output: %s", code, r)
			}
		}
		if err := os.Chmod(program, 0o755); err != nil {
			s.t.Fatal(err)
		}
		return bad, []testhost.Result{nrpe.Check("plain"), nrpe.Check("quoted")}
	}},
	{"arguments for NRPE", []string{"CHECK_NRPE: Receive header underflow", "Error: Request contained command arguments!", "Error: Request contained illegal metachars!"}, func(s *site) (bad, mended []testhost.Result) {
		line := s.installed("check_connections") + " -p '$ARG1$'"
		nrpe := testhost.NewNRPE(s.t, testhost.NRPEOptions{Netns: s.ns, Commands: map[string]string{"port": line, "fixed": strings.Replace(line, "$ARG1$", "443", 1)}})
		bad = []testhost.Result{nrpe.CheckWith("port", "443"), nrpe.CheckWith("port", "443|")}
		for deadline := time.Now().Add(5 * time.Second); !strings.Contains(nrpe.Log(), "metachars") && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		return append(bad, testhost.Result{Stdout: nrpe.Log()}), []testhost.Result{nrpe.Check("fixed")}
	}},
	{"arguments that are missing", []string{"option ... needs a value", "NRPE: Command '...' not defined"}, func(s *site) (bad, mended []testhost.Result) {
		line := s.installed("check_connections") + " -w 10 -p "
		nrpe := testhost.NewNRPE(s.t, testhost.NRPEOptions{Netns: s.ns, Commands: map[string]string{"port": line + "$ARG1$", "quoted": line + "'$ARG1$'"}})
		if r := nrpe.Check("quoted"); !strings.Contains(r.Stdout, " established |") {
			s.t.Errorf("an empty port is no longer one that is not given: %s", r)
		}
		return []testhost.Result{nrpe.Check("port"), nrpe.Check("ports")}, nil
	}},
	{"checks that Nagios cannot run", []string{"(Return code of 13 for service", "(No output on stdout) stderr: execvp(...) failed"}, func(s *site) (bad, mended []testhost.Result) {
		program := s.copied(filepath.Join(s.usr, "lib/sockcensus/connections"), "check_connections")
		checks := map[string]string{
			"plain":    program + " -p 443",
			"by-shell": program + " -p 443 -w '~:10'",
			"gone":     program + "s -p 443",
			"right":    s.installed("check_connections") + " -p 443 -w '~:10'",
		}
		nagios := testhost.NewNagios(s.t, testhost.NagiosOptions{Netns: s.ns, Checks: checks})
		for _, name := range []string{"plain", "by-shell", "gone"} {
			service := nagios.Service(name)
			if service.State != 2 {
				s.t.Errorf("%s: %+v, want CRITICAL", name, service)
			}
			bad = append(bad, testhost.Result{Stdout: service.Output, Code: service.State})
		}
		return bad, []testhost.Result{{Stdout: nagios.Service("right").Output}}
	}},
}
