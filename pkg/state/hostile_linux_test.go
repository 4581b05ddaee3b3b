package state

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What may be found in the file's place: it is told, never read, and replaced.
func TestBrokenIsReplaced(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	good := encode("rates-1", "", []byte("secret"))
	if err := os.WriteFile(secret, good, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, want string
		root       bool
		place      func(path string) error
	}{
		{"empty", "empty", false, func(p string) error { return os.WriteFile(p, nil, 0o600) }},
		{"cut", "cut short", false, func(p string) error { return os.WriteFile(p, good[:len(good)-1], 0o600) }},
		{"symbolic link", "symbolic link", false, func(p string) error { return os.Symlink(secret, p) }},
		{"dangling link", "symbolic link", false, func(p string) error { return os.Symlink(p+"x", p) }},
		{"hard link", "second name", false, func(p string) error { return os.Link(secret, p) }},
		{"pipe", "not a regular file", false, func(p string) error { return unix.Mkfifo(p, 0o600) }},
		{"socket", "not a regular file", false, func(p string) error { return unix.Mknod(p, unix.S_IFSOCK|0o600, 0) }},
		{"writable", "others can write", false, func(p string) error {
			return errors.Join(os.WriteFile(p, good, 0o600), os.Chmod(p, 0o666))
		}},
		{"another user's", "another user (uid 12345)", true, func(p string) error {
			return errors.Join(os.WriteFile(p, good, 0o600), os.Chown(p, 12345, -1))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root {
				needRoot(t)
			}
			s := newStore(t)
			if err := tt.place(s.Path()); err != nil {
				t.Fatal(err)
			}
			got, err := s.Read()
			var broken *BrokenError
			if got != nil || !errors.Is(err, ErrBroken) || !errors.As(err, &broken) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("read: %q, %v", got, err)
			}
			err = s.Update(t.Context(), func(old []byte, oldErr error) ([]byte, error) {
				if old != nil || !errors.Is(oldErr, ErrBroken) {
					t.Errorf("update: %q, %v", old, oldErr)
				}
				return []byte("new"), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, s, "new")
			wantFiles(t, s, "rates", "rates.lock")
			if left, err := os.ReadFile(secret); err != nil || !bytes.Equal(left, good) {
				t.Errorf("what a link led to was changed: %q, %v", left, err)
			}
			_ = os.Remove(s.Path()) // the hard link counts for the next test
		})
	}
}

func TestLeftovers(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(t)
	for _, name := range []string{"rates.new", "rates.lock"} {
		if err := os.Symlink(target, filepath.Join(s.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	mustUpdate(t, s, "one")
	wantContent(t, s, "one")
	wantFiles(t, s, "rates", "rates.lock")
	if left, err := os.ReadFile(target); err != nil || string(left) != "precious" {
		t.Errorf("what a link led to was changed: %q, %v", left, err)
	}
}

func TestDirectoryInPlace(t *testing.T) {
	s := newStore(t)
	if err := os.MkdirAll(filepath.Join(s.Path(), "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	// It is never replaced, and nobody says so.
	want := `cannot read state file "` + s.Path() + `": it is a directory; if that stays so, name another directory with --state-dir`
	if _, err := s.Read(); !errors.Is(err, ErrDirectory) || err.Error() != want {
		t.Errorf("read: %v", err)
	}
	if err := s.Update(t.Context(), put("x")); !errors.Is(err, ErrDirectory) || err.Error() != want {
		t.Errorf("update: %v", err)
	}
	wantFiles(t, s, "rates", "rates.lock")

	s.File = "other"
	if err := os.Mkdir(s.Path()+".lock", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), put("x")); err == nil || !strings.Contains(err.Error(), `lock file "other.lock" beside it is not ours: it is a directory; if that stays so`) {
		t.Errorf("directory as lock: %v", err)
	}
}

func TestBadDirectories(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	open := filepath.Join(base, "open")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Mkdir(open, 0o700), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ dir, want string }{
		{filepath.Join(base, "none"), "no such file"}, {file, "not a directory"}, {open, "everybody can write"},
	} {
		s := Store{Dir: tt.dir, File: "rates", Format: "rates-1"}
		_, readErr := s.Read()
		for _, err := range []error{readErr, s.Update(t.Context(), put("x"))} {
			var dirErr *DirError
			if !errors.As(err, &dirErr) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--state-dir") {
				t.Errorf("%s: %v", tt.dir, err)
			}
		}
	}
	if err := os.Chmod(open, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	mustUpdate(t, Store{Dir: open, File: "rates", Format: "rates-1"}, "x")
}

// asNobody runs f on a thread of its own that has no rights at all.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	const nobody = 65534
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody)
		if errno != 0 {
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

func TestNobody(t *testing.T) {
	needRoot(t)
	s := newStore(t)
	ctx := t.Context()
	if err := os.Chmod(filepath.Dir(s.Dir), 0o755); err != nil {
		t.Fatal(err)
	}
	mustUpdate(t, s, "root's")
	asNobody(t, func() {
		var dirErr *DirError
		if _, err := s.Read(); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "another user (uid 0)") {
			t.Errorf("read: %v", err)
		}
		other := s
		other.File = "mine"
		if err := other.Update(ctx, put("x")); !errors.As(err, &dirErr) || !errors.Is(err, os.ErrPermission) {
			t.Errorf("update in a directory of root's: %v", err)
		}
	})
	// The administrator tried the plugin as root in the directory of another user.
	if err := os.Chown(s.Dir, 65534, -1); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		if err := s.Update(ctx, put("nobody's")); err != nil {
			t.Errorf("update in our directory with root's files: %v", err)
		}
		wantContent(t, s, "nobody's")
	})
}

func TestReadOnly(t *testing.T) {
	needRoot(t)
	s := newStore(t)
	mustUpdate(t, s, "old")
	if err := unix.Mount("tmpfs", s.Dir, "tmpfs", unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(s.Dir, unix.MNT_DETACH) })
	var dirErr *DirError
	if err := s.Update(t.Context(), put("x")); !errors.As(err, &dirErr) || !errors.Is(err, unix.EROFS) {
		t.Errorf("update: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	needRoot(t)
	s := newStore(t)
	if err := unix.Mount("tmpfs", s.Dir, "tmpfs", 0, "size=64k,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(s.Dir, unix.MNT_DETACH) })
	old := strings.Repeat("old ", 10000)
	mustUpdate(t, s, old)
	err := s.Update(t.Context(), put(strings.Repeat("new ", 10000)))
	var fileErr *FileError
	if !errors.As(err, &fileErr) || !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("update on a full disk: %v", err)
	}
	wantContent(t, s, old)
	wantFiles(t, s, "rates", "rates.lock")
	mustUpdate(t, s, "small")
	wantContent(t, s, "small")
}
