//go:build !linux

package testhost

import (
	"errors"
	"syscall"
)

func enterNetns(string) error { return errors.ErrUnsupported }

func childAttributes(*User) *syscall.SysProcAttr { return nil }
