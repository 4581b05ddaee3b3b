package plugin

import (
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// The least and the greatest width of a terminal. Nothing is broken into lines
// at the latter.
const (
	narrowest = 20
	unbroken  = math.MaxInt32
)

// terminalWidth returns the number of columns of a terminal, and zero where f
// is none. Serial lines and the terminals of containers often say that they have
// no columns: then COLUMNS decides, and without it lines are not broken.
func terminalWidth(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	if size.Col > 0 {
		return max(int(size.Col), narrowest)
	}
	columns, err := strconv.ParseUint(os.Getenv("COLUMNS"), 10, 16)
	if err != nil || columns == 0 {
		return unbroken
	}
	return max(int(columns), narrowest)
}
