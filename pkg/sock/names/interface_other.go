//go:build !linux

package names

import "errors"

// InterfaceIndex needs Linux.
func InterfaceIndex(string) (uint32, error) { return 0, errors.ErrUnsupported }

// InterfaceName needs Linux.
func InterfaceName(uint32) (string, error) { return "", errors.ErrUnsupported }
