package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A program is a running helper.
type program struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.Closer
}

// start runs a program of that name in the namespace, which makes the sockets and
// then waits.
func start(t testing.TB, ns *testhost.Netns, name string, user *testhost.User, sockets ...string) *program {
	t.Helper()
	path := filepath.Join(testhost.Dir(t), name)
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, sockets...)
	cmd.Env, cmd.Dir, cmd.Stderr = []string{helperVariable + "=1"}, "/", os.Stderr
	if user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user.UID, Gid: user.GID}}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, cmd: cmd, stdin: stdin}
	t.Cleanup(p.stop)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%s %v: %q, %v", name, sockets, line, err)
	}
	return p
}

func (p *program) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// inside runs the real binary in the namespace.
func inside(t testing.TB, ns *testhost.Netns, user *testhost.User, env []string, name string, args ...string) testhost.Result {
	t.Helper()
	return testhost.Run(t, testhost.Command{Path: testhost.Binary(t, name), Args: args, Env: env, User: user, Netns: ns})
}

type listed struct {
	Protocol     string `json:"protocol"`
	LocalAddress string `json:"local_address"`
	LocalPort    int    `json:"local_port"`
	Reach        string `json:"reach"`
	Queue        *int   `json:"queue"`
	QueueLimit   *int   `json:"queue_limit"`
	Drops        *int   `json:"drops"`
	User         string `json:"user"`
	Process      any    `json:"process"`
	Instances    int    `json:"instances"`
}

func list(t testing.TB, ns *testhost.Netns, user *testhost.User, args ...string) []listed {
	t.Helper()
	r := inside(t, ns, user, nil, "listeners", append([]string{"list", "--format", "json"}, args...)...)
	var answer struct{ Listeners []listed }
	if err := json.Unmarshal([]byte(r.Stdout), &answer); err != nil || r.Code != 0 {
		t.Fatalf("%v\n%v", err, r)
	}
	return answer.Listeners
}

func (l listed) String() string {
	program := l.Process
	if holders, ok := l.Process.([]any); ok {
		program = ""
		for _, h := range holders {
			program = fmt.Sprint(program, h.(map[string]any)["name"], " ")
		}
	}
	return fmt.Sprintf("%s [%s]:%d %s x%d %v", l.Protocol, l.LocalAddress, l.LocalPort, l.Reach, l.Instances, program)
}

func TestEveryKindOfListener(t *testing.T) {
	ns := testhost.NewNetns(t)
	start(t, ns, "webserver", nil,
		"tcp,0.0.0.0:80", "tcp,[::]:81", "tcp,[::]:82,v6only", "tcp,0.0.0.0:82", "tcp,127.0.0.1:83", "tcp,[::1]:84",
		"tcp,[::ffff:127.0.0.1]:85", "tcp,0.0.0.0:86,dev=lo", "tcp,0.0.0.0:45000", "tcp,0.0.0.0:87,0",
		"udp,0.0.0.0:53", "udp,127.0.0.1:54", "udp,0.0.0.0:40000", "udp,127.0.0.1:55,to=127.0.0.1:53", "udp,[::]:56")
	start(t, ns, "shared", nil, "tcp,0.0.0.0:90,reuseport", "tcp,0.0.0.0:90,reuseport", "tcp,0.0.0.0:90,reuseport")
	start(t, ns, "intruder", nil, "tcp,0.0.0.0:90,reuseport")
	want := []string{
		"tcp [0.0.0.0]:80 public x1 webserver ",
		"tcp [::]:81 public x1 webserver ",
		"tcp [0.0.0.0]:82 public x1 webserver ",
		"tcp [::]:82 public x1 webserver ",
		"tcp [127.0.0.1]:83 loopback x1 webserver ",
		"tcp [::1]:84 loopback x1 webserver ",
		"tcp [127.0.0.1]:85 loopback x1 webserver ",
		"tcp [0.0.0.0]:86 loopback x1 webserver ",
		"tcp [0.0.0.0]:87 public x1 webserver ",
		"tcp [0.0.0.0]:90 public x1 intruder ",
		"tcp [0.0.0.0]:90 public x3 shared ",
		"tcp [0.0.0.0]:45000 public x1 webserver ",
		"udp [0.0.0.0]:53 public x1 webserver ",
		"udp [127.0.0.1]:54 loopback x1 webserver ",
		"udp [::]:56 public x1 webserver ",
	}
	got := func(rows []listed) (texts []string) {
		for _, l := range rows {
			texts = append(texts, l.String())
		}
		return texts
	}
	if diff := cmp.Diff(want, got(list(t, ns, nil))); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(append(want, "udp [0.0.0.0]:40000 public x1 webserver "), got(list(t, ns, nil, "--udp-ephemeral"))); diff != "" {
		t.Errorf("list --udp-ephemeral (-want +got):\n%s", diff)
	}
	for _, l := range list(t, ns, nil) {
		if tcp := l.Protocol == "tcp"; (l.Queue != nil) != tcp || (l.QueueLimit != nil) != tcp || l.Drops == nil {
			t.Errorf("queue, limit or drops of %v", l)
		}
	}
	// A person sees the device, as in ss.
	for _, local := range []string{"  0.0.0.0%lo:86 ", "  0.0.0.0:87 "} {
		if r := inside(t, ns, nil, nil, "listeners", "list"); !strings.Contains(r.Stdout, local) {
			t.Errorf("no %s: %v", local, r)
		}
	}
	// From outside the namespace it is the same, if root asks.
	r := testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "listeners"), Args: []string{"list", "--netns", ns.Name, "--protocol", "udp"}})
	if r.Code != 0 || strings.Count(r.Stdout, "\n") != 4 {
		t.Errorf("--netns: %v", r)
	}
	r = inside(t, ns, nil, nil, "check_listeners", "--require", "tcp/*:80,tcp/*:81,tcp/*:82,tcp/::1:84,tcp/:::82,udp/53,udp/40000,tcp/0.0.0.0:80-86", "--unexpected", "ok")
	if r.Code != 0 || !strings.Contains(r.Stdout, "missing=0;") {
		t.Errorf("require what is there: %v", r)
	}
	r = inside(t, ns, nil, nil, "check_listeners", "--require", "tcp/83,tcp/*:83,tcp/86,udp/54,tcp/:::80", "--unexpected", "ok")
	if r.Code != 2 || !strings.Contains(r.Stdout, "missing=5;") {
		t.Errorf("require what is on loopback or IPv4 alone: %v", r)
	}
	if !strings.Contains(r.Stdout, "\nmissing: tcp/86 (--require): only tcp 0.0.0.0:86 listens on that port, bound to device lo\n") {
		t.Errorf("what is bound to lo is not explained: %v", r)
	}
	r = inside(t, ns, nil, nil, "check_listeners", "--baseline", write(t, "b", "tcp 0.0.0.0:90 shared\n"), "-p", "90")
	if r.Code != 1 || !strings.Contains(r.Stdout, "new tcp 0.0.0.0:90 intruder, 1 listening, 1 unexpected") {
		t.Errorf("a program that joins the sockets of another: %v", r)
	}
}

