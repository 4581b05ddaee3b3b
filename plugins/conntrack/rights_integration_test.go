package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// As nobody, without a capability, the fill and the counters are seen, and what
// is not is an error that names the right and three ways to give it.
func TestUnprivileged(t *testing.T) {
	ns, nobody := busy(t), testhost.MuninUser(t)
	for _, args := range [][]string{{"check"}, {"count"}, {"stats"}, {"metrics"}} {
		if got := run(t, ns, nobody, args...); got.Code != 0 || got.Stderr != "" {
			t.Errorf("%v as nobody: %v", args, got)
		}
	}
	for want, commands := range map[int][][]string{
		2: {{"list"}, {"count", "--by", "state"}, {"events"}, {"events", "--summary", "1s"}, {"count", "--source", "netlink"}, {"metrics", "--mark", "1"}},
		3: {{"check", "--protocol", "tcp"}, {"check", "--by", "peer"}, {"check", "--sample", "1s"}},
	} {
		for _, args := range commands {
			got := run(t, ns, nobody, args...)
			text := got.Stdout + got.Stderr
			for _, part := range []string{"CAP_NET_ADMIN is needed", "sudo", "setcap cap_net_admin+ep " + testhost.Binary(t, "conntrack"), "user root in plugin-conf.d"} {
				if got.Code != want || !strings.Contains(text, part) {
					t.Errorf("%v as nobody, %q: %v", args, part, got)
				}
			}
		}
	}
}

// privileged are commands that need CAP_NET_ADMIN, and what they print.
func privileged(t *testing.T, call func(args ...string) testhost.Result) {
	t.Helper()
	for command, want := range map[string]string{
		"check --protocol tcp --state established": "CONNTRACK OK - 96 tcp established flows | flows=96;;;0;\n",
		"count --by protocol --format csv":         "320,tcp\n160,udp\n",
		"list --protocol udp --dport 500":          ":500 ",
		"events --summary 100ms --format csv":      "\n0,0,0,0,0,0.1",
		"count --source netlink":                   "560  262144",
		"munin suggest":                            "table\nstats\nprotocols\nstates\nnew\n",
	} {
		if got := call(strings.Fields(command)...); got.Code != 0 || !strings.Contains(got.Stdout, want) || got.Stderr != "" {
			t.Errorf("%s: %v", command, got)
		}
	}
}

// The first way: a file capability.
func TestFileCapability(t *testing.T) {
	ns, nobody := busy(t), testhost.MuninUser(t)
	able := filepath.Join(testhost.Dir(t), "conntrack")
	binary, err := os.ReadFile(testhost.Binary(t, "conntrack"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(able, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	inside(t, ns, "setcap", "cap_net_admin+ep", able)
	privileged(t, func(args ...string) testhost.Result {
		return testhost.Run(t, testhost.Command{Path: able, Args: args, User: nobody, Netns: ns})
	})
}

// The second way: sudo, with a rule for the one program. The rule is mounted
// over the host's in a mount namespace of the test's own.
func TestSudo(t *testing.T) {
	ns, nobody := busy(t), testhost.MuninUser(t)
	binary, check := testhost.Binary(t, "conntrack"), testhost.Binary(t, "check_conntrack")
	testhost.Need(t, "sudo")
	rules := testhost.Dir(t)
	if err := os.WriteFile(filepath.Join(rules, "sockcensus"), []byte(nobody.Name+" ALL=(root) NOPASSWD: "+binary+", "+check+` --by peer -w largest\=0`+"\n"), 0o440); err != nil {
		t.Fatal(err)
	}
	script := `mount --bind "$1" /etc/sudoers.d && shift && exec setpriv --reuid nobody --regid nogroup --clear-groups sudo -n "$@"`
	sudo := func(program string, args ...string) testhost.Result {
		return testhost.Run(t, testhost.Command{
			Path: testhost.Need(t, "unshare"), Netns: ns,
			Args: append([]string{"--mount", "sh", "-c", script, "sh", rules, program}, args...),
		})
	}
	privileged(t, func(args ...string) testhost.Result { return sudo(binary, args...) })
	if got := sudo(check, "--by", "peer", "-w", "largest=0"); got.Code != 1 || !strings.Contains(got.Stdout, "largest 1 (above 0)") {
		t.Errorf("check_conntrack by sudo: %v", got)
	}
	if got := sudo(check, "--by", "peer", "-w", "largest=0", "--state-dir", "/"); got.Code == 0 || !strings.Contains(got.Stderr, "password") {
		t.Errorf("sudo lets arguments pass that its rule does not have: %v", got)
	}
}

// The third way, `user root` in plugin-conf.d, is part of TestMuninRun.

// The root of a container has the right in its own namespace, whoever it is
// outside.
func TestUserNamespace(t *testing.T) {
	unshare := testhost.Need(t, "unshare")
	asRoot := []string{"--user", "--map-root-user", "--net", "sh", "-c"}
	if got := testhost.Run(t, testhost.Command{Path: unshare, Args: append(asRoot, "true"), User: testhost.MuninUser(t)}); got.Code != 0 {
		t.Skipf("this host makes no namespaces for everybody: %v", got)
	}
	script := `conntrack -A -s 10.0.0.1 -d 192.0.2.1 -p tcp --sport 1 --dport 443 --state ESTABLISHED -t 60 >&2
"$0" list --format csv && "$0" events --summary 100ms && "$0" check --protocol tcp --by state`
	got := testhost.Run(t, testhost.Command{
		Path: unshare, Args: append(asRoot, script, testhost.Binary(t, "conntrack")), User: testhost.MuninUser(t),
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
	})
	if got.Code != 0 || !strings.Contains(got.Stdout, "ipv4,tcp,established,") || !strings.Contains(got.Stdout, " established=1;") || !strings.Contains(got.Stdout, "CREATED") {
		t.Errorf("the root of a user namespace: %v", got)
	}
}
