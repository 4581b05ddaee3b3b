package testhost

import (
	"strings"
	"testing"
)

func TestSuspiciousLines(t *testing.T) {
	log := `2026/11/21 11:45:00 [INFO]: Starting munin-update
2026/11/21 11:45:00 [INFO] creating rrd-file for conntrack_stats->insert_failed: '/tmp/x.rrd'
2026/11/21 11:45:00 [WARNING] Service probe_a on test.example returned no data for label number
2026/11/21 11:45:00 [PERL WARNING] Use of uninitialized value
2026/11/21 11:45:00 [ERROR] In RRD: Error updating x
2026/11/21-13:47:28 CONNECT TCP Peer: "[127.0.0.1]:56258" Local: "[127.0.0.1]:33389"
2026/11/21-13:47:28 [99] Service 'probe_a' exited with status 3/0.
`
	got := suspiciousLines(log)
	if len(got) != 4 {
		t.Fatalf("%d lines report trouble, want 4: %q", len(got), got)
	}
	for i, want := range []string{"[WARNING]", "[PERL", "[ERROR]", "[99]"} {
		if word := got[i][20:]; !strings.HasPrefix(word, want) {
			t.Errorf("line %d begins with %q, want %q", i, word, want)
		}
	}
}

func TestServiceName(t *testing.T) {
	for _, test := range [][3]string{
		{"connections_443", "/", "connections_443"},
		{"a-b.c:d", "/", "a_b_c_d"},
		{"parent/child.x", "-", "parent-child_x"},
		{"parent/child", "/", "parent/child"},
	} {
		if got := serviceName(test[0], test[1]); got != test[2] {
			t.Errorf("serviceName(%q, %q) = %q, want %q", test[0], test[1], got, test[2])
		}
	}
}
