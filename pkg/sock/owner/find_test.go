package owner_test

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// listen makes a listening socket and returns its inode.
func listen(t testing.TB) uint64 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return inodeOf(t, l.(*net.TCPListener))
}

func inodeOf(t testing.TB, c syscall.Conn) uint64 {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := raw.Control(func(fd uintptr) { err = syscall.Fstat(int(fd), &st) }); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestFindOurselves(t *testing.T) {
	inode := listen(t)
	var wanted owner.Inodes
	wanted.Add(inode)
	wanted.Add(inode)
	wanted.Add(0)
	owners, err := owner.Find(context.Background(), kernfs.FS{}, &wanted, owner.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, seen := owners.Lookup(inode)
	if seen != owner.Held || p.PID != os.Getpid() || p.Name != "owner.test" {
		t.Errorf("Lookup = %+v, %v, want process %d, held", p, seen, os.Getpid())
	}
	if owners.Missing() != 0 {
		t.Errorf("Missing = %d, want 0", owners.Missing())
	}
}
