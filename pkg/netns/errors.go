package netns

import (
	"errors"
	"io/fs"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A ParseError is a text that can name no network namespace.
type ParseError struct {
	Text   string
	Reason string
}

func (e *ParseError) Error() string {
	return "bad network namespace " + quote.Text(e.Text) + ": " + e.Reason +
		"; " + allowed
}

const allowed = "allowed are a name that ip netns list shows, a process id, or a path such as /proc/1/ns/net"

// ErrNotNamespace is a file that is not a network namespace.
var ErrNotNamespace = errors.New("not a network namespace")

// An Error is a network namespace that could not be opened or entered. It wraps
// [io/fs.ErrNotExist] for one that is gone, [io/fs.ErrPermission] for a missing
// right, [ErrNotNamespace] and [errors.ErrUnsupported].
type Error struct {
	Op  string // "open" or "enter"
	Ref Ref
	Err error
	// Process is a process that is in the namespace, for those who have no right
	// to enter it; 0 where none was found.
	Process int
}

// Unwrap is for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	switch {
	case errors.Is(e.Err, ErrNotNamespace):
		return quote.Text(e.Ref.String()) + " is not a network namespace; " + allowed
	case errors.Is(e.Err, fs.ErrNotExist):
		return e.gone()
	case errors.Is(e.Err, fs.ErrPermission):
		return e.forbidden()
	}
	return "cannot " + e.Op + " " + e.Ref.describe() + ": " + e.Err.Error()
}

func (e *Error) gone() string {
	switch {
	case e.Ref.pid != 0:
		return "there is no process " + e.Ref.String() + " whose network namespace could be found, and none of that name: ip netns list shows the names"
	case e.Ref.path != "":
		return "there is no file " + quote.Text(e.Ref.path) + " that could be a network namespace"
	}
	return "no network namespace named " + quote.Text(e.Ref.name) + ": ip netns list shows the names"
}

func (e *Error) forbidden() string {
	const (
		need   = " needs CAP_SYS_ADMIN (run as root)"
		anyone = "give --netns the id of a process in it: the tables below /proc/PID/net need no right"
	)
	switch {
	case e.Op == "open" && e.Ref.pid == 0:
		return "no permission to open " + e.Ref.describe() + ": run as root, or " + anyone
	case e.Ref.pid != 0:
		return "entering " + e.Ref.describe() + need + "; without it only the tables below /proc/" + e.Ref.String() + "/net can be read"
	case e.Process != 0:
		pid := strconv.Itoa(e.Process)
		return "entering " + e.Ref.describe() + need + "; without it, --netns " + pid + " reads the tables of process " + pid + ", which is in it"
	}
	return "entering " + e.Ref.describe() + need + "; without it, " + anyone
}

// unsupported is a feature that this kernel lacks.
type unsupported struct{ feature, since string }

func (e *unsupported) Error() string {
	return e.feature + " is not supported by this kernel (it came with " + e.since + ")"
}

func (e *unsupported) Is(target error) bool { return target == errors.ErrUnsupported }
