package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/sockcensus/sockcensus/pkg/baseline"
)

// maxBaseline bounds a baseline: about ten thousand lines.
const maxBaseline = 1 << 20

// A FileError is a baseline that cannot be read or written.
type FileError struct {
	Op   string // "read" or "write"
	Path string
	Err  error
}

func (e *FileError) Error() string {
	err := e.Err
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	text := fmt.Sprintf("baseline %s cannot be %s: %v", baseline.Word(e.Path), map[string]string{"read": "read", "write": "written"}[e.Op], err)
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.Op == "read":
		text += "; make one with: sockcensus-listeners baseline write FILE"
	case errors.Is(err, fs.ErrPermission) && e.Op == "read":
		text += "; it has to be readable for the user who runs this"
	}
	return text
}

// Unwrap is for errors.Is and errors.As.
func (e *FileError) Unwrap() error { return e.Err }

// Reasons to refuse a file.
var (
	errNotRegular    = errors.New("it is not a regular file")
	errWorldWritable = errors.New("everybody can write to it, so that it proves nothing: chmod o-w it")
	errTooLarge      = errors.New("it is larger than 1 MiB")
	errSymlink       = errors.New("it is a symbolic link: name the file that it points to")
	errChanged       = errors.New("somebody else has changed it meanwhile: try again")
)

// readBaseline reads a baseline that may be trusted: a regular file that not
// everybody can write to. What kind of file it is shows after it is open, and a
// named pipe does not hold us up.
func readBaseline(path string) (*baseline.File, fs.FileInfo, error) {
	data, info, err := readTrusted(path)
	if err != nil {
		return nil, nil, &FileError{"read", path, err}
	}
	return baseline.Parse(data), info, nil
}

func readTrusted(path string) ([]byte, fs.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, nil, errNotRegular
	case info.Mode().Perm()&0o002 != 0:
		return nil, nil, errWorldWritable
	}
	data, err := io.ReadAll(io.LimitReader(file, maxBaseline+1))
	if err == nil && len(data) > maxBaseline {
		err = errTooLarge
	}
	return data, info, err
}

// writeBaseline replaces a file as a whole, or makes it: either all of it is
// there or it is as it was. old is what was read, nil for a file that was not
// there; mode and owner stay. Nothing but a regular file is replaced.
func writeBaseline(path string, data []byte, old fs.FileInfo) error {
	if err := replace(path, data, old); err != nil {
		return &FileError{"write", path, err}
	}
	return nil
}

func replace(path string, data []byte, old fs.FileInfo) error {
	if err := replaceable(path, old); err != nil {
		return err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name()) // gone already when all went well
	if err := fill(fresh, data, old); err != nil {
		return err
	}
	if old == nil {
		// A link fails where somebody else has made the file meanwhile.
		if err := os.Link(fresh.Name(), path); err == nil || errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := replaceable(path, old); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), path)
}

// replaceable reports whether path is still what was read.
func replaceable(path string, old fs.FileInfo) error {
	now, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && old == nil:
		return nil
	case err != nil:
		return err
	case now.Mode()&fs.ModeSymlink != 0:
		return errSymlink
	case !now.Mode().IsRegular():
		return errNotRegular
	case old == nil || !os.SameFile(old, now) || !now.ModTime().Equal(old.ModTime()) || now.Size() != old.Size():
		return errChanged
	}
	return nil
}

// fill writes and closes the new file and gives it the old one's mode and owner.
func fill(file *os.File, data []byte, old fs.FileInfo) error {
	err := adopt(file, old)
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

func adopt(file *os.File, old fs.FileInfo) error {
	if old == nil {
		return file.Chmod(0o644)
	}
	now, err := file.Stat()
	if err != nil {
		return err
	}
	was, ok := old.Sys().(*syscall.Stat_t)
	is, _ := now.Sys().(*syscall.Stat_t)
	if ok && is != nil && (was.Uid != is.Uid || was.Gid != is.Gid) {
		if err := file.Chown(int(was.Uid), int(was.Gid)); err != nil {
			return fmt.Errorf("its owner cannot be kept: %w", err)
		}
	}
	return file.Chmod(old.Mode().Perm()) // after chown, which drops special bits
}
