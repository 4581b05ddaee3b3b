package history_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// disk is a file system of a size; remount makes it read-only.
func disk(t *testing.T, options string) (dir string, remount func(flags uintptr)) {
	t.Helper()
	testhost.NeedRoot(t)
	dir = t.TempDir()
	if err := unix.Mount("opens-test", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir, func(flags uintptr) {
		t.Helper()
		if err := unix.Mount("opens-test", dir, "tmpfs", unix.MS_REMOUNT|flags, options); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	dir, _ := disk(t, "size=256k")
	db, err := history.Create(filepath.Join(dir, "opens.db"), history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	k := newKernel(t)
	peer := netip.MustParseAddr("10.0.0.0")
	var recorded, opened uint64
	for range 50 {
		for range 200 {
			peer = peer.Next()
			k.open(web, peer.String(), 1)
			opened++
		}
		k.pass(5 * time.Minute)
		if _, err = db.Record(context.Background(), k.sample()); err != nil {
			break
		}
		recorded = opened
	}
	if !errors.Is(err, history.ErrFull) {
		t.Fatalf("got %v", err)
	}
	t.Log(err)
	if rows, _ := report(t, db, history.Query{}); sum(rows) != recorded || recorded == 0 {
		t.Errorf("history has %d, want %d", sum(rows), recorded)
	}
	if err := db.Verify(context.Background()); err != nil {
		t.Error(err)
	}
	// With space again the next step catches up.
	if err := unix.Mount("opens-test", dir, "tmpfs", unix.MS_REMOUNT, "size=16m"); err != nil {
		t.Fatal(err)
	}
	k.pass(time.Second)
	record(t, db, k.sample())
	if rows, _ := report(t, db, history.Query{}); sum(rows) != opened {
		t.Errorf("history has %d, want %d", sum(rows), opened)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir, remount := disk(t, "size=1m")
	path := filepath.Join(dir, "opens.db")
	db, err := history.Create(path, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := newKernel(t)
	k.open(web, "192.0.2.1", 3)
	record(t, db, k.sample())
	_ = db.Close()
	remount(unix.MS_RDONLY)
	k.pass(time.Minute)
	if err := writeStep(path, k); !errors.Is(err, history.ErrReadOnly) {
		t.Errorf("writing: %v", err)
	} else {
		t.Log(err)
	}
	if err := writeStep(filepath.Join(dir, "new.db"), k); !errors.Is(err, history.ErrReadOnly) {
		t.Errorf("beginning: %v", err)
	}
	if db, err = history.Open(path, history.Options{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if rows, _ := report(t, db, history.Query{}); sum(rows) != 3 {
		t.Errorf("reading: %d, want 3", sum(rows))
	}
}

func writeStep(path string, k *kernel) error {
	db, err := history.Create(path, history.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Record(context.Background(), k.sample())
	return err
}

func TestLockedHistory(t *testing.T) {
	db, path := create(t, history.Options{})
	record(t, db, newKernel(t).sample())
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// The bytes that SQLite locks: pending, reserved, shared.
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: 0x40000000, Len: 512}
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	_, err = history.Create(path, history.Options{Wait: 50 * time.Millisecond})
	if !errors.Is(err, history.ErrBusy) {
		t.Errorf("got %v", err)
	}
}
