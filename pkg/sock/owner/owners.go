package owner

import (
	"fmt"
	"iter"
)

// A Process holds sockets.
type Process struct {
	PID int
	// Name is what the process calls itself, at most 15 bytes of any kind: blanks,
	// newlines and control characters are kept, and are not safe to print.
	Name string
}

// A Visibility says how much is known about who holds a socket.
type Visibility uint8

// None is a socket that no process holds: a minisocket (TIME_WAIT), a connection
// that is not accepted yet, an orphan, the kernel's own. Unseen is one that a
// process may hold which could not be looked into. Held is one whose process is
// known.
const (
	None Visibility = iota
	Unseen
	Held
)

// String returns "none", "unseen" or "held".
func (v Visibility) String() string {
	switch v {
	case Held:
		return "held"
	case Unseen:
		return "unseen"
	}
	return "none"
}

// Options say how far to look.
type Options struct {
	// AllHolders goes through every process even when a holder of each socket is
	// known, to find the others: a socket survives fork, and can be handed over.
	AllHolders bool
	// Listeners says that listening sockets are sought: the first descriptors of
	// every process are looked at before the rest of any, so that programs with
	// many connections cost nothing. Of several holders the one that has the
	// socket among its first descriptors may be found instead of the one with the
	// lowest id.
	Listeners bool
}

// Owners is what a walk found.
type Owners struct {
	// Processes is the number of processes that were looked into, Descriptors that
	// of their descriptors.
	Processes, Descriptors int
	// Hidden is the number of processes that may not be looked into.
	Hidden int
	// Invisible tells that /proc does not even list other users' processes
	// (mount option hidepid), so that Hidden is too low.
	Invisible bool
	// empty tells that /proc lists no process at all, not even ours.
	empty bool
	// Nested tells that this is not the first process-id namespace, so that
	// processes outside of it, which /proc does not list, may hold sockets too.
	Nested bool

	wanted *Inodes
	procs  []Process
	first  []int32         // for each socket its lowest holder in procs, plus one
	more   map[int][]int32 // for each socket with several, the others
	left   int             // sockets without a holder
}

// Lookup returns the process that holds a socket, the one with the lowest id if
// there are several, and how much its answer is worth. The socket has to be one of
// those that were asked for.
func (o *Owners) Lookup(inode uint64) (Process, Visibility) {
	if inode == 0 {
		return Process{}, None
	}
	i := o.wanted.index(inode)
	switch {
	case i >= 0 && o.first[i] > 0:
		return o.procs[o.first[i]-1], Held
	case i < 0 || o.Blind():
		return Process{}, Unseen
	}
	return Process{}, None
}

// Holders yields every process that was found to hold a socket, by rising id. With
// [Options.AllHolders] these are all that may be seen.
func (o *Owners) Holders(inode uint64) iter.Seq[Process] {
	return func(yield func(Process) bool) {
		i := o.wanted.index(inode)
		if i < 0 || o.first[i] == 0 || !yield(o.procs[o.first[i]-1]) {
			return
		}
		for _, p := range o.more[i] {
			if !yield(o.procs[p-1]) {
				return
			}
		}
	}
}

// Missing is the number of sockets that were asked for and not found.
func (o *Owners) Missing() int { return o.left }

// Blind reports whether there are or may be processes that were not looked into,
// so that a socket which was not found may be theirs.
func (o *Owners) Blind() bool { return o.Hidden > 0 || o.Invisible || o.Nested }

// Reason says in one clause why processes were not looked into, and is empty when
// all were.
func (o *Owners) Reason() string {
	const help = "it takes root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
	switch {
	case o.empty:
		return "/proc lists no processes: mount the proc file system there"
	case o.Invisible:
		return "/proc is mounted with hidepid and hides the processes of others: " + help
	case o.Hidden == 1:
		return "1 process may not be looked into: " + help
	case o.Hidden > 0:
		return fmt.Sprintf("%d processes may not be looked into: %s", o.Hidden, help)
	case o.Nested:
		return "processes outside this process-id namespace cannot be seen"
	}
	return ""
}

// add notes that a process holds the i-th socket. Processes come in rising order,
// and a socket may be open several times in one.
func (o *Owners) add(i int, proc int32) {
	switch last := o.first[i]; {
	case last == 0:
		o.first[i] = proc
		o.left--
	case last != proc:
		others := o.more[i]
		if len(others) > 0 && others[len(others)-1] == proc {
			return
		}
		if o.more == nil {
			o.more = make(map[int][]int32)
		}
		o.more[i] = append(others, proc)
	}
}
