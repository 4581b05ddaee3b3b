package opens

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ownName is the name of the directory around the counters that Off may remove.
const ownName = "sockcensus"

// parentMode lets everybody look for the snapshot.
const parentMode = 0o755

// makeDir makes a directory, unless it is there, and marks it with the sticky bit:
// that means nothing where only root can write, and tells Off which one On made.
func makeDir(path string, mode fs.FileMode) error {
	err := os.Mkdir(path, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, mode|fs.ModeSticky) // which the mask of the process does not concern
}

// isMade reports whether makeDir has made a directory.
func isMade(path string, mode fs.FileMode) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode() == fs.ModeDir|fs.ModeSticky|mode
}

// leaveMade removes what makeDir made. That it is not empty is no failure: something
// else lives there.
func leaveMade(path string, mode fs.FileMode) {
	if isMade(path, mode) {
		_ = os.Remove(path)
	}
}

// makeParent makes the directory around, and marks it if it bears our name.
func makeParent(dir string) error {
	parent := filepath.Dir(dir)
	if filepath.Base(parent) != ownName {
		return os.MkdirAll(parent, parentMode)
	}
	if err := os.MkdirAll(filepath.Dir(parent), parentMode); err != nil {
		return err
	}
	return makeDir(parent, parentMode)
}

// leaveParent removes the directory around, if makeParent made it.
func leaveParent(dir string) { leaveMade(filepath.Dir(dir), parentMode) }
