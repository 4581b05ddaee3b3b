package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
)

// captured is a root with the captured tables of testdata and processes that
// hold sockets of them: name and inodes by process id. Without process 1 some
// are taken to be hidden.
func captured(t *testing.T, processes map[int]string) string {
	t.Helper()
	root := t.TempDir()
	tables, err := filepath.Abs("testdata/proc/net")
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink(tables, filepath.Join(root, "net")))
	for pid, text := range processes {
		name, inodes, _ := strings.Cut(text, ":")
		dir := filepath.Join(root, fmt.Sprint(pid))
		must(os.MkdirAll(filepath.Join(dir, "fd"), 0o755))
		must(os.WriteFile(filepath.Join(dir, "comm"), []byte(name+"\n"), 0o644))
		for i, inode := range strings.Fields(inodes) {
			must(os.Symlink("socket:["+inode+"]", filepath.Join(dir, "fd", fmt.Sprint(i))))
		}
	}
	return root
}

// at calls the plugin on a root.
func at(root string, environ []string, args string) (code int, stdout, stderr string) {
	var out, complaints bytes.Buffer
	code = plugin.Run(context.Background(), definition(), plugin.Env{
		Args: words(args), Environ: append([]string{"PROC_ROOT=" + root}, environ...),
		Stdout: &out, Stderr: &complaints,
		Now: func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) },
	})
	return code, out.String(), complaints.String()
}

// While an owner is unseen, no other owner's number is known, and that of the
// largest is not either.
func TestUnseenOwners(t *testing.T) {
	const why = "18 unseen: they belong to processes that may not be seen: /proc is mounted with hidepid and hides the processes of others: it takes root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH\n"
	hidden := captured(t, map[int]string{7: "nginx:802350 802348"})
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"-w proc_nginx=5", 3, "UNKNOWN - nginx (2 to 20), other, largest unknown, 20 established (18 unseen) | total=20;;;0;\nunseen 18\n"},
		{"-w proc_nginx=1", 1, "WARNING - 20 established, nginx 2 to 20 (above 1), other, largest unknown (18 unseen) | total=20;;;0;\nunseen 18\n"},
		{"-w proc_nginx=20", 0, "OK - 20 established, other, largest unknown, nginx 2 to 20 (18 unseen) | total=20;;;0;\nunseen 18\n"},
		{"-w proc_nginx=@3:4", 3, "UNKNOWN - nginx (2 to 20), other, largest unknown, 20 established (18 unseen) | total=20;;;0;\nunseen 18\n"},
		{"-c proc_foo=1:", 3, "UNKNOWN - foo (0 to 18), other, largest unknown, 20 established (18 unseen) | total=20;;;0;\nunseen 18\nnginx 2\n"},
		{"-c proc_foo=18", 0, "OK - 20 established, other, largest unknown, foo 0 to 18 (18 unseen) | total=20;;;0;\nunseen 18\nnginx 2\n"},
		{"-c largest=19", 3, "UNKNOWN - largest (2 to 20), other unknown, 20 established (18 unseen) | total=20;;;0;\nunseen 18\nnginx 2\n"},
		{"-c largest=50", 0, "OK - 20 established, other unknown, largest 2 to 20 (18 unseen) | total=20;;;0;\nunseen 18\nnginx 2\n"},
		{"-c largest=1", 2, "CRITICAL - 20 established, largest 2 to 20 (above 1), other unknown (18 unseen) | total=20;;;0;\nunseen 18\nnginx 2\n"},
		{"--top 1 -w other=1", 1, "WARNING - 20 established, other 2 to 20 (above 1), largest unknown (18 unseen) | total=20;;;0;\nunseen 18\n"},
		{"--top 1 -w other=2", 3, "UNKNOWN - other (2 to 20), largest unknown, 20 established (18 unseen) | total=20;;;0;\nunseen 18\n"},
		{"-w unseen=17 -c none=5", 1, "WARNING - 20 established, unseen 18 (above 17), other, largest unknown (18 unseen) | total=20;;;0; none=0;;5;0; unseen=18;17;;0;\nnginx 2\n"},
		{"", 0, "OK - 20 established, other, largest unknown (18 unseen) | total=20;;;0;\nunseen 18\nnginx 2\n"},
	} {
		code, stdout, stderr := at(hidden, nil, "check_connections --source proc --by process "+tt.args)
		if code != tt.code || stdout != "CONNECTIONS "+tt.want+why || stderr != "" {
			t.Errorf("%s: exit %d, %s%s\nwant %d, %s", tt.args, code, stdout, stderr, tt.code, tt.want)
		}
	}
	seen := captured(t, map[int]string{1: "init:802350", 7: "nginx:802348"})
	code, stdout, _ := at(seen, nil, "check_connections --source proc --by process -w proc_nginx=0 -c proc_other=1:")
	want := "CONNECTIONS CRITICAL - 20 established, other 0 (below 1), nginx 1 (above 0) | total=20;;;0; proc_nginx=1;0;;0; proc_other=0;;1:;0; other=0;;;0; largest=1;;;0;\nnone 18\ninit 1\n"
	if code != 2 || stdout != want {
		t.Errorf("all seen: exit %d, %s\nwant %s", code, stdout, want)
	}
}

