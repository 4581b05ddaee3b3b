package plugin

import "cmp"

// version is set by the linker (-X).
var version string

// Version returns the version of this build.
func Version() string { return cmp.Or(version, recordedVersion(), "(devel)") }
