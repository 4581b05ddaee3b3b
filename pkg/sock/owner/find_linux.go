package owner

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
)

// Find looks for the processes that hold the wanted sockets. Processes that end
// meanwhile are left out; those that may not be looked into are counted in
// [Owners.Hidden]. An error is a /proc that cannot be read at all, or that of ctx.
func Find(ctx context.Context, fs kernfs.FS, wanted *Inodes, options Options) (*Owners, error) {
	o := &Owners{wanted: wanted, left: wanted.Len()}
	o.first = make([]int32, o.left)
	if o.left == 0 {
		return o, nil
	}
	root, err := openDir(unix.AT_FDCWD, fs.ProcRoot())
	if err != nil {
		return nil, fmt.Errorf("cannot look for processes in %s: %w", fs.ProcRoot(), err)
	}
	defer unix.Close(root)
	w := walker{Owners: o, root: root, all: options.AllHolders, buf: make([]byte, bufferSize)}
	w.learnDevice()
	pids, err := w.pids()
	if err != nil {
		return nil, fmt.Errorf("cannot list the processes in %s: %w", fs.ProcRoot(), err)
	}
	left := pids
	if options.Listeners && !options.AllHolders {
		w.most = shallow
		if left, err = w.through(ctx, pids); err != nil {
			return nil, err
		}
		w.most, w.skip = 0, shallow
	}
	if _, err := w.through(ctx, left); err != nil {
		return nil, err
	}
	if o.left > 0 {
		o.Invisible, o.empty = hidesProcesses(fs, pids), len(pids) == 0
		o.Nested = !w.byLink && isNested(fs)
	}
	return o, nil
}

// shallow is how many descriptors of each process are looked at first when
// listening sockets are sought: servers open them before they accept anything.
const shallow = 128

// through looks into processes until all sockets are found, and returns those
// that have more descriptors than were looked at.
func (w *walker) through(ctx context.Context, pids []int) (deep []int, err error) {
	for _, pid := range pids {
		if w.left == 0 && !w.all {
			return nil, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if w.process(pid) {
			deep = append(deep, pid)
		}
	}
	return deep, nil
}

// bufferSize holds about 1,300 directory entries.
const bufferSize = 32 << 10

// A walker goes through the processes below one directory.
type walker struct {
	*Owners
	root int
	all  bool
	// most bounds how many descriptors of a process are looked at, zero for no
	// bound; skip leaves out that many.
	most, skip int
	buf        []byte
	// device is that of the file system on which sockets have their inodes. Where
	// it cannot be learned, as in a tree of captured files, byLink is set and the
	// text of the links is read: "socket:[123]".
	device uint64
	byLink bool
}

func openDir(at int, path string) (int, error) {
	for {
		fd, err := unix.Openat(at, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// learnDevice makes a socket and looks at it both directly and through /proc. Only
// when the two agree can descriptors be compared by device and inode, which is
// cheaper than reading links.
func (w *walker) learnDevice() {
	w.byLink = true
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var direct, seen unix.Stat_t
	if unix.Fstat(fd, &direct) != nil {
		return
	}
	if unix.Fstatat(w.root, "self/fd/"+strconv.Itoa(fd), &seen, 0) != nil {
		return
	}
	w.byLink = direct.Dev != seen.Dev || direct.Ino != seen.Ino
	w.device = uint64(direct.Dev)
}

// pids lists the processes by rising number.
func (w *walker) pids() ([]int, error) {
	var pids []int
	err := w.entries(w.root, func(name []byte) bool {
		if pid, ok := kernfs.ParseUint(name); ok && pid <= 1<<30 {
			pids = append(pids, int(pid))
		}
		return true
	})
	slices.Sort(pids)
	return pids, err
}

// process looks through the descriptors of one process and reports whether
// there are more than the bound.
func (w *walker) process(pid int) (more bool) {
	dir, err := openDir(w.root, strconv.Itoa(pid)+"/fd")
	if err != nil {
		w.note(err)
		return false
	}
	defer unix.Close(dir)
	if w.skip == 0 {
		w.Processes++
	}
	proc, seen := int32(0), 0
	var failed error
	err = w.entries(dir, func(name []byte) bool {
		if name[0] == '.' {
			return true
		}
		if seen++; seen <= w.skip {
			return true
		}
		if w.most > 0 && seen > w.most {
			more = true
			return false
		}
		w.Descriptors++
		i, err := w.socket(dir, name)
		if err != nil {
			if alive(dir) {
				failed = err
			}
			return false
		}
		if i < 0 {
			return true
		}
		if proc == 0 {
			proc = w.known(pid, dir)
		}
		w.add(i, proc)
		return w.all || w.left > 0
	})
	if err == nil {
		err = failed
	}
	w.note(err)
	return more
}

// known returns the place of a process among those that hold sockets, plus one.
func (w *walker) known(pid, dir int) int32 {
	if w.skip > 0 { // the second time round
		if i := slices.IndexFunc(w.procs, func(p Process) bool { return p.PID == pid }); i >= 0 {
			return int32(i + 1)
		}
	}
	w.procs = append(w.procs, Process{PID: pid, Name: readName(dir)})
	return int32(len(w.procs))
}

// alive reports whether the process whose descriptors are in dir still exists. The
// descriptors of one that has just ended answer EACCES too (fs/proc/base.c,
// proc_fd_access_allowed).
func alive(dir int) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, "../comm", &st, 0) == nil
}

// note counts a process that may not be looked into. Any other error is that of a
// process which has ended.
func (w *walker) note(err error) {
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		w.Hidden++
	}
}

// socket returns the place of the wanted socket that a descriptor is, -1 for
// anything else, among it a descriptor that is closed by now. The error says that
// the process's descriptors may not be looked at.
func (w *walker) socket(dir int, name []byte) (int, error) {
	inode, err := w.inode(dir, name)
	if err != nil && (err == unix.EACCES || err == unix.EPERM) {
		return -1, err
	}
	if err != nil || inode == 0 {
		return -1, nil
	}
	return w.wanted.index(inode), nil
}

// inode returns the inode of a descriptor that is a socket, and 0 for others.
func (w *walker) inode(dir int, name []byte) (uint64, error) {
	if w.byLink {
		var link [64]byte
		n, err := unix.Readlinkat(dir, string(name), link[:])
		if err != nil {
			return 0, err
		}
		return parseLink(link[:n]), nil
	}
	var st unix.Stat_t
	err := unix.Fstatat(dir, string(name), &st, 0)
	if err != nil || uint64(st.Dev) != w.device || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return 0, err
	}
	return uint64(st.Ino), nil
}

