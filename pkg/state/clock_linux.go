package state

import (
	"time"

	"golang.org/x/sys/unix"
)

// BootClock is the time since the host started, suspended time included. Nobody
// can set it, so differences are true whatever happens to the time of day.
//
// Kernel: CLOCK_BOOTTIME of clock_gettime(2).
func BootClock() (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, err
	}
	return time.Duration(now.Nano()), nil
}
