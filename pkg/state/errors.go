package state

import (
	"errors"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// What the caller may want to tell apart.
var (
	// ErrNone is a first run: nothing is remembered yet.
	ErrNone = errors.New("nothing is remembered from an earlier run")
	// ErrBroken is a file that is there and cannot be used; the error that
	// wraps it, a *BrokenError, says why. Writing replaces the file.
	ErrBroken = errors.New("state file cannot be used")
	// ErrRestarted is a good file from before the host was restarted.
	ErrRestarted = errors.New("the host was restarted since the last run")
	// ErrBusy is a lock that another run did not give back in time.
	ErrBusy = errors.New("another run holds the lock")
	// ErrDirectory is a directory in the place of the state file, which is never
	// replaced.
	ErrDirectory = errors.New("it is a directory")
	// ErrTooLarge is content beyond the limit of the store; it is not written.
	ErrTooLarge = errors.New("more to remember than a state file may hold")
)

// A BrokenError is a state file that was found and cannot be used. It matches
// [ErrBroken].
type BrokenError struct {
	Path   string
	Reason string // why, fit to print
}

func (e *BrokenError) Error() string {
	return "state file " + quote.Text(e.Path) + " cannot be used and is replaced: " + e.Reason
}

// Is makes every broken file match ErrBroken.
func (e *BrokenError) Is(target error) bool { return target == ErrBroken }

// A DirError is a state directory that cannot be used, or none at all. Metrics
// that need a memory are unknown then.
type DirError struct {
	Dir string // empty if nothing names a directory
	Err error
}

func (e *DirError) Error() string {
	if e.Dir == "" {
		return "no directory to remember things between runs: name one that this user can write to with --state-dir"
	}
	return "state directory " + quote.Text(e.Dir) + " cannot be used: " + e.Err.Error() +
		"; name one that exists and that this user can write to with --state-dir"
}

// Unwrap is for errors.Is and errors.As.
func (e *DirError) Unwrap() error { return e.Err }

// A FileError is a state file that could not be written, read or locked. The
// file that was there is as it was.
type FileError struct {
	Op   string // "write", "read", "lock", or "use" where the name itself is bad
	Path string
	Err  error
}

func (e *FileError) Error() string {
	text := "cannot " + e.Op + " state file " + quote.Text(e.Path) + ": " + e.Err.Error()
	if e.Op == "use" || errors.Is(e.Err, ErrTooLarge) {
		return text // it would be the same anywhere
	}
	return text + "; if that stays so, name another directory with --state-dir"
}

// Unwrap is for errors.Is and errors.As.
func (e *FileError) Unwrap() error { return e.Err }
