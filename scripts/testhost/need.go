package testhost

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program says where a distribution keeps a program and which package brings it.
type program struct {
	paths []string // tried before $PATH; patterns of path/filepath
	pkg   string
}

var programs = map[string]program{
	"check_nrpe":           {[]string{"/usr/lib*/nagios/plugins/check_nrpe"}, "nagios-nrpe-plugin"},
	"conntrack":            {[]string{"/usr/sbin/conntrack"}, "conntrack"},
	"icinga2":              {[]string{"/usr/sbin/icinga2"}, "icinga2-bin"},
	"ip":                   {[]string{"/usr/sbin/ip", "/usr/bin/ip", "/sbin/ip"}, "iproute2"},
	"munin-async":          {[]string{"/usr/share/munin/munin-async"}, "munin-async"},
	"munin-asyncd":         {[]string{"/usr/share/munin/munin-asyncd"}, "munin-async"},
	"munin-graph":          {[]string{"/usr/share/munin/munin-graph"}, "munin"},
	"munin-html":           {[]string{"/usr/share/munin/munin-html"}, "munin"},
	"munin-limits":         {[]string{"/usr/share/munin/munin-limits"}, "munin"},
	"munin-node":           {[]string{"/usr/sbin/munin-node"}, "munin-node"},
	"munin-node-configure": {[]string{"/usr/sbin/munin-node-configure"}, "munin-node"},
	"munin-run":            {[]string{"/usr/sbin/munin-run"}, "munin-node"},
	"munin-update":         {[]string{"/usr/share/munin/munin-update"}, "munin"},
	"munindoc":             {[]string{"/usr/bin/munindoc"}, "munin-node"},
	"nagios4":              {[]string{"/usr/sbin/nagios4"}, "nagios4-core"},
	"netstat":              {[]string{"/usr/bin/netstat", "/bin/netstat"}, "net-tools"},
	"nft":                  {[]string{"/usr/sbin/nft"}, "nftables"},
	"nrpe":                 {[]string{"/usr/sbin/nrpe"}, "nagios-nrpe-server"},
	"promtool":             {[]string{"/usr/bin/promtool"}, "prometheus"},
	"rrdtool":              {[]string{"/usr/bin/rrdtool"}, "rrdtool"},
	"ss":                   {[]string{"/usr/bin/ss", "/usr/sbin/ss", "/bin/ss"}, "iproute2"},
}

// inCI reports whether a fixable reason to skip must fail the test instead.
func inCI() bool { return os.Getenv("CI") == "true" }

// Need returns the path of a program. Without it the test is skipped with the name
// of the package that brings it; as root with CI=true the test fails, because
// there scripts/install-test-deps could have installed it.
func Need(t testing.TB, name string) string {
	t.Helper()
	known := programs[name]
	for _, pattern := range known.paths {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	pkg := known.pkg
	if pkg == "" {
		pkg = name
	}
	giveUp(t, inCI() && os.Getuid() == 0, "%s is not installed: apt-get install --no-install-recommends %s", name, pkg)
	return ""
}

// NeedRoot skips the test when it does not run as root; with CI=true it fails.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		giveUp(t, inCI(), "needs root: it changes users and makes network namespaces")
	}
}

func giveUp(t testing.TB, fail bool, format string, args ...any) {
	t.Helper()
	if fail {
		t.Fatalf("not skipped because CI=true: "+format, args...)
	}
	t.Skipf("SKIPPED: "+format, args...)
}
