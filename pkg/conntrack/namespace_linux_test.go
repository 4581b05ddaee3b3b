package conntrack

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// inNamespace runs the test's function in a fresh network namespace, on a
// thread that ends with it. Programs that it starts run there too. Failures
// must be reported with Error, not Fatal, which is for the test's goroutine;
// fatal is for the test to stop with.
func inNamespace(t *testing.T, fn func()) {
	t.Helper()
	needRoot(t)
	done := make(chan error)
	go func() {
		// Never unlocked: the thread dies with the goroutine and takes the
		// namespace along.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		defer close(done)
		fn()
	}()
	if err := <-done; err != nil {
		unavailable(t, "a network namespace cannot be made: "+err.Error())
	}
}

// tracked is inNamespace with loopback up and a rule that switches tracking on.
func tracked(t *testing.T, fn func()) {
	t.Helper()
	needProgram(t, "nft")
	needProgram(t, "conntrack")
	needProgram(t, "ip")
	inNamespace(t, func() {
		run(t, "ip", "link", "set", "lo", "up")
		run(t, "nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state new accept")
		fn()
	})
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		unavailable(t, "this test makes network namespaces and needs root")
	}
}

func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		unavailable(t, "this test needs the program "+name)
	}
}

// unavailable skips, aloud, but fails where everything should be available.
func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// run starts a program in the caller's namespace and returns its output.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && strings.Contains(stderr.String(), "0 flow entries")) {
		t.Errorf("%s %s: %v: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// sysctl sets a value in the namespace of the caller's thread.
func sysctl(t *testing.T, name, value string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
		t.Error(err)
	}
}