// What --process selects has bounds while an owner is unseen. Without a threshold
// there is nothing that they could settle.
func TestUnseenSelected(t *testing.T) {
	const why = "--process nginx: the holders of 18 of the selected sockets may not be seen: /proc is mounted with hidepid and hides the processes of others: it takes root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH\n"
	hidden := captured(t, map[int]string{7: "nginx:802350 802348"})
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"-w 100", 0, "OK - 2 to 20 established of process nginx (18 unseen)\n18 unseen: "},
		{"-w 1", 1, "WARNING - 2 to 20 established of process nginx (above 1) (18 unseen)\n18 unseen: "},
		{"-w 10", 3, "UNKNOWN - 2 to 20 established of process nginx (18 unseen)\n18 unseen: "},
		{"--by family -w ipv4=20 -c ipv6=19", 0, "OK - 2 to 20 established of process nginx, largest unknown, 2 metrics not exact (18 unseen)\nipv4 2 to 20\nipv6 0 to 18\nunknown: largest\n"},
		{"", 3, "UNKNOWN - "},
	} {
		code, stdout, stderr := at(hidden, nil, "check_connections --source proc --process nginx "+tt.args)
		if code != tt.code || !strings.HasPrefix(stdout, "CONNECTIONS "+tt.want) || !strings.HasSuffix(stdout, why) || stderr != "" {
			t.Errorf("%s: exit %d, %s%s\nwant %d, %s", tt.args, code, stdout, stderr, tt.code, tt.want)
		}
	}
	if _, stdout, _ := at(hidden, []string{"source=proc", "process=nginx"}, "connections_held"); !strings.HasSuffix(stdout, "total.value U\n") || !strings.Contains(stdout, "# sockcensus: --process") && !strings.Contains(stdout, "# sockcensus: env.process") {
		t.Errorf("Munin: %s", stdout)
	}
}