// parseLink reads "socket:[123]"; other links are 0.
func parseLink(link []byte) uint64 {
	number, ok := bytes.CutPrefix(link, []byte("socket:["))
	if !ok {
		return 0
	}
	number, ok = bytes.CutSuffix(number, []byte("]"))
	if !ok {
		return 0
	}
	inode, _ := kernfs.ParseUint(number)
	return inode
}

// readName reads the name of the process whose descriptors are in dir. It is empty
// for a process that has just ended.
func readName(dir int) string {
	fd, err := unix.Openat(dir, "../comm", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var buf [128]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil || n <= 0 {
		return ""
	}
	return string(bytes.TrimSuffix(buf[:n], []byte("\n")))
}

// entries yields the names in a directory until yield returns false.
func (w *walker) entries(dir int, yield func(name []byte) bool) error {
	// The descriptors of a process are walked while the list of processes is
	// complete, so that one buffer serves both.
	for {
		n, err := unix.ReadDirent(dir, w.buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("getdents64", err)
		}
		if n == 0 {
			return nil
		}
		for rest := w.buf[:n]; ; {
			name, next, ok := cutEntry(rest)
			if !ok {
				break
			}
			if len(name) > 0 && !yield(name) {
				return nil
			}
			rest = next
		}
	}
}

// cutEntry takes one struct linux_dirent64 (include/linux/dirent.h) from the
// beginning of buf: inode, offset, length of the record at 16, type at 18, name.
func cutEntry(buf []byte) (name, rest []byte, ok bool) {
	const lengthAt, nameAt = 16, 19
	if len(buf) < nameAt {
		return nil, nil, false
	}
	length := int(binary.NativeEndian.Uint16(buf[lengthAt:]))
	if length < nameAt || length > len(buf) {
		return nil, nil, false
	}
	name = buf[nameAt:length]
	if end := bytes.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	return name, buf[length:], true
}
