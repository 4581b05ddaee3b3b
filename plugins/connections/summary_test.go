package main

import (
	"strings"
	"testing"
)

// Without /proc the summary has what netlink tells, and says what is missing.
func TestSummaryWithoutProc(t *testing.T) {
	root := t.TempDir()
	if code, stdout, stderr := at(root, nil, "connections summary --source proc"); code != 2 || stdout != "" || !strings.Contains(stderr, root) {
		t.Errorf("nothing can be read: exit %d, %s%s", code, stdout, stderr)
	}
	_, whole, _ := call(t, nil, "connections", "summary", "--source", "netlink", "-v")
	code, stdout, stderr := at(root, nil, "connections summary -v")
	if code != 0 || strings.Count(stdout, "\n") != strings.Count(whole, "\n") || !strings.Contains(stderr, "connections: source: netlink\n") || !strings.Contains(stderr, "connections: plan: tcp: ") {
		t.Errorf("netlink alone: exit %d, %s%s", code, stdout, stderr)
	}
	for line := range strings.Lines(stdout) {
		fields := strings.Fields(line)
		if fields[0] == "tcp" && fields[2] == "-" {
			t.Errorf("tcp is not counted: %s", line)
		}
		if fields[1] == "-" && fields[2] == "-" && !strings.Contains(stderr, fields[0]+" sockets") {
			t.Errorf("%s is not counted, and nothing says why:\n%s", fields[0], stderr)
		}
	}
}
