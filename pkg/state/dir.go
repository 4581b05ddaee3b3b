package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// The environment variables that say where plugins keep their state, in the
// order they are looked at: Munin's, then two that Nagios plugins know.
var dirVariables = []string{"MUNIN_PLUGSTATE", "NAGIOS_PLUGIN_STATE_DIRECTORY", "MP_STATE_PATH"}

// defaultParent holds a directory for each user id that packages or
// administrators have made one for.
const defaultParent = "/var/lib/sockcensus"

// muninFile is the file that munin-node gives to a plugin, one for each link and
// each master that asks.
const muninFile = "MUNIN_STATEFILE"

// Dir is the state directory: the option's value if there is one, else
// $MUNIN_PLUGSTATE, $NAGIOS_PLUGIN_STATE_DIRECTORY or $MP_STATE_PATH, else
// /var/lib/sockcensus/UID where it exists. The function looks an environment
// variable up and returns an empty string for one that is not set. Where nothing
// names a directory the error is a *[DirError]. Whether it can be written to
// shows when it is.
func Dir(option string, lookup func(name string) string) (string, error) {
	return dir(option, lookup, defaultParent)
}

func dir(option string, lookup func(string) string, parent string) (string, error) {
	if option != "" {
		return option, nil
	}
	for _, name := range dirVariables {
		if value := lookup(name); value != "" {
			return value, nil
		}
	}
	own := filepath.Join(parent, strconv.Itoa(os.Geteuid()))
	if info, err := os.Stat(own); err == nil && info.IsDir() {
		return own, nil
	}
	return "", &DirError{Err: fs.ErrNotExist}
}

// Locate is the directory and file of a plugin's state. Under Munin the file is
// $MUNIN_STATEFILE, because two masters that ask the same node are two memories,
// in its own directory unless the option names another one. Elsewhere it is name
// in [Dir].
func Locate(option, name string, lookup func(name string) string) (dir, file string, err error) {
	munin := lookup(muninFile)
	if munin != "" {
		name = filepath.Base(munin)
		if option == "" && filepath.IsAbs(munin) {
			return filepath.Dir(munin), name, nil
		}
	}
	dir, err = Dir(option, lookup)
	return dir, name, err
}

// maxFile is the longest name a state file can have: the lock's and the new
// file's names are longer by a few letters.
const maxFile = 240

func validFile(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > maxFile || filepath.Base(name) != name {
		return errors.New("its name is not that of a file")
	}
	return nil
}
