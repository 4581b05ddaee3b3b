//go:build !linux

package state

import (
	"errors"
	"time"
)

// BootClock is not supported here.
func BootClock() (time.Duration, error) { return 0, errors.ErrUnsupported }
