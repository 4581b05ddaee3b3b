package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkIn runs the check on a tree and makes what differs from run to run plain.
func checkIn(t *testing.T, h *tree, args ...string) outcome {
	t.Helper()
	o := run(t, h.environ(), append([]string{"check_listeners", "--source", "proc"}, args...)...)
	o.stdout = regexp.MustCompile(`since [0-9-]+ [0-9:]+`).ReplaceAllString(o.stdout, "since TIME")
	return o
}

// tail is the perfdata that follows the expectation's.
const tail = " listening=4;;;0; public=3;;;0;\n"

// byAddressNote ends the words about listeners read from /proc, and byAddress the
// long text.
const (
	byAddressNote = " (public goes by the address)"
	byAddress     = publicByAddress + "\n"
)

func TestCheckOutputs(t *testing.T) {
	tests := []struct {
		name   string
		change func(h *tree)
		args   []string
		want   string
		code   int
	}{
		{name: "as expected", code: 0,
			want: "LISTENERS OK - 4 listening, 0 unexpected, queue, drops unknown | unexpected=0;0;;0; missing=0;;0;0; unverified=0;;;0;" + tail},
		{name: "a new listener", code: 1,
			change: func(h *tree) {
				h.process(666, "python3", "python3", "-m", "http.server")
				h.listen("tcp 0.0.0.0:8000", 666)
			},
			want: "LISTENERS WARNING - new tcp 0.0.0.0:8000 python3, 5 listening, 1 unexpected (above 0), queue, drops unknown" +
				" | unexpected=1;0;;0; missing=0;;0;0; unverified=0;;;0; listening=5;;;0; public=4;;;0;\n" +
				"new: tcp 0.0.0.0:8000 python3 (pid 666, user root, since TIME): python3 -m http.server\n"},
		{name: "a new listener, as severe as the option says", code: 2, args: []string{"--unexpected", "critical"},
			change: func(h *tree) { h.listen("tcp 0.0.0.0:8000") },
			want: "LISTENERS CRITICAL - new tcp 0.0.0.0:8000 -, 5 listening, 1 unexpected (above 0), queue, drops unknown" +
				" | unexpected=1;;0;0; missing=0;;0;0; unverified=0;;;0; listening=5;;;0; public=4;;;0;\n" +
				"new: tcp 0.0.0.0:8000 - (no process: the kernel's own, user root)\n"},
		{name: "a new listener that is welcome", code: 0, args: []string{"--unexpected", "ok"},
			change: func(h *tree) { h.listen("tcp 0.0.0.0:8000") },
			want: "LISTENERS OK - 5 listening, 1 unexpected, queue, drops unknown" +
				" | unexpected=1;;;0; missing=0;;0;0; unverified=0;;;0; listening=5;;;0; public=4;;;0;\n"},
		{name: "an option allows it", code: 0, args: []string{"--allow", "tcp/8000"},
			change: func(h *tree) { h.listen("tcp 0.0.0.0:8000") },
			want: "LISTENERS OK - 5 listening, 0 unexpected, queue, drops unknown" +
				" | unexpected=0;0;;0; missing=0;;0;0; unverified=0;;;0; listening=5;;;0; public=4;;;0;\n"},
		{name: "what an option requires is missing", code: 2, args: []string{"--require", "tcp/127.0.0.1:25,tcp/*:443"},
			want: "LISTENERS CRITICAL - tcp/127.0.0.1:25 missing, 4 listening, 0 unexpected, missing 1 (above 0), 2 metrics unknown" +
				" | unexpected=0;0;;0; missing=1;;0;0; unverified=0;;;0;" + tail +
				"CRITICAL: missing 1 (above 0)\nunknown: queue, drops\nmissing: tcp/127.0.0.1:25 (--require)\n"},
		{name: "a hostile name", code: 1,
			change: func(h *tree) {
				h.process(666, "a|b`\n\x1b[31m;x=1", "sh", "-c", "x\ny|z", "\xff")
				h.listen("tcp 127.0.0.1:1", 666)
			},
			want: `LISTENERS WARNING - new tcp 127.0.0.1:1 "a\x7cb\x60\x0a\x1b[31m\x3bx=1", 5 listening, 1 unexpected (above 0), queue, drops unknown` +
				" | unexpected=1;0;;0; missing=0;;0;0; unverified=0;;;0; listening=5;;;0; public=3;;;0;\n" +
				`new: tcp 127.0.0.1:1 "a\x7cb\x60\x0a\x1b[31m;x=1" (pid 666, user root, since TIME): sh -c x\x0ay\x7cz \xff` + "\n"},
	}
	for _, tt := range tests {
		h := webHost(t)
		if tt.change != nil {
			tt.change(h)
		}
		o := checkIn(t, h, append(tt.args, "--baseline", write(t, "listeners", webBaseline))...)
		if diff := cmp.Diff(strings.Replace(tt.want, " |", byAddressNote+" |", 1)+byAddress, o.stdout); diff != "" || o.code != tt.code || o.stderr != "" {
			t.Errorf("%s: exit %d, stderr %q (-want +got):\n%s", tt.name, o.code, o.stderr, diff)
		}
	}
}

