package age

import "errors"

// An Identity says whose cookies a book holds: cookies are unique for one boot of
// one kernel, and a book is about one network namespace.
type Identity struct {
	// Boot is the kernel's boot id, 16 bytes.
	Boot [16]byte
	// Namespace is the cookie of the network namespace (SO_NETNS_COOKIE), or another
	// number that tells it from others.
	Namespace uint64
	// Selection is a hash of which sockets are asked for. A book of another
	// selection still proves that what it has is old, but not that what it lacks is
	// young.
	Selection uint64
}

// What can be wrong with a book that was kept. Every one of them means to begin
// with an empty one, and that nothing is known from earlier runs.
var (
	ErrDamaged   = errors.New("the record of connections seen earlier is damaged")
	ErrVersion   = errors.New("the record of connections seen earlier is in another version's format")
	ErrRebooted  = errors.New("the host was restarted since connections were last seen")
	ErrNamespace = errors.New("the record of connections seen earlier is of another network namespace")
	ErrFuture    = errors.New("the record of connections seen earlier is from the future")
)
