package packaging

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A root is a throw-away copy of this host: an overlay over its file system, in
// which packages can be installed without touching the host.
type root struct {
	t   *testing.T
	dir string
}

// enter mounts the overlay, in mount and network namespaces of its own that end
// with the command, and runs a script in it.
const enter = `
set -e
cd "$1"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
mount -t tmpfs run "$1/root/run"
mount --bind "$1/share" "$1/root/mnt"
exec chroot "$1/root" /bin/sh -ec "$2"
`

func newRoot(t *testing.T) *root {
	t.Helper()
	testhost.NeedRoot(t)
	dir := testhost.Dir(t)
	for _, sub := range []string{"upper", "work", "root", "share"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := &root{t, dir}
	if result := r.try("true"); result.Code != 0 {
		t.Skipf("SKIPPED: no overlay over this host's file system: %s", result.Stderr)
	}
	return r
}

func (r *root) try(script string) testhost.Result {
	r.t.Helper()
	return testhost.Run(r.t, testhost.Command{
		Path: testhost.Need(r.t, "unshare"),
		Args: []string{"--mount", "--net", "--propagation", "private", "/bin/sh", "-c", enter, "sh", r.dir, script},
	})
}

// run runs a script that must succeed and returns what it prints.
func (r *root) run(script string) string {
	r.t.Helper()
	result := r.try(script)
	if result.Code != 0 {
		r.t.Fatalf("%s\n%s", script, result)
	}
	return result.Stdout
}

// bring puts a file at /mnt/NAME of the root.
func (r *root) bring(file, name string) {
	r.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "share", name), text, 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// files lists everything that a package could leave behind.
func (r *root) files() map[string]bool {
	r.t.Helper()
	found := map[string]bool{}
	for line := range strings.Lines(r.run(`find /bin /etc /lib /lib64 /opt /usr /var -xdev \
		-not -path '/var/lib/dpkg/*' -not -path '/var/lib/rpm*' -not -path '/var/cache/*' -not -path '/var/log/*' -not -path '/var/tmp*'`)) {
		found[strings.TrimSpace(line)] = true
	}
	return found
}

// unchanged compares with what was there before.
func (r *root) unchanged(before map[string]bool) {
	r.t.Helper()
	after := r.files()
	for name := range after {
		if !before[name] {
			r.t.Errorf("left behind: %s", name)
		}
	}
	for name := range before {
		if !after[name] {
			r.t.Errorf("taken away: %s", name)
		}
	}
}
