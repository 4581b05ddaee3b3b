package netns

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Open finds the namespace; procRoot is what stands for /proc, which may be left
// empty. The handle must be closed. The error is of type *[Error].
//
// A process whose namespace we may not open is no error, because its tables can
// still be read: then Fd is -1, and Do says which right is missing.
func (r Ref) Open(procRoot string) (*Handle, error) {
	if procRoot == "" {
		procRoot = "/proc"
	}
	h := &Handle{ref: r, fd: -1, procRoot: procRoot}
	if r.pid != 0 {
		h.netDir = filepath.Join(procRoot, strconv.Itoa(r.pid), "net")
	}
	err := h.openFirst(r.candidates(procRoot))
	if errors.Is(err, fs.ErrPermission) && h.netDir != "" && readable(h.netDir) {
		h.denied, err = err, nil
	}
	if err != nil {
		return nil, &Error{Op: "open", Ref: r, Err: err}
	}
	return h, nil
}

func readable(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "dev"))
	return err == nil
}

// openFirst opens the first of the files that is there.
func (h *Handle) openFirst(paths []string) error {
	var err error
	for _, path := range paths {
		if h.fd, h.id, err = open(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// open opens a file only after it has proven to be a network namespace: merely
// opening something else, a named pipe or a device, could have consequences.
func open(path string) (fd int, id ID, err error) {
	place, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, ID{}, err
	}
	defer unix.Close(place)
	var where unix.Statfs_t
	if err := unix.Fstatfs(place, &where); err != nil {
		return -1, ID{}, err
	}
	if uint32(where.Type) != unix.NSFS_MAGIC {
		return -1, ID{}, ErrNotNamespace
	}
	fd, err = unix.Open("/proc/self/fd/"+strconv.Itoa(place), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, ID{}, err
	}
	if id, err = identify(fd); err != nil {
		_ = unix.Close(fd)
		return -1, ID{}, err
	}
	return fd, id, nil
}

// identify names an open namespace, if it is one of the network.
func identify(fd int) (ID, error) {
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err == nil && kind != unix.CLONE_NEWNET {
		return ID{}, ErrNotNamespace
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return ID{}, err
	}
	return ID{Device: uint64(stat.Dev), Inode: stat.Ino}, nil
}

// Current is the namespace that the calling thread is in.
func Current() (ID, error) {
	var stat unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &stat); err != nil {
		return ID{}, &Error{Op: "open", Err: err}
	}
	return ID{Device: uint64(stat.Dev), Inode: stat.Ino}, nil
}

// Close gives the descriptor back. A second Close does nothing.
func (h *Handle) Close() error {
	if h.fd < 0 {
		return nil
	}
	fd := h.fd
	h.fd, h.denied = -1, fs.ErrClosed
	return unix.Close(fd)
}

// Forbidden is the *[Error] of an attempt to enter the namespace that the kernel
// answered with err. Where a right is missing it names a process that is in the
// namespace: its tables need none.
func (h *Handle) Forbidden(err error) error {
	e := &Error{Op: "enter", Ref: h.ref, Err: err}
	if errors.Is(err, fs.ErrPermission) && h.ref.pid == 0 {
		e.Process = h.process()
	}
	return e
}

// process finds a process in the namespace, 0 where there is none. Those of
// other users do not show where they are.
func (h *Handle) process() int {
	entries, _ := os.ReadDir(h.procRoot)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		var stat unix.Stat_t
		if unix.Stat(filepath.Join(h.procRoot, entry.Name(), "ns", "net"), &stat) == nil &&
			(ID{Device: uint64(stat.Dev), Inode: stat.Ino}) == h.id {
			return pid
		}
	}
	return 0
}

var errEnded = errors.New("the function in the network namespace ended its goroutine")

// Do runs fn on a thread that is inside the namespace, and returns what fn
// returns. What fn opens there, sockets and files below /proc/thread-self, stays
// in the namespace; goroutines that fn starts run outside of it.
//
// It takes CAP_SYS_ADMIN in the namespace's user namespace and in our own,
// unless the namespace is the one we are in. An error of Do itself is an
// *[Error], and fn has not run then.
func (h *Handle) Do(fn func() error) error {
	if h.fd < 0 {
		return h.Forbidden(h.denied)
	}
	var (
		err      = errEnded // unless fn returns
		panicked any
		done     = make(chan struct{})
	)
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		err = h.inside(fn)
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// inside runs fn in the namespace on the thread of the calling goroutine, which
// must end after it: a thread that cannot come back is left locked, and so ends
// with the goroutine instead of doing other work in the wrong place.
func (h *Handle) inside(fn func() error) error {
	runtime.LockOSThread()
	home, homeID, err := open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return &Error{Op: "enter", Ref: h.ref, Err: err}
	}
	defer unix.Close(home)
	if homeID == h.id {
		defer runtime.UnlockOSThread()
		return fn()
	}
	if err := unix.Setns(h.fd, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return h.Forbidden(err)
	}
	defer func() {
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return fn()
}

// Cookie is a number that names the network namespace of the calling thread and
// is not given again before the next boot. It takes no right. Kernels before
// Linux 5.14 have none: the error matches [errors.ErrUnsupported].
func Cookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return 0, &unsupported{"the cookie of a network namespace", "Linux 5.14"}
	}
	return cookie, err
}
