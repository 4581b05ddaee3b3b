package state

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"time"
)

// Bounds where a Store does not state its own.
const (
	DefaultLimit = 16 << 20
	DefaultWait  = 2 * time.Second
)

// A Store is one state file. It holds nothing open between calls and can be
// copied and used by several goroutines.
type Store struct {
	// Dir is the directory, which must exist, and File the name in it. Beside
	// the file there are FILE.lock and, during a write, FILE.new.
	Dir, File string
	// Format names what is remembered and its version, such as "clients-1":
	// lower case letters, digits and hyphens. A file of another format is broken.
	Format string
	// BootID, if it is set, makes a file that was written under another boot id
	// [ErrRestarted]. It is what /proc/sys/kernel/random/boot_id says.
	BootID string
	// Limit is the most bytes that are read or written; 0 is DefaultLimit.
	Limit int
	// Wait is how long to wait for another run to finish; 0 is DefaultWait.
	Wait time.Duration
}

// Open is the store of a plugin's state: file name in the directory that
// [Locate] finds. It touches nothing yet.
func Open(option, name, format string, lookup func(name string) string) (Store, error) {
	dir, file, err := Locate(option, name, lookup)
	if err != nil {
		return Store{}, err
	}
	s := Store{Dir: dir, File: file, Format: format}
	return s, s.check()
}

// Path is where the state file is, for people.
func (s Store) Path() string { return filepath.Join(s.Dir, s.File) }

func (s Store) limit() int {
	if s.Limit > 0 {
		return s.Limit
	}
	return DefaultLimit
}

func (s Store) check() error {
	if err := validFile(s.File); err != nil {
		return &FileError{Op: "use", Path: s.Path(), Err: err}
	}
	if !validWord(s.Format) || (s.BootID != "" && !validWord(s.BootID)) {
		return &FileError{Op: "use", Path: s.Path(), Err: errors.New("bad format name or boot id")}
	}
	return nil
}

// Read is what was remembered last. It takes no lock, since a file is replaced as
// a whole. The error is [ErrNone], [ErrRestarted], one that matches [ErrBroken],
// or one of the file system (*[DirError], *[FileError]).
func (s Store) Read() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	d, err := openDir(s.Dir)
	if err != nil {
		return nil, err
	}
	defer d.close()
	return s.read(d)
}

func (s Store) read(d *directory) ([]byte, error) {
	data, err := d.read(s.File, s.limit()+maxLine)
	var odd *oddFileError
	switch {
	case errors.Is(err, ErrDirectory):
		return nil, &FileError{Op: "read", Path: s.Path(), Err: err}
	case errors.As(err, &odd):
		return nil, &BrokenError{Path: s.Path(), Reason: odd.reason}
	case errors.Is(err, ErrNone):
		return nil, ErrNone
	case err != nil:
		return nil, &FileError{Op: "read", Path: s.Path(), Err: err}
	}
	content, boot, reason := decode(s.Format, data)
	switch {
	case reason != "":
		return nil, &BrokenError{Path: s.Path(), Reason: reason}
	case s.BootID != "" && boot != s.BootID:
		return nil, ErrRestarted
	}
	return content, nil
}

// Update has change make new content from the old, under the lock, and writes
// it. change gets the old content, or nil and why there is none: [ErrNone],
// [ErrRestarted], [ErrBroken] (worth a word to people) or a read that failed. If
// change returns an error, or nil as content, nothing is written.
//
// change must be quick, since other runs wait for it: measure first. The context
// and Wait bound the waiting, [ErrBusy] is its end. After any error the file is
// what it was before.
func (s Store) Update(ctx context.Context, change func(old []byte, oldErr error) ([]byte, error)) error {
	if err := s.check(); err != nil {
		return err
	}
	d, err := openDir(s.Dir)
	if err != nil {
		return err
	}
	defer d.close()
	unlock, err := s.lock(ctx, d)
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno): // the lock is the first file that is made there
		return &DirError{Dir: s.Dir, Err: err}
	case err != nil:
		return &FileError{Op: "lock", Path: s.Path(), Err: err}
	}
	defer unlock()
	old, oldErr := s.read(d)
	if errors.Is(oldErr, ErrDirectory) {
		return oldErr
	}
	content, err := change(old, oldErr)
	if err != nil || content == nil {
		return err
	}
	if err := s.write(d, content); err != nil {
		return err
	}
	if errors.Is(oldErr, ErrNone) { // one file more: the moment to see whether others have had their time
		d.sweep(s.File, time.Now().Add(-Forgotten))
	}
	return nil
}

func (s Store) write(d *directory, content []byte) error {
	err := ErrTooLarge
	if len(content) <= s.limit() {
		err = d.replace(s.File, encode(s.Format, s.BootID, content))
	}
	if err != nil {
		return &FileError{Op: "write", Path: s.Path(), Err: err}
	}
	return nil
}

// lock waits for the lock in small steps, since a wait in the kernel could not
// be ended by the context.
func (s Store) lock(ctx context.Context, d *directory) (unlock func(), err error) {
	wait := s.Wait
	if wait <= 0 {
		wait = DefaultWait
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, ErrBusy)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		unlock, err := d.lock(s.File + ".lock")
		if err == nil || !errors.Is(err, ErrBusy) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// An oddFileError is a file in our place that we will not read.
type oddFileError struct{ reason string }

func (e *oddFileError) Error() string { return e.reason }

// Is makes a directory match ErrDirectory.
func (e *oddFileError) Is(target error) bool {
	return target == ErrDirectory && e.reason == ErrDirectory.Error()
}
