package testhost

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// enterNetns moves the calling thread, which must be locked, into a namespace.
func enterNetns(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
}

// childAttributes puts a child into a process group of its own, which dies with
// the thread that started it, and gives it a user.
func childAttributes(user *User) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if user != nil {
		attr.Credential = &syscall.Credential{Uid: user.UID, Gid: user.GID}
	}
	return attr
}
