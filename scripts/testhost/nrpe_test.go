package testhost

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestNRPE(t *testing.T) {
	check := probe(t, "check_probe")
	long := strings.Repeat("0123456789", 500)
	file := filepath.Join(Dir(t), "long")
	writeFile(t, file, long+"\n")
	n := NewNRPE(t, NRPEOptions{Netns: NewNetns(t), Commands: map[string]string{
		"good": check + " 0 'PROBE OK - fine | total=3;5;8;0;'",
		"bad":  check + " 2 'PROBE CRITICAL - broken'",
		"long": "/bin/cat " + file + "; exit 1",
		"who":  "/usr/bin/id -un",
	}})
	tests := []struct {
		command string
		args    []string
		want    Result
	}{
		{"good", nil, Result{Stdout: "PROBE OK - fine | total=3;5;8;0;\n"}},
		{"good", []string{"-2"}, Result{Stdout: "PROBE OK - fine | total=3;5;8;0;\n"}},
		{"bad", nil, Result{Stdout: "PROBE CRITICAL - broken\n", Code: 2}},
		{"long", nil, Result{Stdout: long + "\n", Code: 1}},
		{"who", nil, Result{Stdout: "nagios\n"}},
	}
	for _, test := range tests {
		if got := n.Check(test.command, test.args...); got != test.want {
			t.Errorf("check_nrpe %s %v: %s", test.command, test.args, got)
		}
	}
	if got := n.Check("long", "-2"); len(got.Stdout) > 1100 || got.Code != 1 {
		t.Errorf("a packet of version 2 carried %d bytes, exit %d", len(got.Stdout), got.Code)
	}
	if got := n.CheckWith("good", "x"); got.Code == 0 {
		t.Errorf("the daemon took arguments: %s", got)
	}
}
