package history

import (
	"errors"
	"io/fs"
	"strings"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Kinds of failure, for errors.Is. Each comes as an *[Error].
const (
	ErrMissing    = kind("no history")
	ErrDamaged    = kind("damaged history")
	ErrForeign    = kind("not a history")
	ErrNewer      = kind("made by a newer version")
	ErrFull       = kind("disk full")
	ErrReadOnly   = kind("read-only")
	ErrPermission = kind("missing right")
	ErrBusy       = kind("locked")
	ErrNamespace  = kind("another network namespace")
	ErrQuery      = kind("bad query")
)

type kind string

func (k kind) Error() string { return string(k) }

// An Error says in one sentence what went wrong and what to do. It matches its
// kind and its cause.
type Error struct {
	Kind error  // one of the kinds above, or nil
	Text string // one sentence
	Err  error  // the cause, or nil
}

func (e *Error) Error() string { return e.Text }

// Unwrap is for errors.Is and errors.As.
func (e *Error) Unwrap() (all []error) {
	for _, err := range [...]error{e.Kind, e.Err} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

func failure(k kind, cause error, words ...string) error {
	return &Error{Kind: k, Text: strings.Join(words, ""), Err: cause}
}

// explain turns what SQLite said into a sentence. Whatever it was, the transaction
// has not happened: what was in the history is still there.
func explain(path string, err error) error {
	var known *Error
	var lite *sqlite.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return failure(ErrMissing, err, "there is no history at ", path, ": sockcensus-opens record (which a systemd timer runs) begins it")
	case errors.Is(err, fs.ErrPermission):
		return failure(ErrPermission, err, "no right to open the history ", path)
	case !errors.As(err, &lite):
		return &Error{Text: "the history " + path + " cannot be used: " + err.Error(), Err: err}
	}
	// The low byte is the primary code, the rest says more about it.
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT:
		return damaged(path, err)
	case sqlite3.SQLITE_NOTADB:
		return failure(ErrForeign, err, path, " is no SQLite database: nothing was changed; give another file, or move it aside and begin anew")
	case sqlite3.SQLITE_FULL:
		return failure(ErrFull, err, "no space left for the history ", path, ": nothing was recorded, what was there stays, and the next step catches up")
	case sqlite3.SQLITE_READONLY:
		return failure(ErrReadOnly, err, "the history ", path, " cannot be written (read-only file, directory or disk), or was left by a crash that a writer must repair first")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return failure(ErrBusy, err, "the history ", path, " is locked by another process: try again")
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN:
		return failure(ErrPermission, err, "the history ", path, " cannot be opened: no right, or its directory cannot be written")
	}
	return &Error{Text: "the history " + path + " cannot be used: " + err.Error(), Err: err}
}

func damaged(path string, cause error) error {
	return failure(ErrDamaged, cause, "the history ", path, " is damaged: nothing was changed; move it aside to begin anew, or repair it with sqlite3 ", path, " .recover")
}
