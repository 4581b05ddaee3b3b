package testhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Dir makes a directory that every user of the machine can reach and read, unlike
// [testing.T.TempDir]'s, and removes it when the test ends.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := publicTempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the fixture's directory: %v", err)
		}
	})
	return dir
}

// publicTempDir makes a 0755 directory below the first temporary directory that
// other users can walk to.
func publicTempDir() (string, error) {
	base := os.TempDir()
	if !reachable(base) {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "testhost-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// reachable reports whether all users may enter dir and everything above it.
func reachable(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// writeFile writes a world-readable file and makes the directories above it.
func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ownedDir makes a directory that belongs to user.
func ownedDir(t testing.TB, user *User, path string) string {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, int(user.UID), int(user.GID)); err != nil {
		t.Fatal(err)
	}
	return path
}

// readLog returns what a fixture has logged so far; a log that does not exist yet
// is empty.
func readLog(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(text), "?")
}