func TestCheckMovedAndReplaced(t *testing.T) {
	h := newTree(t)
	h.process(100, "nginx", "nginx")
	h.process(200, "nc", "nc", "-l", "53", "-u")
	h.listen("tcp 0.0.0.0:8443", 100)
	h.listen("udp 127.0.0.53:53", 200)
	o := checkIn(t, h, "--baseline", write(t, "listeners", webBaseline))
	for _, want := range []string{
		"LISTENERS CRITICAL - udp 127.0.0.53:53 nc instead of systemd-resolved, 2 listening, 2 unexpected",
		"moved: tcp *:443 nginx (line 2) is now tcp 0.0.0.0:8443 nginx (pid 100, user root, since TIME): nginx\n",
		"replaced: udp 127.0.0.53:53 systemd-resolved (line 3) is now udp 127.0.0.53:53 nc (pid 200, user root, since TIME): nc -l 53 -u\n",
		"missing: tcp 0.0.0.0:2049 - (line 4)\n",
	} {
		if !strings.Contains(o.stdout, want) || o.code != 2 {
			t.Errorf("exit %d, no %q in\n%s", o.code, want, o.stdout)
		}
	}
}

// A worker that is left over when the master is gone holds the socket still.
func TestCheckAnyHolder(t *testing.T) {
	h := newTree(t)
	h.process(50, "systemd-socket", "x")
	h.process(101, "nginx", "nginx: worker process")
	h.listen("tcp 0.0.0.0:443", 50, 101)
	if o := checkIn(t, h, "--baseline", write(t, "listeners", "tcp 0.0.0.0:443 nginx\n")); o.code != 0 {
		t.Errorf("%v", o)
	}
}

func TestCheckProblemsInFile(t *testing.T) {
	h := webHost(t)
	o := checkIn(t, h, "--baseline", write(t, "listeners", webBaseline+"tcp 0.0.0.0:22 \ntcp 0.0.0.0:2049 nginx\nudp 127.0.0.53:53 systemd-resolved\n"))
	for _, want := range []string{
		"LISTENERS UNKNOWN - baseline /", "line 5, column 16: the program is missing", ", 1 more problem, 2 metrics unknown",
		"line 6, column 1: tcp 0.0.0.0:2049 is on line 4 already, with program - instead of nginx",
		"line 7, column 1: udp 127.0.0.53:53 is on line 3 already\n", "unexpected=0;0;;0; missing=0;;0;0;",
	} {
		if !strings.Contains(o.stdout, want) || o.code != 3 {
			t.Errorf("exit %d, no %q in\n%s", o.code, want, o.stdout)
		}
	}
	h = webHost(t)
	o = checkIn(t, h, "--baseline", write(t, "listeners", webBaseline+"tpc 0.0.0.0:22 sshd\ntcp 0.0.0.0:1 gone\n"))
	if o.code != 2 || !strings.Contains(o.stdout, "missing: tcp 0.0.0.0:1 gone (line 6)") || !strings.Contains(o.stdout, "line 5, column 1") {
		t.Errorf("a typo hides what is missing:\n%v", o)
	}
}

