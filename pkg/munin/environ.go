package munin

import "strings"

// An Environ is what munin-node tells a plugin about itself.
type Environ struct {
	// DirtyConfig is true where the master takes values from config.
	DirtyConfig bool
	// Multigraph is true where the node passes on several graphs.
	Multigraph bool
	// PluginState is the directory where plugins of this user keep state, and
	// StateFile the file of this link for this master.
	PluginState, StateFile string
	// MasterIP is the address of the master that asks; empty at node start and
	// under munin-run.
	MasterIP string
}

// ParseEnviron reads Munin's variables out of an environment. Unset ones are
// zero.
func ParseEnviron(environ []string) Environ {
	var e Environ
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		switch name {
		case "MUNIN_CAP_DIRTYCONFIG":
			e.DirtyConfig = value == "1"
		case "MUNIN_CAP_MULTIGRAPH":
			e.Multigraph = value == "1"
		case "MUNIN_PLUGSTATE":
			e.PluginState = value
		case "MUNIN_STATEFILE":
			e.StateFile = value
		case "MUNIN_MASTER_IP":
			e.MasterIP = value
		}
	}
	return e
}
