//go:build !linux

package main

import (
	"errors"
	"time"
)

// monotonic is not supported here.
func monotonic() (time.Duration, error) { return 0, errors.ErrUnsupported }
