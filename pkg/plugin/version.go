package plugin

import "runtime/debug"

// version is set by the linker (-X); a plain go build falls back on what the
// build recorded.
var version string

// Version returns the version of this build.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
