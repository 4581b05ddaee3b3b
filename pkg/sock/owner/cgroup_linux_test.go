package owner_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// groupDir makes a cgroup for a test, in the real tree or, without one, in a tree of
// files that stands for it.
func groupDir(t *testing.T) (kernfs.FS, string) {
	t.Helper()
	mount := t.TempDir()
	root := t.TempDir()
	for _, name := range []string{"system.slice/web.service/worker", "system.slice/db.service", "user.slice"} {
		if err := os.MkdirAll(filepath.Join(mount, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "self"), 0o755); err != nil {
		t.Fatal(err)
	}
	info := "25 30 0:22 / /proc rw - proc proc rw\n29 23 0:26 / " + strings.ReplaceAll(mount, " ", `\040`) + " rw shared:4 - cgroup2 cgroup2 rw\n"
	if err := os.WriteFile(filepath.Join(root, "self", "mountinfo"), []byte(info), 0o644); err != nil {
		t.Fatal(err)
	}
	return kernfs.New(root, ""), mount
}

func TestCgroups(t *testing.T) {
	fs, mount := groupDir(t)
	c, err := owner.OpenCgroups(fs)
	if err != nil {
		t.Fatal(err)
	}
	web, err := c.ID("/system.slice/web.service")
	if err != nil || web == 0 {
		t.Fatalf("ID = %d, %v", web, err)
	}
	if again, _ := c.ID("system.slice/web.service/"); again != web {
		t.Errorf("without the first slash: %d, want %d", again, web)
	}
	if got := c.Path(web); got != "/system.slice/web.service" {
		t.Errorf("Path = %q", got)
	}
	if got := c.Path(0xabc0ffee00); got != "unreachable:abc0ffee00" {
		t.Errorf("Path of one that is gone = %q", got)
	}
	for pattern, want := range map[string]int{"/system.slice/*": 3, "system.slice/*.service": 2, "/user.slice": 1, "*": 6, "/*.slice": 2} {
		ids, err := c.IDs(pattern)
		if err != nil || len(ids) != want || !slices.IsSorted(ids) {
			t.Errorf("IDs(%q) = %v, %v, want %d", pattern, ids, err, want)
		}
	}
	for _, bad := range []string{"/nothing", "/nothing*"} {
		if _, err := c.IDs(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("IDs(%q): %v, want an error that quotes it", bad, err)
		}
	}
	// Nothing leads out of the tree.
	if id, err := c.ID("/../../../../../../../" + mount); err == nil {
		t.Errorf("outside the tree: %d, want an error", id)
	}
}

func TestNoCgroups(t *testing.T) {
	fs, _ := groupDir(t)
	if err := os.WriteFile(fs.Proc("self", "mountinfo"), []byte("25 30 0:22 / /proc rw - proc proc rw\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.OpenCgroups(fs); !errors.Is(err, owner.ErrNoCgroups) {
		t.Errorf("error = %v, want ErrNoCgroups", err)
	}
}

// On a real cgroup2 file system the number is the directory's inode.
func TestRealCgroups(t *testing.T) {
	c, err := owner.OpenCgroups(kernfs.FS{})
	if errors.Is(err, owner.ErrNoCgroups) {
		t.Skip("no cgroup2 file system is mounted")
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := owner.ReadDetails(kernfs.FS{}, os.Getpid())
	if err != nil || d.Cgroup == "" {
		t.Fatalf("our cgroup: %q, %v", d.Cgroup, err)
	}
	id, err := c.ID("/")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Path(id); got != "/" {
		t.Errorf("Path(%d) = %q, want /", id, got)
	}
	var st unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &st); err == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
		var root unix.Stat_t
		if err := unix.Stat("/sys/fs/cgroup", &root); err == nil && uint64(root.Ino) != id {
			t.Errorf("ID(/) = %d, the inode is %d", id, root.Ino)
		}
	}
}
