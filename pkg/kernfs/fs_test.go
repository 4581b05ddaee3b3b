package kernfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRoots(t *testing.T) {
	var zero FS
	if got := zero.Proc("net", "tcp"); got != "/proc/net/tcp" {
		t.Error(got)
	}
	if got := zero.Sys("fs/cgroup"); got != "/sys/fs/cgroup" {
		t.Error(got)
	}
	env := map[string]string{"PROC_ROOT": "/host/proc", "SYS_ROOT": "/host/sys/"}
	f := FromEnviron(func(name string) string { return env[name] })
	if f.ProcRoot() != "/host/proc" || f.Proc() != "/host/proc" || f.Sys("x") != "/host/sys/x" || f.NetDirOf(7) != "/host/proc/7/net" {
		t.Errorf("%+v", f)
	}
	if FromEnviron(func(string) string { return "" }) != zero || New("", "") != zero {
		t.Error("an empty environment moves the roots")
	}
}

func TestNetDir(t *testing.T) {
	root := t.TempDir()
	f := New(root, "")
	if got, want := f.NetDir(), filepath.Join(root, "net"); got != want {
		t.Errorf("captured tree: %s, want %s", got, want)
	}
	own := filepath.Join(root, "thread-self", "net")
	if err := os.MkdirAll(own, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := f.NetDir(); got != own {
		t.Errorf("%s, want %s", got, own)
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadFile(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, 100000} {
		content := strings.Repeat("x", size)
		path := write(t, content)
		if got, err := ReadFile(path, size); err != nil || string(got) != content {
			t.Errorf("%d bytes: %d, %v", size, len(got), err)
		}
		if size == 0 {
			continue
		}
		got, err := ReadFile(path, size-1)
		var fileErr *FileError
		if got != nil || !errors.Is(err, ErrTooLarge) || !errors.As(err, &fileErr) || fileErr.Path != path {
			t.Errorf("%d bytes with a limit of one less: %d, %v", size, len(got), err)
		}
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none"), 10); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := ReadFile(t.TempDir(), 10); err == nil {
		t.Error("a directory is read")
	}
}

func TestReadUint(t *testing.T) {
	for text, want := range map[string]uint64{"5\n": 5, " 18446744073709551615 ": 1<<64 - 1, "0": 0, "007\n\n": 7} {
		if got, err := ReadUint(write(t, text)); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\n", "x", "-1", "1 2", "0x1", "18446744073709551616", "1.5", "+1"} {
		if got, err := ReadUint(write(t, text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	if _, err := ReadUint(write(t, strings.Repeat("1", maxValue+1))); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestReadString(t *testing.T) {
	if got, err := ReadString(write(t, "\t6.18.0 \n")); err != nil || got != "6.18.0" {
		t.Errorf("%q, %v", got, err)
	}
}