// What /proc does not tell counts against a threshold, and is a note without one.
func TestUntoldBounds(t *testing.T) {
	root := captured(t, map[int]string{})
	const why = "bound-inactive not in /proc: such sockets are missing here, --source netlink shows them\n"
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"--state all", 0, "OK - 26 sockets (bound-inactive not in /proc) | total=26;;;0;\n"},
		{"--state all -w 25", 1, "WARNING - at least 26 sockets (above 25) (bound-inactive not in /proc)\n"},
		{"--state all -w 26", 3, "UNKNOWN - at least 26 sockets (bound-inactive not in /proc)\n"},
		{"--state all -c 1:", 0, "OK - at least 26 sockets (bound-inactive not in /proc)\n"},
		{"--state all -p 7070 -c 1:", 3, "UNKNOWN - at least 0 sockets to port 7070 (bound-inactive not in /proc)\n"},
		{"--state all --by port -p 443 -w p443=100", 3, "UNKNOWN - port 443 (at least 8) unknown, 8 sockets to port 443 (bound-inactive not in /proc) | total=8;;;0; other=0;;;0; largest=8;;;0;\n"},
		{"--state all --by port -p 443 -w p443=5", 1, "WARNING - 8 sockets to port 443, port 443: at least 8 (above 5) (bound-inactive not in /proc) | total=8;;;0; other=0;;;0; largest=8;;;0;\n"},
		{"--by state -w established=100 -c largest=19", 2, "CRITICAL - 26 sockets, largest at least 20 (above 19), bound-inactive unknown (bound-inactive not in /proc) | total=26;;;0; established=20;100;;0; "},
		{"--state all --by peer --peer 10.0.0.1 -w ip_10_0_0_1=100 -w largest=100", 0, "OK - "},
	} {
		code, stdout, stderr := at(root, nil, "check_connections --source proc "+tt.args)
		if code != tt.code || !strings.HasPrefix(stdout, "CONNECTIONS "+tt.want) || !strings.Contains(stdout, "\n"+why) || stderr != "" {
			t.Errorf("%s: exit %d, %s%s\nwant %d, %s", tt.args, code, stdout, stderr, tt.code, tt.want)
		}
	}
}

// A remembered field is 0 when its process is known to hold nothing, and U when
// it may hold what is unseen.
func TestUnseenField(t *testing.T) {
	environ := []string{"source=proc", "by=process", "MUNIN_PLUGSTATE=" + t.TempDir(), "MUNIN_STATEFILE=x"}
	run := func(root string) string {
		_, stdout, _ := at(root, environ, "connections_held")
		return stdout
	}
	if got := run(captured(t, map[int]string{1: "init:802350", 7: "nginx:802348"})); !strings.Contains(got, "proc_nginx.value 1\n") || !strings.Contains(got, "largest.value 1\n") {
		t.Fatalf("all seen:\n%s", got)
	}
	if got := run(captured(t, map[int]string{1: "init:802350"})); !strings.Contains(got, "proc_nginx.value 0\n") || strings.Contains(got, "#") {
		t.Errorf("nginx ended:\n%s", got)
	}
	got := run(captured(t, map[int]string{8: "init:802350"}))
	if !strings.HasPrefix(got, "# sockcensus: 19 unseen: they belong to processes that may not be seen: ") || !strings.Contains(got, "CAP_SYS_PTRACE") {
		t.Errorf("hidden, without the reason:\n%s", got)
	}
	for _, field := range []string{"proc_nginx.value U\n", "proc_init.value 1\n", "none.value 0\n", "largest.value U\n", "unseen.value 19\n", "total.value 20\n"} {
		if !strings.Contains(got, field) {
			t.Errorf("hidden: no %s in\n%s", strings.TrimSpace(field), got)
		}
	}
}

// Processes that are called like the pseudo-groups are told from them.
func TestOwnNames(t *testing.T) {
	root := captured(t, map[int]string{1: "none:802350", 2: "proc_none:802348 802345", 3: "unseen:802347"})
	_, stdout, _ := at(root, nil, "connections metrics --source proc --by process")
	for _, line := range []string{`{process="none"} 16`, `{process="proc_none"} 1`, `{process="proc_proc_none"} 2`, `{process="proc_unseen"} 1`} {
		if !strings.Contains(stdout, "sockcensus_connections_by_process"+line+"\n") {
			t.Errorf("metrics: no %s in\n%s", line, stdout)
		}
	}
	_, stdout, _ = at(root, nil, "check_connections --source proc --by process -w proc_none=9 -w none=99 -w proc_proc_none=9 -w proc_unseen=9")
	want := "none=16;99;;0; proc_none=1;9;;0; proc_proc_none=2;9;;0; proc_unseen=1;9;;0; other=0;;;0; largest=2;;;0;"
	if !strings.Contains(stdout, want) {
		t.Errorf("check: %s\nwant %s", stdout, want)
	}
	_, stdout, _ = at(root, nil, "connections count --source proc --by process --format csv")
	if want := "count,process\n16,none\n2,proc_proc_none\n"; !strings.HasPrefix(stdout, want) {
		t.Errorf("count: %s\nwant %s", stdout, want)
	}
}

