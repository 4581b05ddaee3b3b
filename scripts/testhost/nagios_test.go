package testhost

import "testing"

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
