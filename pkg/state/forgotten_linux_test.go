package state

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A new question makes room: of the same plugin's files, those that nobody has
// written for a month go, a few at a time, and nothing else ever does.
func TestForgotten(t *testing.T) {
	dir := t.TempDir()
	old, fresh := time.Now().Add(-Forgotten-time.Hour), time.Now().Add(-Forgotten+time.Hour)
	place := func(name string, at time.Time) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"clients.00000001", "clients.00000001.lock", "clients.0000000000000002"} {
		place(name, old)
	}
	keep := []string{
		"clients.fields", "clients.00000003x", "clients.0000004", "clients.ABCDEF00", "clients.0000000G", "opens.00000001",
		"clients_443-127.0.0.1", "00000009", ".00000009", "hard", "clients.0000000a", "clients.0000000b", "clients.0000000e",
	}
	for _, name := range keep[:len(keep)-3] {
		place(name, old)
	}
	place("clients.0000000e", fresh)
	if err := os.Symlink("hard", filepath.Join(dir, "clients.0000000a")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "hard"), filepath.Join(dir, "clients.0000000b")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "clients.0000000c"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "clients.0000000c"), old, old); err != nil {
		t.Fatal(err)
	}
	s := Store{Dir: dir, File: "clients.fffffff0", Format: "clients-1"}
	mustUpdate(t, s, "x")
	want := append(keep, "clients.0000000c", s.File, s.File+".lock")
	slices.Sort(want)
	if got := listed(t, dir); !slices.Equal(got, want) {
		t.Errorf("left are\n%q, want\n%q", got, want)
	}
}

func listed(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// Only a new file looks for old ones, and one run removes no more than a few.
func TestForgottenABit(t *testing.T) {
	dir := t.TempDir()
	s := Store{Dir: dir, File: "clients.fffffff0", Format: "clients-1"}
	mustUpdate(t, s, "x")
	old := time.Now().Add(-2 * Forgotten)
	for n := range 2 * mostSwept {
		path := filepath.Join(dir, "clients.000000"+string("0123456789abcdef"[n/16])+string("0123456789abcdef"[n%16]))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	left := func() (n int) {
		for _, name := range listed(t, dir) {
			if strings.HasPrefix(name, "clients.000000") {
				n++
			}
		}
		return n
	}
	mustUpdate(t, s, "y")
	if got := left(); got != 2*mostSwept {
		t.Errorf("%d files are left after a run that made none, want %d", got, 2*mostSwept)
	}
	s.File = "clients.fffffff1"
	mustUpdate(t, s, "x")
	if got := left(); got != mostSwept {
		t.Errorf("%d files are left, want %d", got, mostSwept)
	}
	s.File = "clients.fields"
	mustUpdate(t, s, "x")
	if got := left(); got != mostSwept {
		t.Errorf("%d files are left after a file that is no question's, want %d", got, mostSwept)
	}
}

// A file whose lock is held is in use, however old it is.
func TestForgottenButHeld(t *testing.T) {
	dir := t.TempDir()
	held := Store{Dir: dir, File: "clients.00000001", Format: "clients-1"}
	mustUpdate(t, held, "x")
	old := time.Now().Add(-2 * Forgotten)
	if err := os.Chtimes(held.Path(), old, old); err != nil {
		t.Fatal(err)
	}
	err := held.Update(context.Background(), func([]byte, error) ([]byte, error) {
		mustUpdate(t, Store{Dir: dir, File: "clients.00000002", Format: "clients-1"}, "x")
		return []byte("y"), nil
	})
	if content, readErr := held.Read(); err != nil || readErr != nil || string(content) != "y" {
		t.Errorf("%v, then %q, %v", err, content, readErr)
	}
}
