package opens_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// withCapabilities runs f on a thread that has these capabilities and no other.
func withCapabilities(t *testing.T, f func() error, capabilities ...uint) error {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var sets [2]unix.CapUserData
		for _, c := range capabilities {
			sets[c/32].Effective |= 1 << (c % 32)
			sets[c/32].Permitted |= 1 << (c % 32)
		}
		if err := unix.Capset(&head, &sets[0]); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

func TestTwoCapabilitiesAreEnough(t *testing.T) {
	testhost.NeedRoot(t)
	c := opens.Config{Dir: filepath.Join(publicDir(t), "sockcensus", "bpf"), Method: opens.SockOps}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// As the mount unit does.
	if err := unix.Mount("bpf", c.Dir, "bpf", 0, "mode=0711"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(c.Dir, 0); err != nil {
			t.Error(err)
		}
	})
	err := withCapabilities(t, func() error {
		_, err := opens.On(c)
		return err
	}, unix.CAP_BPF, unix.CAP_NET_ADMIN)
	if err != nil {
		t.Fatal(err)
	}
	read(t, nil, c)
	if err := opens.Off(c); err != nil {
		t.Fatal(err)
	}
	// The mount is not ours: it stays, and nothing is left in it.
	empty(t, c.Dir)
}

func TestMissingRights(t *testing.T) {
	testhost.NeedRoot(t)
	for name, capabilities := range map[string][]uint{"none": nil, "no bpf": {unix.CAP_CHOWN}} {
		c := opens.Config{Dir: filepath.Join(publicDir(t), "sockcensus", "bpf"), Method: opens.SockOps}
		err := withCapabilities(t, func() error {
			_, err := opens.On(c)
			return err
		}, capabilities...)
		if !errors.Is(err, opens.ErrPermission) || !strings.Contains(err.Error(), "CAP_") || strings.Contains(err.Error(), "MEMLOCK") {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %v", name, err)
	}
	// Mounting is allowed, loading is not: nothing may be left.
	c := opens.Config{Dir: filepath.Join(publicDir(t), "sockcensus", "bpf"), Method: opens.SockOps}
	if err := os.MkdirAll(c.Dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("bpf", c.Dir, "bpf", 0, "mode=0711"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(c.Dir, 0)
	err := withCapabilities(t, func() error {
		_, err := opens.On(c)
		return err
	})
	if !errors.Is(err, opens.ErrPermission) || strings.Contains(err.Error(), "MEMLOCK") {
		t.Errorf("loading: %v", err)
	}
	t.Logf("loading: %v", err)
	empty(t, c.Dir)
}

// empty proves that there are no pins; the kernel puts two files of its own into
// every bpf file system.
func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".debug") {
			t.Errorf("%s is left in %s", entry.Name(), dir)
		}
	}
}