func TestCheckRefusesFiles(t *testing.T) {
	h := webHost(t)
	path := write(t, "listeners", webBaseline)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{path, "everybody can write to it, so that it proves nothing: chmod o-w it"},
		{path + ".gone", "no such file or directory, make one with: sockcensus-listeners baseline write FILE"},
		{t.TempDir(), "it is not a regular file"},
		{"/dev/zero", "it is not a regular file"},
	} {
		o := checkIn(t, h, "--baseline", tt.path)
		if o.code != 3 || !strings.HasPrefix(o.stdout, "LISTENERS UNKNOWN - baseline ") || !strings.Contains(o.stdout, tt.want) {
			t.Errorf("%s: exit %d, %q does not say %q", tt.path, o.code, o.stdout, tt.want)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	h := webHost(t)
	for _, tt := range []struct {
		args string
		want string
	}{
		{"--unexpected loud --allow tcp/1", `--unexpected "loud": use ok, warning or critical`},
		{"--missing 2 --allow tcp/1", `--missing "2": use ok, warning or critical`},
		{"--unexpected ok", "need --baseline, --require or --allow"},
		{"--require 443", `--require "443": there is no / after the protocol`},
		{"--allow tcp/nonsense", `"nonsense" is not a port`},
		{"--state established", "--state selects nothing here"},
		{"--peer 10.0.0.1", "--peer selects nothing here"},
		{"--protocol raw", "--protocol raw: listeners are of tcp or udp"},
		{"--protocol sctp", "--protocol sctp: listeners are of tcp or udp"},
		{"-w drops=1", "put the threshold on drops_rate"},
		{"-w unexpected=1", `no metric "unexpected"`},
		{"-w nonsense=1", "the metrics are listening, public, queue, drops_rate"},
		{"word", `unexpected word "word"`},
	} {
		o := checkIn(t, h, strings.Fields(tt.args)...)
		if o.code != 3 || !strings.HasPrefix(o.stdout, "LISTENERS UNKNOWN - ") || !strings.Contains(o.stdout, tt.want) || strings.Count(o.stdout, "\n") != 1 || o.stderr != "" {
			t.Errorf("%s: exit %d, %q does not say %q (stderr %q)", tt.args, o.code, o.stdout, tt.want, o.stderr)
		}
	}
	o := checkIn(t, h, "--filter", "state established")
	if o.code != 3 || !strings.Contains(o.stdout, "a listener has one state") {
		t.Errorf("a state in the filter: %v", o)
	}
}

// Severities and thresholds combine, the worse one counts.
func TestSeverityAndThresholds(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		perf string
	}{
		{"", 1, "unexpected=2;0;;0;"},
		{"-w 5", 1, "unexpected=2;0;;0;"},
		{"-w unexpected=5", 1, "unexpected=2;0;;0;"},
		{"--unexpected ok -w 5", 0, "unexpected=2;5;;0;"},
		{"--unexpected ok -w 1", 1, "unexpected=2;1;;0;"},
		{"-c 1", 2, "unexpected=2;0;1;0;"},
		{"-c 5", 1, "unexpected=2;0;5;0;"},
		{"--unexpected critical -w 1 -c 5", 2, "unexpected=2;1;0;0;"},
		{"-w @0:1", 1, "unexpected=2;@0:;;0;"},
		{"--unexpected critical -c 5:", 2, "unexpected=2;;@0:;0;"},
		{"--missing ok -w missing=0 --unexpected ok", 0, "missing=0;0;;0;"},
		{"-w public=3 --unexpected ok", 0, ", public 0 to 3 (public"},
	} {
		o := checkIn(t, webHost(t), append(strings.Fields(tt.args), "--require", "tcp/*:443")...)
		if !strings.Contains(o.stdout, tt.perf) || o.code != tt.code {
			t.Errorf("%q: exit %d, want %d with %s:\n%s", tt.args, o.code, tt.code, tt.perf, o.stdout)
		}
		hint := strings.Contains(o.stdout, "only --require says what is expected") && strings.Contains(o.stdout, "new: tcp 0.0.0.0:2049")
		if content := strings.HasSuffix(tt.args, "--unexpected ok"); hint == content {
			t.Errorf("%q: a hint and a list of what is new: %t in\n%s", tt.args, hint, o.stdout)
		}
	}
}

