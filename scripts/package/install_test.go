package packaging

import (
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A manager is a package manager with its file format.
type manager struct {
	format, checks           string
	install, remove, cleanup string
}

func TestDeb(t *testing.T) {
	testhost.Need(t, "dpkg")
	lifeOfPackage(t, manager{
		format: "deb", checks: "/usr/lib/nagios/plugins",
		install: "dpkg --force-all -i", remove: "dpkg --remove sockcensus", cleanup: "dpkg --purge sockcensus",
	})
}

func TestRpm(t *testing.T) {
	testhost.Need(t, "rpm")
	lifeOfPackage(t, manager{
		format: "rpm", checks: "/usr/lib64/nagios/plugins",
		install: "rpm --upgrade --nodeps", remove: "rpm --erase --nodeps sockcensus", cleanup: "true",
	})
}

// lifeOfPackage installs, upgrades and removes a package on a copy of this host.
func lifeOfPackage(t *testing.T, m manager) {
	testhost.Need(t, "munin-node-configure")
	nagios := testhost.NagiosUser(t)
	r := newRoot(t)
	r.bring(makePackages(t, m.format, "v1.0.0")[0], "old")
	r.bring(makePackages(t, m.format, "v1.1.0")[0], "new")
	// Rebuilding the index of all manual pages takes longer than all the rest;
	// an empty folder of a Debian package is unknown to rpm.
	r.run("rm -f /var/lib/man-db/auto-update; mkdir -p /usr/share/fish/vendor_completions.d; touch /usr/share/fish/vendor_completions.d/some.fish")
	before := r.files()

	r.run(m.install + " /mnt/old")
	for _, name := range testhost.Plugins(t) {
		works(t, r, m, name, "v1.0.0")
	}
	if got, want := r.run("stat -c '%a %U' /var/lib/sockcensus/$(id -u nagios)"), "700 "+nagios.Name+"\n"; got != want {
		t.Errorf("the state directory of nagios is %q, want %q", got, want)
	}
	r.run("cd /usr/share/doc/sockcensus && grep -q '==== modernc.org/sqlite' LICENSES-OF-OTHERS && grep -q 'Apache License' LICENSE")
	if got := r.run("cat /usr/share/doc/sockcensus/sudo/sockcensus"); !strings.Contains(got, m.checks+"/check_conntrack") {
		t.Errorf("the example for sudo does not name %s:\n%s", m.checks, got)
	}
	// A library of our plugins alone: of Debian's some fail on a host like this.
	r.run("mkdir -p /mnt/library; for name in " + strings.Join(testhost.Plugins(t), " ") + "; do ln -s /usr/share/munin/plugins/${name}_ /mnt/library/; done")
	if got := r.run("munin-node-configure --libdir /mnt/library --suggest --shell"); !strings.Contains(got, "ln -s '/mnt/library/connections_' '/etc/munin/plugins/connections_states'") {
		t.Errorf("munin-node-configure suggests %q", got)
	}
	// An administrator at work.
	r.run("ln -s /usr/share/munin/plugins/connections_ /etc/munin/plugins/connections_443")
	granted := slices.Contains(testhost.Plugins(t), "conntrack")
	if granted {
		testhost.Need(t, "setcap")
		if got := r.run("getcap /usr/lib/sockcensus/conntrack"); got != "" {
			t.Errorf("a capability that nobody asked for: %s", got)
		}
		flows := "runuser -u nagios -- " + m.checks + "/check_conntrack --by src"
		if got := r.try(flows); got.Code != 3 || !strings.Contains(got.Stdout, "CAP_NET_ADMIN") {
			t.Errorf("without the right: %s", got)
		}
		r.run("/usr/lib/sockcensus/grant-capabilities on nagios")
		if got := r.try(flows); got.Code != 0 || !strings.HasPrefix(got.Stdout, "CONNTRACK OK") {
			t.Errorf("with the capability: %s", got)
		}
	}

	r.run(m.install + " /mnt/new")
	for _, name := range testhost.Plugins(t) {
		works(t, r, m, name, "v1.1.0")
	}
	if got := r.run("/etc/munin/plugins/connections_443 config"); !strings.Contains(got, "graph_title") {
		t.Errorf("the link for munin-node does not work after an upgrade: %s", got)
	}
	if granted {
		if got := r.run("/usr/lib/sockcensus/grant-capabilities status"); !strings.Contains(got, "cap_net_admin=ep, for -rwxr-x--- nagios") {
			t.Errorf("the capability did not survive the upgrade: %s", got)
		}
	}
	r.run("runuser -u nagios -- " + m.checks + "/check_listeners -w drops_rate=0 || true")
	if got := r.run("ls /var/lib/sockcensus/$(id -u nagios)"); got == "" {
		t.Error("a check that nagios ran has remembered nothing")
	}

	r.run(m.remove)
	if got := r.try("ls /usr/lib/sockcensus /usr/share/doc/sockcensus"); got.Stdout != "" {
		t.Errorf("after removal there is %s", got.Stdout)
	}
	r.run(m.cleanup)
	r.unchanged(before)
}

// works shows that each personality of a plugin is where it belongs.
func works(t *testing.T, r *root, m manager, name, version string) {
	t.Helper()
	for _, program := range []string{m.checks + "/check_" + name, "/usr/bin/sockcensus-" + name} {
		got := r.run(program + " --version || [ $? = 3 ]")
		if !strings.Contains(got, version) {
			t.Errorf("%s --version prints %q, want %s in it", program, got, version)
		}
	}
	library := "/usr/share/munin/plugins/" + name + "_"
	if got := r.run(library + " autoconf"); got != "yes\n" && !strings.HasPrefix(got, "no (") {
		t.Errorf("%s autoconf prints %q", library, got)
	}
	if got := r.run("stat -c %a " + library + ".pod"); got != "644\n" {
		t.Errorf("%s.pod has mode %s", library, got)
	}
	if got := r.run("zcat -f /usr/share/man/man1/sockcensus-" + name + ".1 | head -c 3"); got != ".TH" {
		t.Errorf("the manual page begins with %q", got)
	}
}
