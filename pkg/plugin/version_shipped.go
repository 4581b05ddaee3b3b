//go:build shipped

package plugin

// recordedVersion is empty: what is shipped is told by the linker.
func recordedVersion() string { return "" }
