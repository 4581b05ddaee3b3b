package opens

import (
	"path/filepath"
	"strconv"
)

// DefaultDir is where the counters of SockOps are pinned.
const DefaultDir = "/run/sockcensus/bpf"

// Config says where the counters are and how On makes them. The zero value is what
// every tool of the suite takes.
type Config struct {
	// Dir is a directory of a bpf file system, or one that On may mount a new one
	// on; "" is DefaultDir. The snapshot and the note about NFT lie beside it.
	Dir string
	// Method is what On uses; "" is Auto.
	Method Method
	// Size is how many pairs of port and peer are counted apart; 0 is DefaultSize.
	Size int
	// Cgroup is the root of cgroup2; "" looks for it in /proc/self/mounts. What
	// runs outside of it is not counted.
	Cgroup string
}

func (c Config) dir() string {
	if c.Dir == "" {
		return DefaultDir
	}
	return filepath.Clean(c.Dir)
}

func (c Config) size() int {
	if c.Size == 0 {
		return DefaultSize
	}
	return c.Size
}

// SnapshotPath is the file that Publish writes and Open falls back to.
func (c Config) SnapshotPath() string {
	return filepath.Join(filepath.Dir(c.dir()), "opens.snapshot")
}

// notePath is the file that says that NFT counts in a namespace.
func (c Config) notePath(namespace uint64) string {
	return filepath.Join(filepath.Dir(c.dir()), "opens.nft."+strconv.FormatUint(namespace, 16))
}

func (c Config) pin(name string) string { return filepath.Join(c.dir(), name) }

// command is how a person switches on with this configuration.
func (c Config) command(word string) string {
	if c.dir() == DefaultDir {
		return "sockcensus-opens " + word
	}
	return "sockcensus-opens " + word + " --bpffs " + c.dir()
}

// Change is what On did.
type Change string

// What On can have done.
const (
	Started   Change = "started"   // counting from zero
	Unchanged Change = "unchanged" // it was on already
	Upgraded  Change = "upgraded"  // a newer program counts on in the same tables
	Restarted Change = "restarted" // a part was missing; counting from zero
)

// Result tells what On did.
type Result struct {
	Change Change
	Method Method
	Reason string // why this method and not the first choice; "" otherwise
}

// repair is the way out of a directory in disorder.
func (c Config) repair() string {
	return "run " + c.command("off") + " and " + c.command("on") + " as root"
}
