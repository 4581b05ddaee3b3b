package dist

import (
	"os"
	"path/filepath"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// Checks that have to remember something.
const (
	dropsCheck = "check_listeners -w drops_rate=0"
	rateCheck  = "check_conntrack -w drop_rate=0"
	bothChecks = "nagios " + dropsCheck + "; nagios " + rateCheck + "\n"
)

// later is both checks once more after a first run: a rate takes a second.
const later = "begun=$(" + bothChecks + "); sleep 1.1; " + bothChecks

var stateTroubles = []trouble{
	{"no state directory", []string{"no directory to remember things between runs"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox(bothChecks, "prepare-host; "+later)
	}},
	{"first runs", []string{"... collecting"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("prepare-host; "+bothChecks, "sleep 1.1; "+bothChecks)
	}},
	{"opens without anything to compare with", []string{"no directory to remember things between runs", "... collecting"}, func(s *site) (bad, mended []testhost.Result) {
		// Counting has gone on for longer than the period.
		const run = "nagios check_opens -p 443 --period 1s -w 10; "
		return s.sandbox("sockcensus-opens on >/dev/null; sleep 3.5; "+run+"prepare-host; "+run, "sleep 1; "+run)
	}},
	{"a read-only /var", []string{"state directory ... cannot be used: read-only file system"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("prepare-host; mount -o remount,ro /var/lib; "+bothChecks, "mount -o remount,rw /var/lib; "+later)
	}},
	{"a state directory of root's", []string{"state directory ... cannot be used: permission denied"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("mkdir -p $state; "+bothChecks, "prepare-host; "+later)
	}},
	{"a state directory for everybody", []string{"state directory ... cannot be used: everybody can write to it"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("mkdir -p -m 777 $state; "+bothChecks, "prepare-host; "+later)
	}},
	{"a state directory that is not there", []string{"state directory ... cannot be used: no such file or directory"}, func(s *site) (bad, mended []testhost.Result) {
		const here = "nagios " + dropsCheck + " --state-dir /var/tmp/state; "
		// PrivateTmp gives a service a /tmp and /var/tmp of its own.
		return s.sandbox("nagios "+dropsCheck+" --state-dir /var/lib/gone; mount -t tmpfs tmpfs /var/tmp; mkdir -m 700 /var/tmp/state; "+
			"chown nagios /var/tmp/state; mount -t tmpfs tmpfs /var/tmp; "+here, "umount /var/tmp; begun=$("+here+"); sleep 1.1; "+here)
	}},
	{"state files of root's", []string{"cannot lock state file"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("prepare-host; begun=$("+bothChecks+"); chown -R root $state; chmod 755 $state; "+bothChecks, "chown -R nagios $state; "+later)
	}},
	{"a damaged state file", []string{"state file ... cannot be used and is replaced", "... collecting"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("prepare-host; begun=$("+bothChecks+"); for f in $state/*.????????; do echo junk >$f; done; "+bothChecks, "sleep 1.1; "+bothChecks)
	}},
	{"young connections without memory", []string{"the verdict hangs on ... undecided ...: set --state-dir"}, func(s *site) (bad, mended []testhost.Result) {
		return s.sandbox("nagios check_clients -p 7443 --min-age 1h --no-wait -w 1", "nagios check_clients -p 7443 --min-age 1s -w 2")
	}},
	{"young connections", []string{"the verdict hangs on ... undecided ...: let it wait"}, func(s *site) (bad, mended []testhost.Result) {
		const check = "check_clients -p 7443 --no-wait -w 1 --min-age "
		return s.sandbox("prepare-host; begun=$(nagios "+check+"1h); nagios "+check+"1h", "nagios "+check+"1ms")
	}},
	{"Munin's fields without memory", []string{"the fields of this graph are those of the hour", "state directory ... cannot be used: permission denied"}, func(s *site) (bad, mended []testhost.Result) {
		dir, links := testhost.Dir(s.t), []string{"connections_peers", "listeners_queue", "opens_peers_7443"}
		counters := []string{"--bpffs", filepath.Join(dir, "bpf"), "--db", filepath.Join(dir, "db")}
		turn := func(command string) {
			if r := s.asRoot("opens", append([]string{command}, counters...)...); r.Code != 0 {
				s.t.Fatalf("opens %s: %s", command, r)
			}
		}
		turn("on")
		s.t.Cleanup(func() { turn("off") })
		node := s.node("[connections_peers]\nenv.port 7443\nenv.by peer\n[opens_*]\nenv.bpffs "+counters[1]+"\nenv.db "+counters[3]+"\n", links...)
		state := filepath.Join(node.StateDir, "nobody")
		if err := os.Mkdir(state, 0o755); err != nil {
			s.t.Fatal(err)
		}
		for _, link := range links {
			bad = append(bad, node.Run(link, ""))
		}
		if err := os.Chown(state, int(testhost.MuninUser(s.t).UID), -1); err != nil {
			s.t.Fatal(err)
		}
		for _, link := range links {
			mended = append(mended, node.Run(link, ""))
		}
		return bad, mended
	}},
	{"Munin's damaged memory", []string{"state file ... cannot be used and is replaced"}, func(s *site) (bad, mended []testhost.Result) {
		node := s.node("[connections_peers]\nenv.port 7443\nenv.by peer\n", "connections_peers")
		node.Run("connections_peers", "")
		file := filepath.Join(node.StateDir, "nobody", "connections_peers-") // no master's address: munin-run
		if err := os.Truncate(file, 10); err != nil {
			s.t.Fatal(err)
		}
		return []testhost.Result{node.Run("connections_peers", "")}, []testhost.Result{node.Run("connections_peers", "")}
	}},
}
