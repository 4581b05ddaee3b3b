package testhost

import (
	"strings"
	"testing"
)

func TestNagios(t *testing.T) {
	check := probe(t, "check_probe")
	n := NewNagios(t, NagiosOptions{Netns: NewNetns(t), Checks: map[string]string{
		"good":  check + " 0 'PROBE OK - fine | total=3\\;5\\;8\\;0\\; other=1'",
		"worse": check + " 2 'PROBE CRITICAL - broken'",
		"who":   "/bin/echo $$(/usr/bin/id -un)",
	}})
	perf := "total=3;5;8;0; other=1"
	tests := map[string]NagiosService{
		"good":  {State: 0, Output: "PROBE OK - fine", PerfData: perf, PerfFile: perf},
		"worse": {State: 2, Output: "PROBE CRITICAL - broken"},
		"who":   {State: 0, Output: "nagios"},
	}
	for description, want := range tests {
		if got := n.Service(description); got != want {
			t.Errorf("%s: got %+v, want %+v", description, got, want)
		}
	}
}

// What Nagios kept is the first 4,096 bytes of an output or the whole of it.
func TestHalved(t *testing.T) {
	const line, perf = "PROBE OK - fine", "total=3"
	first := len(line + " | " + perf + "\n")
	for long, want := range map[int]bool{0: false, nagiosRead - first - 2: false, nagiosRead - first: true, nagiosRead - first + 1: false, 8000: false} {
		text := strings.Repeat("ten bytes\n", long/10) + strings.Repeat("x", long%10)
		service := NagiosService{Output: line, PerfData: perf, LongOutput: strings.ReplaceAll(text, "\n", `\n`)}
		if got := service.halved(); got != want {
			t.Errorf("%d bytes behind line 1: %t, want %t", long, got, want)
		}
	}
}
