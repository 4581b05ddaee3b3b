//go:build !shipped

package plugin

import "runtime/debug"

// recordedVersion returns what a plain go build or go install recorded.
func recordedVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Version
}
