package sock

// A Socket is one row of the kernel's socket table. Sources reuse one value
// for a whole enumeration: copy what has to outlive a row.
type Socket struct {
	Protocol Protocol
	Family   Family
	// Mapped tells that an IPv4 connection runs over an AF_INET6 socket: the
	// kernel calls its addresses ::ffff:a.b.c.d, Local and Peer hold a.b.c.d.
	Mapped bool
	State  State
	// Type is the socket type of a unix or packet socket, and zero otherwise.
	Type  Type
	Local Endpoint
	Peer  Endpoint
	// RecvQ is the number of bytes that the program has not read yet; for a
	// listening socket, the number of connections that it has not accepted
	// (FieldQueues).
	RecvQ uint32
	// SendQ is the number of bytes that the peer has not acknowledged
	// (FieldQueues); for a listening socket, the limit of its accept queue
	// (FieldAcceptQueue).
	SendQ uint32
	UID   uint32 // FieldUID; 0 and not known for a socket without an owner
	// Inode identifies the socket in /proc/PID/fd; zero where no process can
	// hold the socket any more, such as TIME_WAIT.
	Inode uint64
	// PeerInode is the inode of the other end of a unix socket.
	PeerInode uint64

	// Known tells which of the following hold a value.
	Known     Fields
	Cookie    uint64  // FieldCookie: unique for the time this host is up
	Interface uint32  // FieldInterface: index of the interface it is bound to, 0 for none
	Timer     Timer   // FieldTimer
	Mark      uint32  // FieldMark
	Cgroup    uint64  // FieldCgroup: inode of the cgroup2 directory
	V6Only    bool    // FieldV6Only: an IPv6 listener that takes no IPv4
	Memory    Memory  // FieldMemory
	TCPInfo   TCPInfo // FieldTCPInfo
}

// KnowsSendQ reports whether SendQ holds a value: for a listening socket the
// limit of its accept queue, else what is queued.
func (s *Socket) KnowsSendQ() bool {
	if s.State == Listen {
		return s.Known.Has(FieldAcceptQueue)
	}
	return s.Known.Has(FieldQueues)
}

// HasOwner reports whether a process can hold the socket. Minisockets
// (TIME_WAIT, SYN_RECV) and orphans have no inode, and their uid of zero does
// not mean root.
func (s *Socket) HasOwner() bool { return s.Inode != 0 }

// loopbackDevice is the index of lo in every network namespace
// (include/net/flow.h, LOOPBACK_IFINDEX).
const loopbackDevice = 1

// OnLoopback reports whether the socket is known to be reachable from this host
// alone: by its local address, or because it is bound to device lo. Where
// FieldInterface is not known, false for another address proves nothing.
func (s *Socket) OnLoopback() bool {
	return s.Local.IsLoopback() || s.Known.Has(FieldInterface) && s.Interface == loopbackDevice
}

// A Type is the type of a unix or packet socket (SOCK_STREAM and so on).
type Type uint8

// The socket types that occur (include/linux/net.h).
const (
	Stream    Type = 1
	Datagram  Type = 2
	RawType   Type = 3
	Seqpacket Type = 5
)

// String returns the short name that ss(8) appends to "u_" and "p_".
func (t Type) String() string {
	switch t {
	case Stream:
		return "str"
	case Datagram:
		return "dgr"
	case RawType:
		return "raw"
	case Seqpacket:
		return "seq"
	default:
		return ""
	}
}

// NetID returns the first column of ss(8): tcp, udp, u_str, p_raw ...
func (s *Socket) NetID() string {
	switch s.Protocol {
	case Unix:
		return "u_" + s.Type.String()
	case Packet:
		return "p_" + s.Type.String()
	default:
		return s.Protocol.String()
	}
}

// Memory is what SK_MEMINFO tells about a socket, in bytes
// (include/uapi/linux/sock_diag.h); Drops counts packets.
type Memory struct {
	RecvAllocated, RecvBuffer uint32
	SendAllocated, SendBuffer uint32
	Forward, SendQueued       uint32
	Option, Backlog           uint32
	Drops                     uint32
}
