//go:build !linux

package plugin

import "os"

// terminalWidth is zero: the plugins only run on Linux.
func terminalWidth(*os.File) int { return 0 }
