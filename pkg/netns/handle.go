package netns

// An ID tells network namespaces apart while they exist; it may be given again
// after one is gone (a cookie is not, see [Cookie]). IDs can be compared. The
// zero value is an unknown one.
type ID struct {
	Device, Inode uint64
}

// A Handle is a network namespace that was found. It keeps the namespace alive
// until Close, unless it has no descriptor.
type Handle struct {
	ref    Ref
	fd     int // -1 if it could not be opened
	id     ID
	netDir string
	// procRoot is what stands for /proc.
	procRoot string
	denied   error // why fd is -1
}

// Fd is the descriptor of the namespace for setns, -1 where we had no right to
// open it and only [Handle.NetDir] can be read. It belongs to the handle.
func (h *Handle) Fd() int { return h.fd }

// ID tells the namespace from others; zero where it could not be opened.
func (h *Handle) ID() ID { return h.id }

// NetDir is the directory with the namespace's tables that can be read without
// entering it, /proc/PID/net. It is empty where the namespace was not given as a
// process id: then enter it and read /proc/thread-self/net.
func (h *Handle) NetDir() string { return h.netDir }

// Ref is what was opened.
func (h *Handle) Ref() Ref { return h.ref }