// What is missing may be there in another form.
func TestMissingNamesWhatIsNearby(t *testing.T) {
	h := newTree(t)
	h.process(100, "nginx", "nginx")
	h.listen("tcp 127.0.0.1:443", 100)
	for socket, want := range map[string]string{
		"tcp/443":     "missing: tcp/443 (--require): only tcp 127.0.0.1:443 listens on that port\n",
		"tcp/*:443":   "missing: tcp/*:443 (--require): only tcp 127.0.0.1:443 listens on that port\n",
		"tcp/:::443":  "missing: tcp/[::]:443 (--require): only tcp 127.0.0.1:443 listens on that port\n",
		"udp/443":     "missing: udp/443 (--require)\n",
		"tcp/444-500": "missing: tcp/444-500 (--require)\n",
	} {
		if o := checkIn(t, h, "--require", socket, "--unexpected", "ok"); o.code != 2 || !strings.Contains(o.stdout, want) {
			t.Errorf("%s: %v, want %s", socket, o, want)
		}
	}
}

// /proc does not tell whether a socket on [::] takes IPv4: what is taken for
// granted is said.
func TestDualStackIsNotKnown(t *testing.T) {
	h := newTree(t)
	h.listen("tcp [::]:80")
	h.listen("tcp [::]:443")
	h.listen("tcp 0.0.0.0:443")
	o := checkIn(t, h, "--require", "tcp/*:80,tcp/*:443,tcp/[::]:80", "--unexpected", "ok")
	if o.code != 0 || !strings.Contains(o.stdout, "\nsource proc does not tell whether [::] takes IPv4 too, which is taken for granted: tcp/*:80\n") {
		t.Errorf("%v", o)
	}
	if o := checkIn(t, h, "--require", "tcp/*:443,tcp/80", "--unexpected", "ok"); strings.Contains(o.stdout, "granted") {
		t.Errorf("%v", o)
	}
}

func TestSelectionNarrowsTheUnexpected(t *testing.T) {
	h := webHost(t)
	o := checkIn(t, h, "--allow", "tcp/22", "--port", "1-1023", "--protocol", "tcp", "--ipv4")
	if o.code != 1 || !strings.Contains(o.stdout, "unexpected=1;0;;0;") || !strings.Contains(o.stdout, "listening=1;") {
		t.Errorf("%v", o)
	}
	// What is missing is looked for among all.
	o = checkIn(t, h, "--require", "udp/127.0.0.53:53", "--require", "udp/*:40000", "--allow", "tcp/443", "--port", "443", "--ipv4")
	if o.code != 0 || !strings.Contains(o.stdout, "missing=0;") {
		t.Errorf("%v", o)
	}
}

func TestWithoutExpectation(t *testing.T) {
	o := checkIn(t, webHost(t))
	want := "LISTENERS OK - 4 listening, 3 public, queue unknown, drops unknown" + byAddressNote + " | listening=4;;;0; public=3;;;0;\n" + byAddress
	if o.stdout != want || o.code != 0 {
		t.Errorf("got %v, want %s", o, want)
	}
	// A threshold on what /proc does not tell: that comes first, and what to do.
	for _, limit := range []string{"80", "queue=80"} {
		o := checkIn(t, webHost(t), "-w", limit)
		if o.code != 3 || !strings.HasPrefix(o.stdout, "LISTENERS UNKNOWN - queue is unknown: source proc cannot decide: how full accept queues are, drops unknown"+byAddressNote+" |") ||
			!strings.Contains(o.stdout, "\nUNKNOWN: queue is unknown: source proc cannot decide: how full accept queues are; netlink can (--source netlink)\n") {
			t.Errorf("-w %s: %v", limit, o)
		}
	}
	o = checkIn(t, webHost(t), "-w", "queue=80", "--allow", "tcp/1-65535,udp/127.0.0.53:53")
	if o.code != 3 || !strings.HasPrefix(o.stdout, "LISTENERS UNKNOWN - queue is unknown: ") {
		t.Errorf("beside an expectation: %v", o)
	}
	if o := checkIn(t, webHost(t), "--udp-ephemeral"); !strings.Contains(o.stdout, "listening=5;") {
		t.Errorf("%v", o)
	}
}

// However many listeners there are, the output stays within what monitoring
// systems carry.
func TestThousands(t *testing.T) {
	h := newTree(t)
	h.process(100, "many", "many")
	for port := 1; port <= 3000; port++ {
		h.listen(fmt.Sprintf("tcp 0.0.0.0:%d", port), 100)
	}
	o := checkIn(t, h, "--allow", "tcp/60000")
	if o.code != 1 || len(o.stdout) > 8<<10 || !strings.Contains(o.stdout, "unexpected=3000;") || !strings.Contains(o.stdout, "\n... and 28") {
		t.Errorf("exit %d, %d bytes:\n%.300s", o.code, len(o.stdout), o.stdout)
	}
}

