package owner

import (
	"encoding/binary"
	"io/fs"

	"golang.org/x/sys/unix"
)

// cgroupID is the number of a cgroup's directory: its file handle, which is the
// inode on 64-bit machines and more than that on others. Where file handles are
// not to be had, it is the inode.
//
// Kernel: fs/kernfs/mount.c, kernfs_encode_fh.
func cgroupID(path string) (uint64, error) {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	if err == nil && handle.Size() == 8 {
		return binary.NativeEndian.Uint64(handle.Bytes()), nil
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return uint64(st.Ino), nil
}
