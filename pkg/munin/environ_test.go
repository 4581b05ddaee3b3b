package munin

import "testing"

func TestParseEnviron(t *testing.T) {
	got := ParseEnviron([]string{
		"MUNIN_CAP_DIRTYCONFIG=1", "MUNIN_CAP_MULTIGRAPH=1", "MUNIN_MASTER_IP=127.0.0.1", "x", "",
		"MUNIN_PLUGSTATE=/var/lib/munin-node/plugin-state/nobody",
		"MUNIN_STATEFILE=/var/lib/munin-node/plugin-state/nobody/connections_443-127.0.0.1",
	})
	want := Environ{
		DirtyConfig: true, Multigraph: true, MasterIP: "127.0.0.1",
		PluginState: "/var/lib/munin-node/plugin-state/nobody",
		StateFile:   "/var/lib/munin-node/plugin-state/nobody/connections_443-127.0.0.1",
	}
	if got != want {
		t.Errorf("got %+v", got)
	}
	if got := ParseEnviron([]string{"MUNIN_CAP_DIRTYCONFIG=0", "MUNIN_CAP_DIRTYCONFIG_X=1"}); got != (Environ{}) {
		t.Errorf("nothing is set: %+v", got)
	}
}
