//go:build !linux

package conntrack

import "syscall"

// dial fails: only Linux has ctnetlink.
func dial(int) (transport, error) { return nil, ErrNotSupported }

func replyError(m message) error {
	n, err := m.errno()
	if err != nil || n == 0 {
		return err
	}
	return syscall.Errno(n)
}

func refused(error) bool { return false }

func explain(op string, err error) error { return &OpError{Op: op, Err: err} }
