package state

import (
	"errors"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A directory is an open state directory: all files are opened, made and renamed
// relative to it, so that it cannot be exchanged in between.
type directory struct{ fd int }

// openDir opens a directory in which others cannot exchange our files: either
// not everybody may write to it, or only owners may rename in it (sticky).
func openDir(path string) (*directory, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &DirError{Dir: path, Err: err}
	}
	var stat unix.Stat_t
	if err = unix.Fstat(fd, &stat); err == nil && stat.Mode&unix.S_IWOTH != 0 && stat.Mode&unix.S_ISVTX == 0 {
		err = errors.New("everybody can write to it")
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, &DirError{Dir: path, Err: err}
	}
	return &directory{fd: fd}, nil
}

func (d *directory) close() { _ = unix.Close(d.fd) }

// open opens a file of ours, whose reading or locking nobody else can meddle
// with. O_NONBLOCK is for what is not a file: a named pipe would wait for ever.
func (d *directory) open(name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0o600)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, &oddFileError{"it is a symbolic link"}
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO):
		return nil, d.explain(name, err)
	case err != nil:
		return nil, err
	}
	file := os.NewFile(uintptr(fd), name)
	var stat unix.Stat_t
	if err = unix.Fstat(fd, &stat); err == nil {
		err = odd(&stat)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// explain says what is in our place if that is why a file could not be opened.
func (d *directory) explain(name string, err error) error {
	var stat unix.Stat_t
	if unix.Fstatat(d.fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW) == nil {
		if odd := odd(&stat); odd != nil {
			return odd
		}
	}
	return err
}

// odd says what is wrong with a file that we could not have made like this.
func odd(stat *unix.Stat_t) error {
	switch {
	case stat.Mode&unix.S_IFMT == unix.S_IFDIR:
		return &oddFileError{ErrDirectory.Error()}
	case stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return &oddFileError{"it is not a regular file"}
	case int(stat.Uid) != os.Geteuid():
		return &oddFileError{"it belongs to another user (uid " + strconv.Itoa(int(stat.Uid)) + ")"}
	case stat.Mode&0o022 != 0:
		return &oddFileError{"others can write to it"}
	case stat.Nlink > 1:
		return &oddFileError{"it has a second name (a hard link)"}
	}
	return nil
}

// read reads a file of ours of at most limit bytes.
func (d *directory) read(name string, limit int) ([]byte, error) {
	file, err := d.open(name, unix.O_RDONLY)
	if errors.Is(err, unix.ENOENT) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > int64(limit) {
		return nil, &oddFileError{"it is larger than " + strconv.Itoa(limit) + " bytes"}
	}
	data := make([]byte, info.Size()) // nobody writes to it: it is replaced as a whole
	n, err := io.ReadFull(file, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // cut while we read; the checksum tells
	}
	return data[:n], err
}

// lock takes the lock or says ErrBusy. The lock file stays; one that is not ours
// is removed. Where the file that was locked is no longer the one of this name,
// because a run that forgot the question removed it, the lock is taken anew: no
// two runs hold two locks.
func (d *directory) lock(name string) (unlock func(), err error) {
	for range 3 {
		file, err := d.open(name, unix.O_RDWR|unix.O_CREAT)
		var odd *oddFileError
		if errors.As(err, &odd) {
			if unix.Unlinkat(d.fd, name, 0) == nil {
				continue
			}
			return nil, errors.New("the lock file " + quote.Text(name) + " beside it is not ours: " + odd.reason)
		}
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && d.is(file, name) {
			return func() { _ = file.Close() }, nil
		}
		_ = file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, ErrBusy
}

// is reports whether name is still this file, and not another one since.
func (d *directory) is(file *os.File, name string) bool {
	var open, there unix.Stat_t
	return unix.Fstat(int(file.Fd()), &open) == nil &&
		unix.Fstatat(d.fd, name, &there, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		open.Dev == there.Dev && open.Ino == there.Ino
}

// replace gives name the new content, or leaves all as it is. The lock is held,
// so a FILE.new that is there is left over from a run that was killed.
func (d *directory) replace(name string, data []byte) error {
	fresh := name + ".new"
	_ = unix.Unlinkat(d.fd, fresh, 0)
	file, err := d.open(fresh, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return err
	}
	if err = fill(file, data); err == nil {
		err = unix.Renameat(d.fd, fresh, d.fd, name)
	}
	if err != nil {
		_ = unix.Unlinkat(d.fd, fresh, 0)
	}
	return err
}

// fill writes, makes sure that it is on the disk, and closes.
func fill(file *os.File, data []byte) error {
	_, err := file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
