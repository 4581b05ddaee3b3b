package main

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// tracked is a namespace with a rule that switches tracking on.
func tracked(t testing.TB) *testhost.Netns {
	t.Helper()
	ns := testhost.NewNetns(t)
	inside(t, ns, "nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state new accept")
	return ns
}

// inside runs a program in the namespace and returns what it printed.
func inside(t testing.TB, ns *testhost.Netns, program string, args ...string) string {
	t.Helper()
	got := testhost.Run(t, testhost.Command{Path: testhost.Need(t, program), Args: args, Netns: ns, Timeout: 5 * time.Minute})
	if got.Code != 0 {
		t.Fatalf("%s %s: %v", program, strings.Join(args, " "), got)
	}
	return got.Stdout
}

// run calls our binary in the namespace.
func run(t testing.TB, ns *testhost.Netns, user *testhost.User, args ...string) testhost.Result {
	t.Helper()
	return testhost.Run(t, testhost.Command{Path: testhost.Binary(t, "conntrack"), Args: args, Netns: ns, User: user})
}

// load makes entries by the real conntrack, each line being its options.
func load(t testing.TB, ns *testhost.Netns, lines []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "entries")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside(t, ns, "conntrack", "-R", file)
}

// mixed are entries that every condition tells apart.
func mixed(count int) []string {
	states := []string{"ESTABLISHED", "ESTABLISHED", "ESTABLISHED", "TIME_WAIT", "SYN_SENT", "CLOSE_WAIT", "CLOSE", "FIN_WAIT", "LAST_ACK", "SYN_RECV"}
	lines := make([]string, count)
	for i := range count {
		src, dst := fmt.Sprintf("10.0.%d.%d", i>>8&255, i&255), "192.0.2.1"
		if i%5 == 4 {
			src, dst = fmt.Sprintf("fd00::%x", i), "2001:db8::1"
		}
		line := fmt.Sprintf("-A -s %s -d %s -t 3600", src, dst)
		switch i % 7 {
		case 0, 1, 2, 3:
			line += fmt.Sprintf(" -p tcp --sport %d --dport %d --state %s -u SEEN_REPLY,ASSURED", 1024+i, []int{80, 443}[i%2], states[i%len(states)])
		case 4, 5:
			line += fmt.Sprintf(" -p udp --sport %d --dport %d -u SEEN_REPLY", 1024+i, []int{53, 500}[i%2])
		default:
			protocol, kind := "icmp", 8
			if i%5 == 4 {
				protocol, kind = "icmpv6", 128
			}
			line += fmt.Sprintf(" -p %[1]s --%[1]s-type %[2]d --%[1]s-code 0 --%[1]s-id %[3]d -u SEEN_REPLY", protocol, kind, i)
		}
		if i%3 == 0 {
			line += " -m " + fmt.Sprint(16+i%2)
		}
		if i%4 == 0 {
			line += " -w 7"
		}
		lines[i] = line
	}
	return lines
}

// A background program of ours runs in the namespace until it is told to end.
type background struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr string // paths of files that it writes to
}

func start(t testing.TB, ns *testhost.Netns, args ...string) *background {
	t.Helper()
	dir := t.TempDir()
	b := &background{t: t, stdout: filepath.Join(dir, "stdout"), stderr: filepath.Join(dir, "stderr")}
	b.cmd = exec.Command(testhost.Binary(t, "conntrack"), args...)
	b.cmd.Stdout, b.cmd.Stderr = create(t, b.stdout), create(t, b.stderr)
	if err := ns.Do(b.cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.cmd.Process.Kill(); b.cmd.Wait() })
	return b
}

func create(t testing.TB, path string) *os.File {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// await waits until the program has printed a text.
func (b *background) await(text string) {
	b.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if out, _ := os.ReadFile(b.stdout); bytes.Contains(out, []byte(text)) {
			return
		}
	}
	out, _ := os.ReadFile(b.stdout)
	complaints, _ := os.ReadFile(b.stderr)
	b.t.Fatalf("%q was not printed: %s%s", text, out, complaints)
}

// subscribed waits until the program receives the tracker's events: the kernel
// lists netlink sockets with their protocol and groups.
func (b *background) subscribed() {
	b.t.Helper()
	const netfilter = "12"
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		sockets, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/netlink", b.cmd.Process.Pid))
		for line := range strings.Lines(string(sockets)) {
			if words := strings.Fields(line); len(words) > 3 && words[1] == netfilter && words[3] != "00000000" {
				return
			}
		}
	}
	b.t.Fatal("it never listened to events")
}

func (b *background) signal(s syscall.Signal) {
	b.t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil {
		b.t.Error(err)
	}
}

// end waits for the program's own end.
func (b *background) end() testhost.Result {
	b.t.Helper()
	b.cmd.Wait() // its exit code tells
	out, err := os.ReadFile(b.stdout)
	complaints, complaintsErr := os.ReadFile(b.stderr)
	if err != nil || complaintsErr != nil {
		b.t.Fatal(err, complaintsErr)
	}
	return testhost.Result{Stdout: string(out), Stderr: string(complaints), Code: b.cmd.ProcessState.ExitCode()}
}

// opening makes UDP flows from one socket to many ports.
type opening struct {
	t    testing.TB
	conn *net.UDPConn
	made int
}

func opener(t testing.TB, ns *testhost.Netns) *opening {
	t.Helper()
	o := &opening{t: t}
	err := ns.Do(func() (err error) {
		o.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.conn.Close() })
	return o
}

// open makes n flows, each to another address or port.
func (o *opening) open(n int) {
	o.t.Helper()
	for range n {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, 0, byte(1 + o.made/50000)}), uint16(2000+o.made%50000))
		if _, err := o.conn.WriteToUDPAddrPort([]byte{1}, to); err != nil {
			o.t.Fatal(err)
		}
		o.made++
	}
}

// openPaced makes n flows, perSecond.
func (o *opening) openPaced(n, perSecond int) {
	o.t.Helper()
	const steps = 100 // a second
	for began, done := time.Now(), 0; done < n; done += perSecond / steps {
		o.open(perSecond / steps)
		time.Sleep(time.Duration(done+perSecond/steps)*time.Second/time.Duration(perSecond) - time.Since(began))
	}
}
