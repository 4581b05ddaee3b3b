package plugin

import "testing"

func TestMisnamedLink(t *testing.T) {
	node := []string{"MUNIN_STATEFILE=/var/lib/munin-node/plugin-state/nobody/fake-443-", "MUNIN_CAP_MULTIGRAPH=1"}
	const reason = `# sockcensus: link "fake-443" is none of the graphs: call it one of fake_PORT, fake_states` + "\n"
	tests := []struct {
		args    []string
		environ []string
		want    outcome
	}{
		{[]string{"/etc/munin/plugins/fake-443"}, node, outcome{0, reason, ""}},
		{[]string{"/etc/munin/plugins/fake-443", "config"}, node, outcome{0, reason, ""}},
		{[]string{"/etc/munin/plugins/fake-443", "config"}, nil, outcome{2, "", `fake: unknown command "config": the commands are list, file write, metrics, check, munin, help` + "\n"}},
	}
	for _, tt := range tests {
		if got := run(tt.environ, tt.args...); got != tt.want {
			t.Errorf("%q with %q: %+v, want %+v", tt.args, tt.environ, got, tt.want)
		}
	}
	if got := run(node, "fake", "list"); got.code != 0 {
		t.Errorf("a command in Munin's environment: %+v", got)
	}
}
