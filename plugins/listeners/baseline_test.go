package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/baseline"
)

func command(t *testing.T, h *tree, args ...string) outcome {
	t.Helper()
	args = append([]string{"listeners"}, append(args, "--source", "proc")...)
	return run(t, h.environ(), args...)
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestBaselineWrite(t *testing.T) {
	h := webHost(t)
	path := filepath.Join(t.TempDir(), "listeners")
	o := command(t, h, "baseline", "write", path)
	want := `CHANGE  LINE  TEXT
+          -  tcp 0.0.0.0:443 nginx
+          -  tcp [::]:443 nginx
+          -  tcp 0.0.0.0:2049 -
+          -  udp 127.0.0.53:53 systemd-resolve
`
	if o.code != 0 || o.stdout != want || !strings.Contains(o.stderr, "is written: 4 lines added, 0 switched off") {
		t.Errorf("%v", o)
	}
	first := read(t, path)
	if !strings.HasPrefix(first, baseline.Header+"tcp 0.0.0.0:443 nginx\n") {
		t.Errorf("the file is\n%s", first)
	}
	for _, args := range [][]string{{"baseline", "check", path}, {"baseline", "diff", path}} {
		if o := command(t, h, args...); o.code != 0 || strings.Count(o.stdout, "\n") != 1 {
			t.Errorf("%v after writing: %v", args, o)
		}
	}
	if o := command(t, h, "baseline", "write", path); o.code != 0 || !strings.Contains(o.stderr, "is up to date") || read(t, path) != first {
		t.Errorf("a second write: %v", o)
	}
	if o := checkIn(t, h, "--baseline", path); o.code != 0 {
		t.Errorf("the check: %v", o)
	}
}

func TestBaselineDifferences(t *testing.T) {
	h := newTree(t)
	h.process(100, "nginx", "nginx: master process")
	h.listen("tcp 0.0.0.0:443", 100)
	h.process(666, "my prog", "./my prog", "-x")
	h.listen("tcp 127.0.0.1:6000", 666)
	path := write(t, "listeners", webBaseline)

	o := command(t, h, "baseline", "diff", path)
	want := `CHANGE  LINE  TEXT
-          3  udp 127.0.0.53:53 systemd-resolved
-          4  tcp 0.0.0.0:2049 -       # nfsd
+          -  tcp 127.0.0.1:6000 "my prog"
`
	if o.code != 1 || o.stdout != want {
		t.Errorf("diff: %v\n%s", o, cmp.Diff(want, o.stdout))
	}
	o = command(t, h, "baseline", "check", path, "--format", "json")
	var answer struct {
		Differences []map[string]any
		Source      string
	}
	if err := json.Unmarshal([]byte(o.stdout), &answer); err != nil || o.code != 1 {
		t.Fatalf("check: %v, %v", err, o)
	}
	for _, d := range answer.Differences {
		delete(d, "since")
	}
	wantRows := []map[string]any{
		{"change": "missing", "line": 3.0, "expected": "udp 127.0.0.53:53 systemd-resolved", "listener": nil, "reach": nil, "user": nil, "process": nil, "command": nil},
		{"change": "missing", "line": 4.0, "expected": "tcp 0.0.0.0:2049 -", "listener": nil, "reach": nil, "user": nil, "process": nil, "command": nil},
		{"change": "new", "line": nil, "expected": nil, "listener": `tcp 127.0.0.1:6000 "my prog"`, "reach": "loopback", "user": "root",
			"process": []any{map[string]any{"name": "my prog", "pid": 666.0}}, "command": `"./my prog" -x`},
	}
	if diff := cmp.Diff(wantRows, answer.Differences); diff != "" {
		t.Errorf("check (-want +got):\n%s", diff)
	}

	if o := command(t, h, "baseline", "write", path); o.code != 0 {
		t.Errorf("write: %v", o)
	}
	wantFile := `# expected on the web host
tcp *:443 nginx          # the shop
#- udp 127.0.0.53:53 systemd-resolved
#- tcp 0.0.0.0:2049 -       # nfsd
tcp 127.0.0.1:6000 "my prog"
`
	if got := read(t, path); got != wantFile {
		t.Errorf("the file (-want +got):\n%s", cmp.Diff(wantFile, got))
	}
}

func TestBaselineWithTypos(t *testing.T) {
	h := webHost(t)
	path := write(t, "listeners", webBaseline+"tcp 0.0.0.0:22\n")
	for _, verb := range []string{"check", "diff"} {
		o := command(t, h, "baseline", verb, path)
		if o.code != 2 || !strings.Contains(o.stderr, "line 5, column 15: the program is missing") {
			t.Errorf("%s: %v", verb, o)
		}
	}
	o := command(t, h, "baseline", "write", path)
	if o.code != 2 || !strings.Contains(o.stderr, "nothing was written") || read(t, path) != webBaseline+"tcp 0.0.0.0:22\n" {
		t.Errorf("write: %v", o)
	}
}

func TestBaselineUsage(t *testing.T) {
	h := webHost(t)
	for _, tt := range []struct{ args, want string }{
		{"baseline check", "needs FILE"},
		{"baseline write a b", `unexpected word "b"`},
		{"baseline", "listeners baseline takes write, check or diff; listeners baseline write --help"},
		{"baseline foo", `listeners baseline takes write, check or diff, not "foo"`},
		{"baseline check /nonexistent", "make one with: sockcensus-listeners baseline write FILE"},
		{"baseline write /nonexistent/dir/file", "cannot be written: no such file or directory"},
	} {
		o := command(t, h, strings.Fields(tt.args)...)
		if o.code != 2 || !strings.Contains(o.stderr, tt.want) || o.stdout != "" {
			t.Errorf("%s: %v, want %q", tt.args, o, tt.want)
		}
	}
}

// The file is replaced as a whole, keeps its mode, and nothing but a regular file
// is ever replaced.
func TestWriteWithCare(t *testing.T) {
	h := webHost(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "listeners")
	if err := os.WriteFile(path, []byte("# mine\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if o := command(t, h, "baseline", "write", path); o.code != 0 {
		t.Fatalf("%v", o)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if got := read(t, path); !strings.HasPrefix(got, "# mine\ntcp ") {
		t.Errorf("the file is\n%s", got)
	}
	link, target := filepath.Join(dir, "link"), filepath.Join(dir, "target")
	for _, err := range []error{os.WriteFile(target, []byte("# target\n"), 0o644), os.Symlink(target, link), os.Mkdir(filepath.Join(dir, "dir"), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"link": "it is a symbolic link", "dir": "it is not a regular file"} {
		o := command(t, h, "baseline", "write", filepath.Join(dir, name))
		if o.code != 2 || !strings.Contains(o.stderr, want) {
			t.Errorf("%s: %v", name, o)
		}
	}
	if got := read(t, target); got != "# target\n" {
		t.Errorf("what the link points to was written: %q", got)
	}
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink(filepath.Join(dir, "nothing"), dangling); err != nil {
		t.Fatal(err)
	}
	if o := command(t, h, "baseline", "write", dangling); o.code != 2 || !strings.Contains(o.stderr, "it is a symbolic link") {
		t.Errorf("a dangling link: %v", o)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 5 {
		t.Errorf("something is left over: %v, %v", entries, err)
	}
}

func TestWriteNoticesOthers(t *testing.T) {
	path := write(t, "listeners", "# one\n")
	_, info, err := readBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("# somebody else\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeBaseline(path, []byte("# ours\n"), info); err == nil || !strings.Contains(err.Error(), "somebody else has changed it") {
		t.Errorf("got %v", err)
	}
	if err := writeBaseline(path, []byte("# ours\n"), nil); err == nil || !strings.Contains(err.Error(), "somebody else has changed it") {
		t.Errorf("a file that was not there: %v", err)
	}
	if got := read(t, path); got != "# somebody else\n" {
		t.Errorf("it was written all the same: %q", got)
	}
}

func TestList(t *testing.T) {
	h := webHost(t)
	h.process(300, "evil\x1b[31m\n name", "x")
	h.listen("tcp 127.0.0.1:9", 300)
	h.listen("tcp 0.0.0.0:443", 101)
	o := command(t, h, "list", "--processes")
	want := `PROTOCOL  LOCAL          REACH     QUEUE  LIMIT  DROPS  USER  PROCESS                     INSTANCES
tcp       127.0.0.1:9    loopback      0      -      -  root  evil\x1b[31m\x0a name(300)          1
tcp       0.0.0.0:443    -             0      -      -  root  nginx(100),nginx(101)               2
tcp       [::]:443       -             0      -      -  root  nginx(100),nginx(101)               1
tcp       0.0.0.0:2049   -             0      -      -  root  none                                1
udp       127.0.0.53:53  loopback      -      -      -  root  systemd-resolve(200)                1
`
	if o.code != 0 || o.stdout != want || o.stderr != "listeners: "+noReach+"\n" {
		t.Errorf("%v\n%s", o, cmp.Diff(want, o.stdout))
	}
	o = command(t, h, "list", "--format", "csv", "--port", "443", "-6")
	wantCSV := "protocol,local_address,local_port,reach,queue,queue_limit,drops,user,process,instances\n" +
		"tcp,::,443,,0,,,root,nginx(100),1\n"
	if o.code != 0 || o.stdout != wantCSV {
		t.Errorf("%v", o)
	}
}