// /proc does not tell devices. What a device could change is not taken for
// granted: what is required from beyond this host may be bound to lo.
func TestDevicesAreNotKnown(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"--require tcp/443", 3, "LISTENERS UNKNOWN - tcp/443 unknown: source proc cannot decide, missing (0 to 1), queue, drops unknown (public goes by the address) |"},
		{"--require tcp/443", 3, "\nUNKNOWN: tcp/443 unknown: source proc cannot decide: whether tcp 0.0.0.0:443 is bound to device lo; netlink can (--source netlink); --require tcp/0.0.0.0:443 asks for the address alone\n"},
		{"--require tcp/443,tcp/2049", 3, "LISTENERS UNKNOWN - tcp/443 and 1 more unknown: "},
		{"--require tcp/0.0.0.0:443", 0, "LISTENERS OK - 4 listening, "},
		{"--require tcp/443 --missing ok", 0, "LISTENERS OK - 4 listening, "},
		{"--require tcp/443 --missing ok -w missing=0", 3, "LISTENERS UNKNOWN - tcp/443 unknown: "},
		{"--require tcp/443 --missing ok -w missing=5", 0, "LISTENERS OK - 4 listening, "},
		{"--require tcp/443 --missing ok -w missing=1:", 3, "LISTENERS UNKNOWN - tcp/443 unknown: "},
		// What is not there is missing, wherever the others are bound.
		{"--require tcp/80", 2, "LISTENERS CRITICAL - tcp/80 missing, "},
		{"--require tcp/80,tcp/443", 2, "LISTENERS CRITICAL - tcp/80 missing, "},
		{"--require tcp/80,tcp/443", 2, "\nUNKNOWN: tcp/443 unknown: source proc cannot decide: whether tcp 0.0.0.0:443 "},
		// Of three that may be public none is too many, and two may be too few.
		{"--allow tcp/443 -w public=3", 0, ", public 0 to 3 (public"},
		{"--allow tcp/443 -w public=@4:5", 0, ", public 0 to 3 (public"},
		{"--allow tcp/443 -w public=2", 3, "LISTENERS UNKNOWN - public (0 to 3), "},
		{"--allow tcp/443 -w public=3:", 3, "LISTENERS UNKNOWN - public (0 to 3), "},
		{"--allow tcp/443 -c public=@0:3", 2, "public 0 to 3 (inside 0 to 3)"},
		{"--allow tcp/443 -c public=2", 3, "LISTENERS UNKNOWN - public (0 to 3), "},
	} {
		o := checkIn(t, webHost(t), append(strings.Fields(tt.args), "--unexpected", "ok")...)
		if o.code != tt.code || !strings.Contains(o.stdout, tt.want) || !strings.Contains(o.stdout, byAddressNote+" |") {
			t.Errorf("%s, want exit %d and %q: %v", tt.args, tt.code, tt.want, o)
		}
	}
	// What is not known is no number.
	for args, want := range map[string]string{
		"--require tcp/443":              " | unexpected=2;;;0; unverified=0;;;0; listening=4;;;0; public=3;;;0;\n4 listening, 2 unexpected\nUNKNOWN: tcp/443 unknown: ",
		"--require tcp/443 --missing ok": ", missing, queue, drops unknown" + byAddressNote + " | unexpected=2;;;0; unverified=0;;;0; listening=4;;;0; public=3;;;0;\n",
		"--require tcp/443,tcp/80":       "missing 1 to 2 (above 0), 1 problem, 2 metrics unknown" + byAddressNote + " | unexpected=2;;;0; unverified=0;;;0; listening=4;;;0; public=3;;;0;\n",
		"--require tcp/0.0.0.0:443":      " missing=0;;0;0; ",
	} {
		if o := checkIn(t, webHost(t), append(strings.Fields(args), "--unexpected", "ok")...); !strings.Contains(o.stdout, want) {
			t.Errorf("%s, want %q: %v", args, want, o)
		}
	}
	h := newTree(t)
	h.listen("tcp 127.0.0.1:443")
	if o := checkIn(t, h); strings.Contains(o.stdout, publicByAddress) || !strings.Contains(o.stdout, "1 listening, 0 public, ") {
		t.Errorf("nothing that could be public: %v", o)
	}
}
