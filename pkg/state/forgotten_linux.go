package state

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sweep removes files of other questions to the same plugin that were last
// written before a time. What cannot be removed stays: this is housekeeping.
func (d *directory) sweep(name string, before time.Time) {
	if _, ok := question(name); !ok {
		return
	}
	fd, err := unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	dir := os.NewFile(uintptr(fd), ".")
	defer dir.Close()
	names, _ := dir.Readdirnames(mostListed)
	swept := 0
	for _, other := range names {
		if swept < mostSwept && isSibling(name, other) && d.forget(other, before) {
			swept++
		}
	}
}

// forget removes a file and its lock under that lock: a run that waits for it
// finds another file of the name, or none, and takes the lock anew.
func (d *directory) forget(name string, before time.Time) bool {
	if !d.isForgotten(name, before) {
		return false
	}
	unlock, err := d.lock(name + ".lock")
	if err != nil {
		return false
	}
	defer unlock()
	if !d.isForgotten(name, before) || unix.Unlinkat(d.fd, name, 0) != nil {
		return false
	}
	_ = unix.Unlinkat(d.fd, name+".lock", 0)
	return true
}

// isForgotten reports whether name is a file of ours that was last written
// before a time.
func (d *directory) isForgotten(name string, before time.Time) bool {
	var stat unix.Stat_t
	return unix.Fstatat(d.fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW) == nil && odd(&stat) == nil &&
		time.Unix(stat.Mtim.Unix()).Before(before)
}
