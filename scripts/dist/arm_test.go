package dist

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// arm64 are the plugins built for arm64, and the emulator that runs them.
type arm64 struct {
	*house
	qemu, dir string
}

// newARM64 skips where the emulator is not installed, in CI too: the package holds
// emulators of all processors, 380 MB.
func newARM64(t *testing.T) *arm64 {
	t.Helper()
	testhost.NeedRoot(t)
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Skipf("SKIPPED: the binaries for arm64 are not run: qemu-aarch64-static is not installed: apt-get install --no-install-recommends qemu-user-static")
	}
	a := &arm64{house: newHouse(t), qemu: qemu, dir: testhost.Dir(t)}
	for _, name := range testhost.Plugins(t) {
		cmd := exec.Command("go", "build", "-trimpath", "-tags", "shipped", "-ldflags", "-s -w -funcalign=8", "-o", filepath.Join(a.dir, name), "../../plugins/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=arm64")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s for arm64: %v\n%s", name, err, out)
		}
	}
	return a
}

// as runs a plugin's arm64 build by a name.
func (a *arm64) as(called, plugin string, args ...string) testhost.Result {
	a.t.Helper()
	return a.run(a.qemu, append([]string{"-0", called, filepath.Join(a.dir, plugin)}, args...)...)
}

// The builds for arm64 start in each personality. The emulator has no netlink of
// sockets and no bpf(2): what needs them says so, the rest comes from /proc.
func TestARM64(t *testing.T) {
	a := newARM64(t)
	for _, name := range testhost.Plugins(t) {
		if got := a.as(name, name, "--version"); got.Code != 0 || !strings.HasPrefix(got.Stdout, name+" (sockcensus) ") || got.Stderr != "" {
			t.Errorf("%s --version: %s", name, got)
		}
		if got := a.as(name+"_", name, "autoconf"); got.Code != 0 || got.Stderr != "" || got.Stdout != "yes\n" && !strings.HasPrefix(got.Stdout, "no (") {
			t.Errorf("%s_ autoconf: %s", name, got)
		}
		if got := a.as(name+"_", name, "suggest"); got.Code != 0 || got.Stderr != "" {
			t.Errorf("%s_ suggest: %s", name, got)
		}
		if got := a.as("check_"+name, name, "--help"); got.Code != 3 || !strings.HasPrefix(got.Stdout, "check_"+name+" - ") {
			t.Errorf("check_%s --help: %s", name, got)
		}
	}
}

// The build for arm64 reads out of /proc what the machine's own does.
func TestARM64ReadsProc(t *testing.T) {
	a := newARM64(t)
	for _, call := range []string{
		"connections list --all --source proc", "connections count --source proc --by port,peer", "connections summary --source proc",
		"listeners list --source proc", "conntrack count", "conntrack stats",
	} {
		words := strings.Fields(call)
		if !slices.Contains(testhost.Plugins(t), words[0]) {
			continue
		}
		args := append(words[1:], "--format", "json")
		got, want := a.as(words[0], words[0], args...), a.run(filepath.Join(a.usr, "lib/sockcensus", words[0]), args...)
		if got.Code != want.Code || !cmp.Equal(withoutTime(t, got.Stdout), withoutTime(t, want.Stdout)) {
			t.Errorf("%s for arm64: %.1000s\nfor this machine: %.1000s", call, got, want)
		}
	}
}

// withoutTime is a document, of any time.
func withoutTime(t *testing.T, text string) (document map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Errorf("%v: %.300s", err, text)
	}
	delete(document, "time")
	return document
}