// A name is never shown as another one's.
func TestOwnNamesDiffer(t *testing.T) {
	seen := map[string]string{noneGroup: "the pseudo-group", unseenGroup: "the pseudo-group"}
	for _, name := range []string{"none", "proc_none", "proc_proc_none", "unseen", "proc_unseen", "nginx", "proc_nginx", "proc_", "", "None"} {
		shown := ownName("proc_", name)
		if other, ok := seen[shown]; ok {
			t.Errorf("%q is shown as %q, as %s is", name, shown, other)
		}
		seen[shown] = name
	}
}

// What is connected to nobody is no peer.
func TestUnconnected(t *testing.T) {
	for _, by := range []string{"peer", "network", "peer-port"} {
		code, stdout, stderr := call(t, nil, "check_connections", "--source", "proc", "--protocol", "udp", "--state", "closed", "--by", by, "-c", "largest=0", "-w", "none=2")
		if want := "CONNECTIONS OK - 2 udp closed | total=2;;;0; none=2;2;;0; other=0;;;0; largest=0;;0;0;\n"; code != 0 || stdout != want {
			t.Errorf("by %s: exit %d, %s%s\nwant %s", by, code, stdout, stderr, want)
		}
	}
	_, stdout, _ := call(t, nil, "connections", "count", "--source", "proc", "--protocol", "tcp", "--state", "listening", "--by", "peer,peer-port,port", "--format", "csv")
	if want := "count,peer,peer_port,port\n1,none,none,80\n"; !strings.HasPrefix(stdout, want) {
		t.Errorf("listeners: %s\nwant %s", stdout, want)
	}
	if code, stdout, _ := call(t, nil, "check_connections", "--source", "proc", "--by", "peer", "-w", "ip_0_0_0_0=1"); code != 3 || !strings.Contains(stdout, `no metric "ip_0_0_0_0"`) {
		t.Errorf("a threshold on nobody: exit %d, %s", code, stdout)
	}
}

// Where cgroups have no names, whose a socket is cannot be told.
func TestUnseenCgroups(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	by := "--source netlink --by cgroup --state listening -p " + port
	root := captured(t, map[int]string{})
	if err := os.Mkdir(filepath.Join(root, "self"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "self", "mountinfo"), []byte("22 1 0:20 / /proc rw - proc proc rw\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stdout, stderr := at("/proc", nil, "connections count "+by); !strings.Contains(stdout, "/") {
		t.Skipf("this kernel tells no cgroup of a socket: %s%s", stdout, stderr)
	}
	const why = "1 unseen: it is of cgroups that may not be seen: no cgroup2 file system is mounted here (ip netns exec hides it, --netns does not)\n"
	for args, want := range map[string]string{
		"":               "OK - 1 listening to port " + port + ", other, largest unknown (1 unseen) | total=1;;;0;\nunseen 1\n",
		"-w cg_backup=0": "UNKNOWN - backup (0 to 1), other, largest unknown, 1 listening to port " + port + " (1 unseen) | total=1;;;0;\nunseen 1\n",
		"-w cg_backup=5": "OK - 1 listening to port " + port + ", other, largest unknown, backup 0 to 1 (1 unseen) | total=1;;;0;\nunseen 1\n",
		"-c unseen=0":    "CRITICAL - 1 listening to port " + port + ", unseen 1 (above 0), other, largest unknown (1 unseen) | total=1;;;0; unseen=1;;0;0;\n",
	} {
		_, stdout, stderr := at(root, nil, "check_connections "+by+" "+args)
		if stdout != "CONNECTIONS "+want+why {
			t.Errorf("%s: %s%s\nwant %s", args, stdout, stderr, want)
		}
	}
}
