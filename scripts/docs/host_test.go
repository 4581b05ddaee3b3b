package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A host is what a command of a README sees: the plugins where "make install"
// puts them, and file systems and a network that are thrown away with the test.
type host struct {
	t    *testing.T
	ns   *testhost.Netns
	pid  int    // of the process that holds the mount namespace
	home string // of the document's reader
	work string // where commands are run
	repo string
	env  []string

	container string // process id of a process whose namespace can be looked into
	plugin    string // which README it is
	servers   map[string]int
}

// Whatever is written to these stays in memory. The checkout is one of them.
const mounts = `set -e
mount -t tmpfs -o mode=0755 tmpfs "$1/upper"
for place in /usr /etc /var /run "$2"; do
	layer=$1/upper/$(printf %s "$place" | tr / -)
	mkdir -p "$layer/upper" "$layer/work"
	mount -t overlay -o "lowerdir=$place,upperdir=$layer/upper,workdir=$layer/work" overlay "$place"
done
: >"$1/mounted"
cd "$2"
BIN=$3 DOCUMENTATION=$5 DESTDIR= PREFIX=/usr sh scripts/install connections clients listeners conntrack opens
/usr/lib/sockcensus/prepare-host
# Munin's own plugins take their time to say that there is no Apache, no network.
find /usr/share/munin/plugins -type f ! -name '*.pod' ! -name port_ ! -name tcp ! -name netstat ! -name fw_conntrack ! -name plugin.sh -delete
rm -rf "$2/bin"
cp -a "$3" "$2/bin"
: >"$1/ready"
exec sleep infinity
`

func newHost(t *testing.T) *host {
	t.Helper()
	for _, program := range []string{"unshare", "nsenter", "setpriv", "munin-run", "nft", "ss", "conntrack", "visudo", "sudo"} {
		testhost.Need(t, program)
	}
	testhost.NagiosUser(t)
	binaries := testhost.Build(t)
	h := &host{t: t, ns: testhost.NewNetns(t), work: testhost.Dir(t), servers: map[string]int{}}
	var err error
	if h.repo, err = filepath.Abs("../.."); err != nil {
		t.Fatal(err)
	}
	place := testhost.Dir(t)
	for _, dir := range []string{filepath.Join(place, "upper"), filepath.Join(h.work, "home")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.work = filepath.Join(h.work, "home")
	h.home = h.work
	h.env = environment(t)
	log := filepath.Join(place, "log")
	h.pid = testhost.Background(t, testhost.Command{
		Path: testhost.Need(t, "unshare"), Netns: h.ns, Env: h.env,
		Args: []string{"--mount", "--propagation", "private", "sh", "-c", `exec 2>"$4"; ` + mounts, "sh", place, h.repo, binaries, log, testhost.Documentation(t)},
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(place, "ready")); err == nil {
			return h
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", h.pid)); err != nil || time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			if _, err := os.Stat(filepath.Join(place, "mounted")); err == nil || os.Getenv("CI") == "true" {
				t.Fatalf("a host of its own could not be made: %s", text)
			}
			t.Skipf("SKIPPED: mount namespaces or overlayfs are not to be had: %s", text)
		}
	}
}

// environment is that of a login, with the short names of the READMEs in the
// path and with what the go command needs.
func environment(t *testing.T) []string {
	t.Helper()
	golang, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"LC_ALL=C.UTF-8", "HOME=" + os.Getenv("HOME"), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		"PATH=/usr/lib/sockcensus:/usr/lib/nagios/plugins:" + filepath.Dir(golang) + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN"} {
		value, err := exec.Command(golang, "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(value)))
	}
	return env
}

// run runs a line by a shell of the host, as root or as user nagios.
func (h *host) run(line string, user bool) testhost.Result {
	h.t.Helper()
	args := []string{"--target", strconv.Itoa(h.pid), "--mount", "--net"}
	if user {
		args = append(args, testhost.Need(h.t, "setpriv"), "--reuid", "nagios", "--regid", "nagios", "--init-groups", "--")
	}
	dir, limit := h.work, 30*time.Second
	if inCheckout(line) {
		dir, limit = h.repo, 5*time.Minute
	}
	args = append(args, "sh", "-c", `cd "$1" && eval "$2"`, "sh", dir, line)
	return testhost.Run(h.t, testhost.Command{Path: testhost.Need(h.t, "nsenter"), Args: args, Env: h.env, Timeout: limit})
}

// must is run as root, for what a test prepares.
func (h *host) must(line string) string {
	h.t.Helper()
	got := h.run(line, false)
	if got.Code != 0 {
		h.t.Fatalf("%s: %s", line, got)
	}
	return got.Stdout
}

// inCheckout reports whether a command is one of a developer's.
func inCheckout(line string) bool {
	for _, beginning := range []string{"make ", "go ", "git ", "bin/"} {
		if strings.HasPrefix(strings.TrimLeft(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_=1"), beginning) || strings.Contains(line, " "+beginning) {
			return true
		}
	}
	return false
}
