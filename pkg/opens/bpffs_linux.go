package opens

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

const (
	// ownMount is the source of a mount that On made, so that Off knows it again.
	ownMount = ownName
	// dirMode lets everybody reach the pins and nobody list them.
	dirMode = 0o711
)

// prepareDir makes the directory of the pins, on a bpf file system of our own
// unless there is one already.
func prepareDir(dir string) error {
	if err := makeParent(dir); err != nil {
		return dirFailure(dir, err)
	}
	if err := makeDir(dir, dirMode); err != nil {
		return dirFailure(dir, err)
	}
	is, err := isBPFFS(dir)
	if err != nil {
		return dirFailure(dir, err)
	}
	if !is {
		if err := mountBPFFS(dir); err != nil {
			return err
		}
	}
	if isMade(dir, dirMode) {
		return nil
	}
	if err := os.Chmod(dir, dirMode); err != nil {
		return dirFailure(dir, err)
	}
	return nil
}

func mountBPFFS(dir string) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	err := unix.Mount(ownMount, dir, "bpf", flags, "mode=0711")
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
		return failure(ErrPermission, err, "mounting a bpf file system on ", dir,
			" needs CAP_SYS_ADMIN: run as root, or mount it before")
	case errors.Is(err, unix.ENODEV):
		return failure(ErrNoBPFFS, err, "this kernel has no bpf file system (CONFIG_BPF_SYSCALL)")
	}
	return failure(ErrNoBPFFS, err, "cannot mount a bpf file system on ", dir, ": ", err.Error())
}

func dirFailure(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return failure(ErrPermission, err, "no right to make ", dir, ": run as root")
	}
	return failure(ErrNoBPFFS, err, "cannot use ", dir, " for the counters: ", err.Error())
}

func isBPFFS(dir string) (bool, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return false, err
	}
	return uint32(stat.Type) == unix.BPF_FS_MAGIC, nil
}

// leaveDir unmounts what On mounted and removes what On made and is empty. A file
// system that somebody else mounted, systemd for one, stays.
func leaveDir(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	if m, ok := mountedAt(mounts, dir); ok {
		if m.source != ownMount || m.kind != "bpf" {
			return nil
		}
		if err := unix.Unmount(dir, unix.UMOUNT_NOFOLLOW); err != nil {
			return failure(ErrBusy, err, "the counters are off, but ", dir, " cannot be unmounted: ", err.Error())
		}
	}
	leaveMade(dir, dirMode)
	leaveParent(dir)
	return nil
}

// lockDir lets one process at a time change the pins. The lock ends with the file.
func lockDir(dir string) (*os.File, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, dirFailure(dir, err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		_ = file.Close()
		return nil, failure(ErrBusy, err, "cannot lock ", dir, ": ", err.Error())
	}
	return file, nil
}

// cgroupRoot opens the root of cgroup2.
func (c Config) cgroupRoot() (*os.File, error) {
	path := c.Cgroup
	if path == "" {
		mounts, err := os.ReadFile("/proc/self/mounts")
		if err != nil {
			return nil, failure(ErrNoCgroup2, err, "cannot look for cgroup2: ", err.Error())
		}
		if path = findCgroup2(mounts); path == "" {
			return nil, failure(ErrNoCgroup2, nil, "no cgroup2 is mounted here, which the counting program is attached to ",
				"(ip netns exec hides it: use nsenter --net instead)")
		}
	}
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return nil, failure(ErrNoCgroup2, err, "cannot use ", quote.Text(path), " as root of cgroup2: ", err.Error())
	}
	if uint32(stat.Type) != unix.CGROUP2_SUPER_MAGIC {
		return nil, failure(ErrNoCgroup2, nil, quote.Text(path), " is not cgroup2")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, failure(ErrNoCgroup2, err, "cannot open ", quote.Text(path), ": ", err.Error())
	}
	return file, nil
}
