package testhost

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIcinga(t *testing.T) {
	check := probe(t, "check_probe")
	i := NewIcinga(t, IcingaOptions{
		Netns: NewNetns(t),
		Checks: map[string][]string{
			"good": {check, "0", "PROBE OK - fine | total=3;5;8;0; wait=0.5s"},
			"bad":  {check, "2", "PROBE CRITICAL - costs $5"},
			"who":  {"/usr/bin/id", "-un"},
		},
		Config: `
object CheckCommand "probe" {
	command = [ "` + check + `" ]
	arguments = {
		"code" = { value = "$probe_code$", skip_key = true, order = 1 }
		"text" = { value = "$probe_text$", skip_key = true, order = 2 }
	}
}
object Service "own" {
	import "test-service"
	check_command = "probe"
	vars.probe_code = "1"
	vars.probe_text = "PROBE WARNING - from variables"
}
`,
	})
	five, eight, zero := 5.0, 8.0, 0.0
	want := IcingaService{
		Output: "PROBE OK - fine ", Command: []string{check, "0", "PROBE OK - fine | total=3;5;8;0; wait=0.5s"},
		Perfdata: []IcingaPerfdata{
			{Raw: "total=3;5;8;0;", Label: "total", Value: 3, Warn: &five, Crit: &eight, Min: &zero},
			{Raw: "wait=0.5s", Label: "wait", Value: 0.5, Unit: "seconds"},
		},
	}
	if diff := cmp.Diff(want, i.Service("good")); diff != "" {
		t.Errorf("good (-want +got):\n%s", diff)
	}
	for name, want := range map[string]IcingaService{
		"bad": {State: 2, Output: "PROBE CRITICAL - costs $5"},
		"own": {State: 1, Output: "PROBE WARNING - from variables"},
		"who": {State: 0, Output: "nagios"},
	} {
		if got := i.Service(name); got.State != want.State || strings.TrimSpace(got.Output) != want.Output || got.Perfdata != nil {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestValidateIcinga(t *testing.T) {
	if r := ValidateIcinga(t, IcingaOptions{}); r.Code != 0 {
		t.Errorf("the fixture's own configuration: %s", r)
	}
	if r := ValidateIcinga(t, IcingaOptions{Config: `object Service "x" { check_command = "missing" }`}); r.Code == 0 {
		t.Errorf("accepted a wrong configuration: %s", r)
	}
}
