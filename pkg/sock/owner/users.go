package owner

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// PasswdFile is where users have their names, passwd(5).
const PasswdFile = "/etc/passwd"

// Users translates between names and numbers of users. It knows the passwd file
// alone: users from a directory service appear as numbers, and are selected by
// number. The file is read when the first question comes.
type Users struct {
	path  string
	names map[uint32]string
	err   error
}

// NewUsers takes the path of a passwd file; empty means [PasswdFile].
func NewUsers(path string) *Users {
	if path == "" {
		path = PasswdFile
	}
	return &Users{path: path}
}

// Name is the name of a user, and the number where no name is known. Of several
// names the first in the file counts.
func (u *Users) Name(uid uint32) string {
	if u.names == nil {
		u.names = make(map[uint32]string)
		u.err = u.read(func(name []byte, id uint32) bool {
			if _, ok := u.names[id]; !ok {
				u.names[id] = string(name)
			}
			return true
		})
	}
	if name, ok := u.names[uid]; ok {
		return name
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// Err is why names could not be read, so that numbers are shown instead.
func (u *Users) Err() error { return u.err }

// ID is the number of the user called name. A number is taken as it is, unless a
// user is called so.
func (u *Users) ID(name string) (uint32, error) {
	found, ok := uint32(0), false
	err := u.read(func(known []byte, id uint32) bool {
		if string(known) == name {
			found, ok = id, true
		}
		return !ok
	})
	if ok {
		return found, nil
	}
	if id, numeric := parseID([]byte(name)); numeric {
		return id, nil
	}
	if err != nil {
		return 0, fmt.Errorf("user %s: the names of users cannot be read (%w); use the number", quote.Text(name), err)
	}
	return 0, fmt.Errorf("unknown user %s: use a name from %s or a number", quote.Text(name), u.path)
}

// read calls yield for each user until it returns false. Lines that are not of
// the form name:password:uid:... are left out, as the C library does.
func (u *Users) read(yield func(name []byte, id uint32) bool) error {
	file, err := os.Open(u.path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := kernfs.NewLines(file)
	for lines.Next() {
		if name, id, ok := parseUser(lines.Bytes()); ok && !yield(name, id) {
			return nil
		}
	}
	return lines.Err()
}

func parseUser(line []byte) (name []byte, id uint32, ok bool) {
	name, rest, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 || name[0] == '#' || name[0] == '+' || name[0] == '-' {
		return nil, 0, false
	}
	_, rest, ok = bytes.Cut(rest, []byte(":"))
	if !ok {
		return nil, 0, false
	}
	number, _, ok := bytes.Cut(rest, []byte(":"))
	if !ok {
		return nil, 0, false
	}
	id, ok = parseID(number)
	return name, id, ok
}

func parseID(text []byte) (uint32, bool) {
	id, ok := kernfs.ParseUint(text)
	return uint32(id), ok && id <= 1<<32-1
}
