package kernfs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The roots where nothing else is said, and the names of the environment
// variables that say something else, as iproute2 knows them.
const (
	DefaultProc = "/proc"
	DefaultSys  = "/sys"
	EnvProc     = "PROC_ROOT"
	EnvSys      = "SYS_ROOT"
)

// An FS is where the kernel's files are. It holds no open file and can be
// copied. The zero value is /proc and /sys.
type FS struct {
	proc, sys string
}

// New is the files below these two directories; empty means the default.
func New(procRoot, sysRoot string) FS {
	return FS{proc: procRoot, sys: sysRoot}
}

// FromEnviron is New with PROC_ROOT and SYS_ROOT, looked up by the function
// given, which returns an empty string for what is not set (as [os.Getenv]).
func FromEnviron(lookup func(name string) string) FS {
	return New(lookup(EnvProc), lookup(EnvSys))
}

// ProcRoot is the directory that stands for /proc.
func (f FS) ProcRoot() string {
	if f.proc == "" {
		return DefaultProc
	}
	return f.proc
}

// SysRoot is the directory that stands for /sys.
func (f FS) SysRoot() string {
	if f.sys == "" {
		return DefaultSys
	}
	return f.sys
}

// Proc is the path of a file below /proc.
func (f FS) Proc(elem ...string) string { return join(f.ProcRoot(), elem) }

// Sys is the path of a file below /sys.
func (f FS) Sys(elem ...string) string { return join(f.SysRoot(), elem) }

func join(root string, elem []string) string {
	return filepath.Join(root, filepath.Join(elem...))
}

// NetDir is the directory with the tables of our own network namespace:
// /proc/thread-self/net, because /proc/net is the main thread's, which need not
// be in the namespace of the thread that asks. The namespace is that of the
// thread which opens a file in it. Where there is no thread-self (a tree of
// captured files) it is /proc/net.
func (f FS) NetDir() string {
	if dir := f.Proc("thread-self", "net"); exists(dir) {
		return dir
	}
	return f.Proc("net")
}

// NetDirOf is the directory with the tables of the network namespace that a
// process is in. Reading it takes no rights.
func (f FS) NetDirOf(pid int) string {
	return f.Proc(strconv.Itoa(pid), "net")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// ReadFile reads a whole file of at most limit bytes. The size that the kernel
// states is not looked at: it is 0 for most of these files.
func ReadFile(path string, limit int) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file, path, limit)
}

func readAll(r io.Reader, path string, limit int) ([]byte, error) {
	data := make([]byte, 0, min(limit, 4096)+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case len(data) > limit:
			return nil, &FileError{Path: path, Err: ErrTooLarge}
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// maxValue bounds a file that holds one value.
const maxValue = 4096

// ReadString reads a file that holds one value, without the blanks around it.
func ReadString(path string) (string, error) {
	data, err := ReadFile(path, maxValue)
	return strings.TrimSpace(string(data)), err
}

// ReadUint reads a file that holds one decimal number.
func ReadUint(path string) (uint64, error) {
	numbers, err := readUints(path, 1)
	if err != nil {
		return 0, err
	}
	return numbers[0], nil
}

// readUints reads a file that holds exactly n decimal numbers.
func readUints(path string, n int) ([]uint64, error) {
	data, err := ReadFile(path, maxValue)
	if err != nil {
		return nil, err
	}
	numbers := make([]uint64, 0, n)
	for field, rest := Field(data); len(field) > 0; field, rest = Field(rest) {
		number, ok := ParseUint(field)
		if !ok || len(numbers) == n {
			return nil, &FileError{Path: path, Err: ErrFormat}
		}
		numbers = append(numbers, number)
	}
	if len(numbers) < n {
		return nil, &FileError{Path: path, Err: ErrFormat}
	}
	return numbers, nil
}
