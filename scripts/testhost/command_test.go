package testhost

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRunAs(t *testing.T) {
	NeedRoot(t)
	user := LookupUser(t, "nobody", "")
	dir := Dir(t)
	r := RunAs(t, user, []string{"A=b"}, "/bin/sh", "-c", `id -u; /usr/bin/env | /bin/grep ^A; echo lost >&2; cd "$0" && exit 7`, dir)
	want := Result{Stdout: "65534\nA=b\n", Stderr: "lost\n", Code: 7}
	if r != want {
		t.Errorf("got %s\nwant %s", r, want)
	}
}

func TestRunByAnotherName(t *testing.T) {
	r := Run(t, Command{Path: "/bin/sh", Argv0: "check_name", Args: []string{"-c", "nothing_of_this_name"}, Stdin: ""})
	if r.Code != 127 || !strings.HasPrefix(r.Stderr, "check_name:") {
		t.Errorf("argv[0] is not the given name: %s", r)
	}
}

func TestRunReportsSignals(t *testing.T) {
	if r := Run(t, Command{Path: "/bin/sh", Args: []string{"-c", "kill -9 $$"}}); r.Code != 128+9 {
		t.Errorf("exit %d after SIGKILL", r.Code)
	}
}

func TestNetnsHoldsCommands(t *testing.T) {
	ns := NewNetns(t)
	r := Run(t, Command{Path: "/bin/readlink", Args: []string{"/proc/self/ns/net"}, Netns: ns})
	var inside string
	if err := ns.Do(func() (err error) { inside, err = os.Readlink("/proc/thread-self/ns/net"); return err }); err != nil {
		t.Fatal(err)
	}
	here, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(r.Stdout) != inside || inside == here {
		t.Errorf("command in %q, thread in %q, test in %q", r.Stdout, inside, here)
	}
}

func TestStopEndsTheGroup(t *testing.T) {
	dir := Dir(t)
	p := start(t, Command{Path: "/bin/sh", Args: []string{"-c", "sleep 100 & echo $! >child; wait"}, Dir: dir}, nil, nil)
	child := filepath.Join(dir, "child")
	p.waitFor(t, "sh", readyLimit, func() string { return "" }, func() bool { return readLog(child) != "" })
	p.stop()
	pid, err := strconv.Atoi(strings.TrimSpace(readLog(child)))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err != nil || strings.Contains(string(state), ") Z ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the child %d outlived its group", pid)
		}
	}
}

func TestDirIsReachable(t *testing.T) {
	if dir := Dir(t); !reachable(dir) {
		t.Errorf("%s is not open to all users", dir)
	}
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if reachable(filepath.Join(closed)) {
		t.Errorf("%s counts as reachable", closed)
	}
}
