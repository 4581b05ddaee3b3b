package owner_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// The tests run this binary as other processes, which do what this variable says.
const childDoes = "OWNER_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childDoes) {
	case "":
		os.Exit(m.Run())
	case "hold": // keep what was inherited until the parent lets go
		if name := os.Getenv("OWNER_TEST_NAME"); name != "" {
			if err := os.WriteFile("/proc/self/comm", []byte(name), 0); err != nil {
				panic(err)
			}
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
	case "find":
		childFinds()
	}
}

// childFinds looks for one socket and prints what it finds.
func childFinds() {
	inode, _ := strconv.ParseUint(os.Getenv("OWNER_TEST_INODE"), 10, 64)
	if os.Getenv("OWNER_TEST_HIDEPID") != "" {
		must(unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(unix.Mount("proc", "/proc", "proc", 0, "hidepid=2"))
		must(syscall.Setgroups(nil))
		must(syscall.Setresgid(65534, 65534, 65534))
		must(syscall.Setresuid(65534, 65534, 65534))
	}
	var wanted owner.Inodes
	wanted.Add(inode)
	owners, err := owner.Find(context.Background(), kernfs.FS{}, &wanted, owner.Options{})
	must(err)
	p, seen := owners.Lookup(inode)
	fmt.Printf("%s %d hidden=%v invisible=%v nested=%v blind=%v\n%s\n", seen, p.PID, owners.Hidden > 0, owners.Invisible, owners.Nested, owners.Blind(), owners.Reason())
}

func must(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// child prepares a process of this binary, from a place where any user may run it.
func child(t testing.TB, does string, env ...string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "owner.test")
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(append(os.Environ(), childDoes+"="+does), env...)
	return cmd
}

// hold starts a process that inherits a file, and returns its id.
func hold(t testing.TB, file *os.File, env ...string) int {
	t.Helper()
	cmd := child(t, "hold", env...)
	if file != nil {
		cmd.ExtraFiles = []*os.File{file, file}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	ready := make([]byte, 6)
	if _, err := io.ReadFull(out, ready); err != nil {
		t.Fatalf("the child did not start: %v", err)
	}
	return cmd.Process.Pid
}

// listen makes a listening socket and returns its inode.
func listen(t testing.TB) (*net.TCPListener, uint64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := raw.Control(func(fd uintptr) { err = syscall.Fstat(int(fd), &st) }); err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener), st.Ino
}

func find(t testing.TB, fs kernfs.FS, options owner.Options, inodes ...uint64) *owner.Owners {
	t.Helper()
	var wanted owner.Inodes
	for _, inode := range inodes {
		wanted.Add(inode)
	}
	owners, err := owner.Find(context.Background(), fs, &wanted, options)
	if err != nil {
		t.Fatal(err)
	}
	return owners
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("this test needs root")
	}
	t.Skip("this test needs root")
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("child: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
