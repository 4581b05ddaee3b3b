package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is the time since boot without the time spent suspended, which is
// what the kernel's times of a connection count in.
//
// Kernel: CLOCK_MONOTONIC of clock_gettime(2).
func monotonic() (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, err
	}
	return time.Duration(now.Nano()), nil
}
