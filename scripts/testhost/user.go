package testhost

import (
	"fmt"
	"os/user"
	"strconv"
	"testing"
)

// User is who a command runs as; a nil *User is the caller.
type User struct {
	Name     string
	UID, GID uint32
}

// LookupUser finds a user; group, when not empty, replaces the user's own group,
// as munin-node runs plugins as nobody in group munin. No other groups are kept.
// An unknown name skips the test, since the packages under test make these users.
func LookupUser(t testing.TB, name, group string) *User {
	t.Helper()
	found, err := lookupUser(name, group)
	if err != nil {
		giveUp(t, inCI(), "%v", err)
	}
	return found
}

func lookupUser(name, group string) (*User, error) {
	account, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return nil, err
		}
		account.Gid = g.Gid
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("group of user %s: %w", name, err)
	}
	return &User{Name: name, UID: uint32(uid), GID: uint32(gid)}, nil
}

// MuninUser is who munin-node runs plugins as.
func MuninUser(t testing.TB) *User { t.Helper(); return LookupUser(t, "nobody", "munin") }

// NagiosUser is who NRPE, Nagios and Icinga run checks as on Debian.
func NagiosUser(t testing.TB) *User { t.Helper(); return LookupUser(t, "nagios", "") }