func TestBaselineAcrossRestart(t *testing.T) {
	ns := testhost.NewNetns(t)
	file := filepath.Join(testhost.Dir(t), "listeners")
	sockets := []string{"tcp,0.0.0.0:443", "tcp,[::]:443,v6only", "udp,127.0.0.1:53"}
	server := start(t, ns, "server", nil, sockets...)
	start(t, ns, "odd na|me\n\x1b[1m", nil, "tcp,127.0.0.1:7")
	if r := inside(t, ns, nil, nil, "listeners", "baseline", "write", file); r.Code != 0 {
		t.Fatalf("%v", r)
	}
	text := read(t, file)
	for _, want := range []string{"\ntcp 0.0.0.0:443 server\ntcp [::]:443 server\n", "\nudp 127.0.0.1:53 server\n", `tcp 127.0.0.1:7 "odd na|me\x0a\x1b\\[1m"` + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	check := func() testhost.Result { return inside(t, ns, nil, nil, "check_listeners", "--baseline", file) }
	if r := check(); r.Code != 0 || !strings.Contains(r.Stdout, "unverified=0;") {
		t.Errorf("nothing has changed: %v", r)
	}
	pid := server.cmd.Process.Pid
	server.stop()
	if r := check(); r.Code != 2 || !strings.Contains(r.Stdout, "missing=3;") {
		t.Errorf("the server is down: %v", r)
	}
	server = start(t, ns, "server", nil, sockets...)
	if server.cmd.Process.Pid == pid {
		t.Fatal("the process id is the same")
	}
	if r := check(); r.Code != 0 {
		t.Errorf("the server is back under another process id: %v", r)
	}
	server.stop()
	start(t, ns, "server", nil, "tcp,0.0.0.0:8443", "tcp,[::]:443,v6only", "udp,127.0.0.1:53")
	r := check()
	if r.Code != 2 || !strings.Contains(r.Stdout, "LISTENERS CRITICAL - tcp 0.0.0.0:443 server moved to tcp 0.0.0.0:8443, 4 listening, 1 unexpected (above 0)") {
		t.Errorf("the server has moved: %v", r)
	}
	if !strings.Contains(r.Stdout, "moved: tcp 0.0.0.0:443 server (line ") || !strings.Contains(r.Stdout, "/server tcp,0.0.0.0:8443") {
		t.Errorf("who, since when and with which command line: %v", r)
	}
	if r := inside(t, ns, nil, nil, "listeners", "baseline", "diff", file); r.Code != 1 || !strings.Contains(r.Stdout, "+          -  tcp 0.0.0.0:8443 server\n") {
		t.Errorf("diff: %v", r)
	}
}

// Programs that may not be seen match, and are counted.
func TestBaselineUnprivileged(t *testing.T) {
	ns, nobody := testhost.NewNetns(t), testhost.MuninUser(t)
	start(t, ns, "rootserver", nil, "tcp,0.0.0.0:443", "tcp,0.0.0.0:80")
	start(t, ns, "ownserver", nobody, "tcp,0.0.0.0:8080")
	dir := testhost.Dir(t)
	file := filepath.Join(dir, "listeners")
	if r := inside(t, ns, nil, nil, "listeners", "baseline", "write", file); r.Code != 0 {
		t.Fatalf("%v", r)
	}
	if r := inside(t, ns, nil, nil, "check_listeners", "--baseline", file); r.Code != 0 || !strings.Contains(r.Stdout, "unverified=0;") {
		t.Errorf("as root: %v", r)
	}
	r := inside(t, ns, nobody, nil, "check_listeners", "--baseline", file)
	if r.Code != 0 || !strings.Contains(r.Stdout, "unverified=2;") || !strings.Contains(r.Stdout, "processes may not be looked into") || r.Stderr != "" {
		t.Errorf("as nobody: %v", r)
	}
	if r := inside(t, ns, nobody, nil, "check_listeners", "--baseline", file, "-w", "unverified=0"); r.Code != 1 {
		t.Errorf("a threshold on unverified: %v", r)
	}
	start(t, ns, "backdoor", nil, "tcp,0.0.0.0:4444")
	r = inside(t, ns, nobody, nil, "check_listeners", "--baseline", file)
	if r.Code != 1 || !strings.Contains(r.Stdout, "new: tcp 0.0.0.0:4444 (program not seen, user root)") {
		t.Errorf("a new listener as nobody: %v", r)
	}
	if r := inside(t, ns, nobody, nil, "listeners", "baseline", "write", filepath.Join(dir, "mine")); r.Code != 2 || !strings.Contains(r.Stderr, "cannot be written: permission denied") {
		t.Errorf("a directory of somebody else: %v", r)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	r = inside(t, ns, nobody, nil, "check_listeners", "--baseline", file)
	if r.Code != 3 || !strings.Contains(r.Stdout, "cannot be read: permission denied, it has to be readable for the user who runs this") {
		t.Errorf("an unreadable baseline: %v", r)
	}
}

// fillQueue connects until the accept queue of a listener is full, and then goes
// on knocking until the kernel drops.
func fillQueue(t testing.TB, ns *testhost.Netns, port, connections int) {
	t.Helper()
	err := ns.Do(func() error {
		for range connections {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			t.Cleanup(func() { unix.Close(fd) })
			if err := unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil && err != unix.EINPROGRESS {
				return err
			}
			time.Sleep(2 * time.Millisecond)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A backlog of 1 holds two connections; what comes after is dropped.
func TestFullAcceptQueue(t *testing.T) {
	ns := testhost.NewNetns(t)
	start(t, ns, "slow", nil, "tcp,0.0.0.0:80,1")
	start(t, ns, "idle", nil, "tcp,0.0.0.0:81,100")
	dir := testhost.Dir(t)
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o755); err != nil {
		t.Fatal(err)
	}
	check := func(args ...string) testhost.Result { return inside(t, ns, nil, nil, "check_listeners", args...) }

	if r := check("-w", "50", "-c", "90"); r.Code != 0 || r.Stdout != "LISTENERS OK - 2 listening, 2 public, fullest queue 0% | listening=2;;;0; public=2;;;0; queue=0%;50;90;0;100 drops=0c;;;0;\n" {
		t.Errorf("an empty queue: %v", r)
	}
	rate := []string{"-w", "drops_rate=0", "--state-dir", state}
	if r := check(rate...); r.Code != 0 || !strings.Contains(r.Stdout, "drops per second collecting") || strings.Contains(r.Stdout, "drops_rate=") {
		t.Errorf("a first run: %v", r)
	}
	fillQueue(t, ns, 80, 1)
	if r := check("-w", "50", "-c", "90"); r.Code != 0 || !strings.Contains(r.Stdout, "queue=50%;50;90;0;100") {
		t.Errorf("a queue half full: %v", r)
	}
	fillQueue(t, ns, 80, 5)
	r := check("-w", "50", "-c", "90")
	if r.Code != 2 || !strings.HasPrefix(r.Stdout, "LISTENERS CRITICAL - 2 listening, queue of tcp 0.0.0.0:80 slow 100% (above 90) |") ||
		!strings.Contains(r.Stdout, "fullest queue: tcp 0.0.0.0:80 slow, 2 of 2 waiting, ") {
		t.Errorf("a full queue: %v", r)
	}
	rows := list(t, ns, nil, "-p", "80")
	if len(rows) != 1 || *rows[0].Queue != 2 || *rows[0].QueueLimit != 1 || *rows[0].Drops == 0 {
		t.Errorf("list: %+v", rows)
	}
	if ss := testhost.Run(t, testhost.Command{Path: testhost.Need(t, "ss"), Args: []string{"-Htlnm", "sport", "=", ":80"}, Netns: ns}); !strings.Contains(ss.Stdout, fmt.Sprintf(",d%d)", *rows[0].Drops)) {
		t.Errorf("ss does not count %d drops: %v", *rows[0].Drops, ss)
	}
	time.Sleep(1100 * time.Millisecond) // rates are over a second at least; knocking goes on
	if r := check(rate...); r.Code != 1 || !strings.Contains(r.Stdout, " drops_rate=") || !strings.Contains(r.Stdout, "drops per second ") {
		t.Errorf("a rate of drops: %v", r)
	}
	// A check with other options does not move the point that this one compares to.
	if files, err := filepath.Glob(filepath.Join(state, "listeners.drops.????????")); err != nil || len(files) != 1 {
		t.Errorf("state files: %v, %v", files, err)
	} else if err := os.WriteFile(files[0], []byte("damaged"), 0o600); err != nil {
		t.Error(err)
	}
	if r := check(rate...); r.Code != 0 || !strings.Contains(r.Stdout, "drops per second collecting") || !strings.Contains(r.Stdout, "cannot be used and is replaced: ") {
		t.Errorf("a damaged state file: %v", r)
	}
	if r := check(append(rate, "-p", "81")...); r.Code != 0 || !strings.Contains(r.Stdout, "collecting") {
		t.Errorf("the same question about another listener: %v", r)
	}
	if r := check("-w", "drops_rate=0"); r.Code != 3 || !strings.Contains(r.Stdout, "--state-dir") {
		t.Errorf("no state directory: %v", r)
	}
	if r := check("--allow", "tcp/80,tcp/81", "-c", "queue=90"); r.Code != 2 || !strings.Contains(r.Stdout, "2 listening, 0 unexpected, queue 100% (above 90)") || !strings.Contains(r.Stdout, "fullest queue: tcp 0.0.0.0:80 slow") {
		t.Errorf("a full queue beside an expectation: %v", r)
	}
	munin := inside(t, ns, nil, nil, "listeners", "munin", "overflows")
	if strings.Contains(munin.Stdout, "listen_overflows.value 0\n") || strings.Contains(munin.Stdout, "U\n") {
		t.Errorf("the host's counters: %v", munin)
	}
}

// A listener that goes away between the look at the sockets and the one at the
// processes is not taken for one that nobody holds.
func TestVanishingListener(t *testing.T) {
	ns := testhost.NewNetns(t)
	gone, stays := start(t, ns, "gone", nil, "tcp,0.0.0.0:80"), start(t, ns, "stays", nil, "tcp,0.0.0.0:81")
	defer stays.stop()
	ref, err := netns.Parse(ns.Path())
	if err != nil {
		t.Fatal(err)
	}
	s := &survey{selected: &selection.Selected{Query: scan.Query{NetNS: ref, Want: sock.FieldMemory}}}
	if s.sockets, err = s.read(context.Background(), s.everyone()); err != nil || len(s.sockets) != 2 {
		t.Fatalf("%d sockets, %v", len(s.sockets), err)
	}
	gone.stop()
	if err := s.hold(context.Background(), s.sockets, false); err != nil {
		t.Fatal(err)
	}
	if s.owners.Blind() {
		// Where processes may not be looked into a socket without holder is unseen.
		t.Logf("some processes cannot be looked into here: %s", s.owners.Reason())
		for _, one := range s.sockets {
			if one.local.Port() == 80 {
				one.visibility = owner.None
			}
		}
		if err := s.confirm(context.Background(), s.sockets); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.sockets) != 1 || s.sockets[0].local.Port() != 81 || s.sockets[0].program() != "stays" {
		t.Errorf("%+v", s.sockets)
	}
}

// The cost is that of the listeners: established connections are not walked.
func TestPlanWalksListenersAlone(t *testing.T) {
	ns := testhost.NewNetns(t)
	start(t, ns, "server", nil, "tcp,0.0.0.0:80,128")
	fillQueue(t, ns, 80, 50)
	r := inside(t, ns, nil, nil, "check_listeners", "-v")
	if r.Code != 0 || !strings.Contains(r.Stdout, "states listening: 1 of 1 sockets received") || !strings.Contains(r.Stdout, "udp: 2 walks, states closed: 0 of 0 sockets received") {
		t.Errorf("%v", r)
	}
}
