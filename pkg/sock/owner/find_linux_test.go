package owner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

func TestFindOurselves(t *testing.T) {
	_, inode := listen(t)
	owners := find(t, kernfs.FS{}, owner.Options{}, inode, inode, 0)
	p, seen := owners.Lookup(inode)
	if seen != owner.Held || p.PID != os.Getpid() || p.Name != "owner.test" {
		t.Errorf("Lookup = %+v, %v, want process %d, held", p, seen, os.Getpid())
	}
	if owners.Missing() != 0 {
		t.Errorf("Missing = %d, want 0", owners.Missing())
	}
	if p, seen := owners.Lookup(0); seen != owner.None {
		t.Errorf("a socket without inode is held by %+v", p)
	}
}

// Inherited sockets have several holders, and the one with the lowest id counts.
func TestSeveralHolders(t *testing.T) {
	l, inode := listen(t)
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want := []int{os.Getpid(), hold(t, file), hold(t, file)}
	slices.Sort(want)
	owners := find(t, kernfs.FS{}, owner.Options{AllHolders: true}, inode)
	var got []int
	for p := range owners.Holders(inode) {
		got = append(got, p.PID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("holders %v, want %v", got, want)
	}
	if p, _ := owners.Lookup(inode); p.PID != want[0] {
		t.Errorf("Lookup = %+v, want the lowest, %d", p, want[0])
	}
	if p, _ := find(t, kernfs.FS{}, owner.Options{}, inode).Lookup(inode); p.PID != want[0] {
		t.Errorf("stopping early: %+v, want %d", p, want[0])
	}
}

func TestNameIsKeptRaw(t *testing.T) {
	l, inode := listen(t)
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	pid := hold(t, file, "OWNER_TEST_NAME=a) b\n\x1b[31m")
	file.Close()
	l.Close()
	p, seen := find(t, kernfs.FS{}, owner.Options{}, inode).Lookup(inode)
	if seen != owner.Held || p.PID != pid || p.Name != "a) b\n\x1b[31m" {
		t.Errorf("Lookup = %+v (%q), %v, want process %d", p, p.Name, seen, pid)
	}
	d, err := owner.ReadDetails(kernfs.FS{}, pid)
	if err != nil || len(d.Command) != 1 || filepath.Base(d.Command[0]) != "owner.test" || d.UID != uint32(os.Geteuid()) {
		t.Errorf("ReadDetails = %+v, %v", d, err)
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		t.Fatal(err)
	}
	if age := time.Duration(now.Nano()) - d.Started; age < -20*time.Millisecond || age > 30*time.Second {
		t.Errorf("the child started %v ago", age)
	}
}

// What is not found is held by nobody, if every process could be looked into. Even
// root may not look into one with a capability that it has not itself.
func TestNobody(t *testing.T) {
	needRoot(t)
	owners := find(t, kernfs.FS{}, owner.Options{}, 1<<40)
	p, seen := owners.Lookup(1 << 40)
	want := owner.None
	if owners.Blind() {
		want = owner.Unseen
	}
	if seen != want || owners.Hidden > 1 || owners.Invisible || owners.Missing() != 1 {
		t.Errorf("Lookup = %+v, %v (%d hidden, invisible %v), want %v", p, seen, owners.Hidden, owners.Invisible, want)
	}
	if owners.Blind() != (owners.Reason() != "") {
		t.Errorf("blind %v, reason %q", owners.Blind(), owners.Reason())
	}
}

// Without rights, what is not found is unseen, and what is ours is found.
func TestUnprivileged(t *testing.T) {
	needRoot(t)
	_, inode := listen(t)
	cmd := child(t, "find", fmt.Sprintf("OWNER_TEST_INODE=%d", inode))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	got := output(t, cmd)
	if !strings.HasPrefix(got, "unseen 0 hidden=true invisible=false") || !strings.Contains(got, "CAP_SYS_PTRACE") {
		t.Errorf("got %q, want unseen, hidden, and what it takes", got)
	}
}

func TestHidePID(t *testing.T) {
	needRoot(t)
	_, inode := listen(t)
	cmd := child(t, "find", fmt.Sprintf("OWNER_TEST_INODE=%d", inode), "OWNER_TEST_HIDEPID=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	got := output(t, cmd)
	if !strings.HasPrefix(got, "unseen 0 ") || !strings.Contains(got, "invisible=true") || !strings.Contains(got, "blind=true") {
		t.Errorf("got %q, want unseen and invisible", got)
	}
}

// In a process-id namespace of its own /proc lists every process, and not those
// outside.
func TestNestedNamespace(t *testing.T) {
	needRoot(t)
	_, inode := listen(t)
	cmd := child(t, "find", fmt.Sprintf("OWNER_TEST_INODE=%d", inode), "OWNER_TEST_HIDEPID=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	if got := output(t, cmd); !strings.HasPrefix(got, "unseen 0 ") || !strings.Contains(got, "nested=true") {
		t.Errorf("got %q, want unseen and nested", got)
	}
}

// Processes that come and go while they are walked do no harm.
func TestVanishingProcesses(t *testing.T) {
	_, inode := listen(t)
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	us := strings.TrimSpace(string(comm))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			if p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{}); err == nil {
				p.Wait()
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		owners := find(t, kernfs.FS{}, owner.Options{AllHolders: true}, inode)
		// Until it runs its program a child holds what we hold, by our name, and
		// its number may be lower than ours.
		if p, seen := owners.Lookup(inode); seen != owner.Held || p.PID != os.Getpid() && p.Name != us {
			t.Fatalf("Lookup = %+v, %v, want ourselves", p, seen)
		}
	}
}

func TestFindErrors(t *testing.T) {
	var wanted owner.Inodes
	if o, err := owner.Find(context.Background(), kernfs.New("/nowhere", ""), &wanted, owner.Options{}); err != nil || o.Missing() != 0 {
		t.Errorf("nothing wanted: %v, want no walk at all", err)
	}
	wanted.Add(5)
	if _, err := owner.Find(context.Background(), kernfs.New("/nowhere", ""), &wanted, owner.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no /proc: %v, want ErrNotExist", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wanted.Add(1 << 40)
	if _, err := owner.Find(ctx, kernfs.FS{}, &wanted, owner.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v, want context.Canceled", err)
	}
}

// A tree of captured files has links where /proc has sockets.
func TestFixture(t *testing.T) {
	root := t.TempDir()
	add := func(pid int, name string, links ...string) {
		dir := filepath.Join(root, strconv.Itoa(pid))
		if err := os.MkdirAll(filepath.Join(dir, "fd"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "comm"), []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for i, link := range links {
			if err := os.Symlink(link, filepath.Join(dir, "fd", strconv.Itoa(i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(1, "init", "/dev/null", "pipe:[100]", "socket:[7]")
	add(200, "web server", "socket:[100]", "socket:[101]", "socket:[100]")
	add(30, "master", "anon_inode:[eventpoll]", "socket:[100]", "socket:[bad]", "socket:[18446744073709551616]")
	if err := os.Mkdir(filepath.Join(root, "40"), 0o755); err != nil { // without fd: it ended
		t.Fatal(err)
	}
	owners := find(t, kernfs.New(root, ""), owner.Options{AllHolders: true}, 100, 101, 102)
	for inode, want := range map[uint64]owner.Process{100: {PID: 30, Name: "master"}, 101: {PID: 200, Name: "web server"}} {
		if p, seen := owners.Lookup(inode); p != want || seen != owner.Held {
			t.Errorf("Lookup(%d) = %+v, %v, want %+v", inode, p, seen, want)
		}
	}
	if p, seen := owners.Lookup(102); seen != owner.None {
		t.Errorf("Lookup(102) = %+v, %v, want none", p, seen)
	}
	if got := len(slices.Collect(owners.Holders(100))); got != 2 {
		t.Errorf("%d holders, want 2: a process counts once", got)
	}
	if owners.Processes != 3 || owners.Descriptors != 10 {
		t.Errorf("%d processes with %d descriptors, want 3 with 10", owners.Processes, owners.Descriptors)
	}
	if _, seen := owners.Lookup(7); seen != owner.Unseen {
		t.Errorf("a socket that was not asked for is %v, want unseen", seen)
	}
}

// A listener is found among the first descriptors of a process before the many
// of another are looked at, and behind many as well.
func TestListenersFirst(t *testing.T) {
	_, early := listen(t)
	var files []*os.File
	for range 400 {
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	_, late := listen(t)
	runtime.KeepAlive(files)
	for _, inode := range []uint64{early, late} {
		owners := find(t, kernfs.FS{}, owner.Options{Listeners: true}, inode)
		if p, seen := owners.Lookup(inode); seen != owner.Held || p.PID != os.Getpid() {
			t.Errorf("Lookup = %+v, %v, want process %d, held", p, seen, os.Getpid())
		}
	}
	both := find(t, kernfs.FS{}, owner.Options{Listeners: true}, early, late)
	if holders := slices.Collect(both.Holders(late)); both.Missing() != 0 || len(holders) != 1 {
		t.Errorf("%d missing, held by %v", both.Missing(), holders)
	}
	whole := find(t, kernfs.FS{}, owner.Options{}, late)
	if first := find(t, kernfs.FS{}, owner.Options{Listeners: true}, early); first.Descriptors >= whole.Descriptors {
		t.Errorf("looked at %d descriptors for an early listener, at %d for a late one", first.Descriptors, whole.Descriptors)
	}
}
