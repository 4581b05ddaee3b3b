package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func needRoot(t *testing.T) {
	t.Helper()
	reason := ""
	if os.Geteuid() != 0 {
		reason = "this test must be run as root"
	} else if _, err := exec.LookPath("ip"); err != nil {
		reason = "this test needs ip (package iproute2)"
	}
	switch {
	case reason != "" && os.Getenv("CI") == "true":
		t.Fatal(reason)
	case reason != "":
		t.Skip(reason)
	}
}

// newNamespace makes a named namespace and a process in it.
func newNamespace(t *testing.T) (name string, pid int) {
	t.Helper()
	needRoot(t)
	name = fmt.Sprintf("sc-netns-%d", os.Getpid())
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { run(t, "ip", "netns", "delete", name) })
	cmd := exec.Command("ip", "netns", "exec", name, "sh", "-c", "echo ready; exec sleep 60")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	return name, cmd.Process.Pid
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

func mustOpen(t *testing.T, text string) *Handle {
	t.Helper()
	ref, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ref.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// interfaces are those that a thread in the namespace sees.
func interfaces(t *testing.T, dir string) int {
	data, err := os.ReadFile(filepath.Join(dir, "dev"))
	if err != nil {
		t.Error(err)
	}
	return strings.Count(string(data), ":")
}

func TestOpenAndDo(t *testing.T) {
	name, pid := newNamespace(t)
	if !slices.Contains(Names(), name) {
		t.Errorf("Names has no %s: %v", name, Names())
	}
	run(t, "ip", "-n", name, "link", "add", "sc-dummy", "type", "bridge")
	home, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	byName := mustOpen(t, name)
	for _, text := range []string{name, fmt.Sprint(pid), "/run/netns/" + name, fmt.Sprintf("/proc/%d/ns/net", pid)} {
		h := mustOpen(t, text)
		if h.Fd() < 0 || h.ID() != byName.ID() || h.ID() == home || h.Ref().String() != text {
			t.Errorf("%s: fd %d, id %v, ours %v", text, h.Fd(), h.ID(), home)
		}
		failure := errors.New("from inside")
		err := h.Do(func() error {
			if id, err := Current(); err != nil || id != h.ID() {
				t.Errorf("%s: inside of %v: %v", text, id, err)
			}
			if data, _ := os.ReadFile("/proc/thread-self/net/dev"); !strings.Contains(string(data), "sc-dummy") {
				t.Errorf("%s: no interface of the namespace in\n%s", text, data)
			}
			return failure
		})
		if !errors.Is(err, failure) {
			t.Errorf("%s: Do: %v", text, err)
		}
		if id, _ := Current(); id != home {
			t.Errorf("%s: not home again", text)
		}
	}
	h := mustOpen(t, fmt.Sprint(pid))
	if want := fmt.Sprintf("/proc/%d/net", pid); h.NetDir() != want || interfaces(t, h.NetDir()) != 2 {
		t.Errorf("NetDir is %q with %d interfaces", h.NetDir(), interfaces(t, h.NetDir()))
	}
}

func TestDoComesHome(t *testing.T) {
	name, _ := newNamespace(t)
	h := mustOpen(t, name)
	home, _ := Current()
	func() {
		defer func() {
			if got := recover(); got != "from inside" {
				t.Errorf("panic is %v", got)
			}
		}()
		_ = h.Do(func() error { panic("from inside") })
	}()
	if err := h.Do(func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("a function that did not return is no error")
	}
	for range 50 {
		if err := h.Do(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	found := make(chan ID)
	for range 50 {
		go func() {
			id, _ := Current()
			runtime.Gosched()
			found <- id
		}()
	}
	for range 50 {
		if id := <-found; id != home {
			t.Errorf("a goroutine runs in %v, not at home in %v", id, home)
		}
	}
}

func TestOwnNamespaceNeedsNoRight(t *testing.T) {
	h, err := Ref{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ran := false
	work := func() error { ran = true; return nil }
	if os.Geteuid() != 0 {
		err = h.Do(work)
	} else {
		asNobody(t, func() { err = h.Do(work) })
	}
	if err != nil || !ran {
		t.Errorf("Do: %v, ran %v", err, ran)
	}
}

// asNobody runs f on a thread of its own that has no rights at all. What f does on
// other threads has the rights of the process.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	const nobody = 65534
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			done <- errno
			return
		}
		f()
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWithoutRights(t *testing.T) {
	name, pid := newNamespace(t)
	asNobody(t, func() {
		h, err := Ref{pid: pid}.Open("")
		if err != nil {
			t.Errorf("open by pid: %v", err)
			return
		}
		if h.Fd() != -1 || h.ID() != (ID{}) || interfaces(t, h.NetDir()) != 1 {
			t.Errorf("by pid: fd %d, id %v", h.Fd(), h.ID())
		}
		err = h.Do(func() error { t.Error("ran"); return nil })
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_SYS_ADMIN") {
			t.Errorf("Do by pid: %v", err)
		}
		h, err = Ref{name: name}.Open("")
		if err != nil {
			t.Errorf("open by name: %v", err)
			return
		}
		defer h.Close()
		// On this very thread, since a new one would have the rights again.
		err = h.inside(func() error { t.Error("ran"); return nil })
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_SYS_ADMIN") {
			t.Errorf("enter by name: %v", err)
		}
	})
}

// A process of one's own shows that it is in the namespace, and so is named to
// those who may not enter.
func TestForbiddenNamesProcess(t *testing.T) {
	name, pid := newNamespace(t)
	err := mustOpen(t, name).Forbidden(unix.EPERM)
	if want := fmt.Sprintf("--netns %d reads the tables of process %d", pid, pid); !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not say %q", err, want)
	}
	var other *Error
	if err := mustOpen(t, name).Forbidden(unix.EIO); !errors.As(err, &other) || other.Process != 0 {
		t.Errorf("%v names a process, which helps only where a right is missing", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo, file := filepath.Join(dir, "fifo"), filepath.Join(dir, "file")
	if err := errors.Join(unix.Mkfifo(fifo, 0o600), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		ref  Ref
		want error
	}{
		{Ref{name: "sc-there-is-none"}, fs.ErrNotExist},
		{Ref{pid: maxPID}, fs.ErrNotExist},
		{Ref{path: filepath.Join(dir, "none")}, fs.ErrNotExist},
		{Ref{path: fifo}, ErrNotNamespace},
		{Ref{path: file}, ErrNotNamespace},
		{Ref{path: dir}, ErrNotNamespace},
		{Ref{path: "/dev/null"}, ErrNotNamespace},
		{Ref{path: "/proc/self/status"}, ErrNotNamespace},
		{Ref{path: "/proc/self/ns/mnt"}, ErrNotNamespace},
	}
	for _, tt := range tests {
		h, err := tt.ref.Open("")
		var nsErr *Error
		if h != nil || !errors.As(err, &nsErr) || !errors.Is(err, tt.want) || nsErr.Ref != tt.ref {
			t.Errorf("%v: %v, want %v", tt.ref, err, tt.want)
		}
	}
}

func TestClosed(t *testing.T) {
	h, err := Ref{path: "/proc/self/ns/net"}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.Close(), h.Close()); err != nil {
		t.Error(err)
	}
	if err := h.Do(func() error { return nil }); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Do after Close: %v", err)
	}
}

func TestCookie(t *testing.T) {
	ours, err := Cookie()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if again, _ := Cookie(); err != nil || ours == 0 || again != ours {
		t.Fatalf("cookie: %d, then %d, %v", ours, again, err)
	}
	name, _ := newNamespace(t)
	err = mustOpen(t, name).Do(func() error {
		theirs, err := Cookie()
		if theirs == ours || theirs == 0 {
			t.Errorf("two namespaces have the cookie %d", theirs)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
