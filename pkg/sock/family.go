package sock

// A Family tells IPv4 from IPv6 by the addresses that are in use: a v4 client
// of a dual-stack listener is IPv4, although the kernel keeps its socket in
// the AF_INET6 table (see Socket.Mapped).
type Family uint8

// The families. NoFamily is that of unix and packet sockets.
const (
	NoFamily Family = iota
	IPv4
	IPv6
)

// String returns "ipv4", "ipv6" or "none".
func (f Family) String() string {
	switch f {
	case IPv4:
		return "ipv4"
	case IPv6:
		return "ipv6"
	default:
		return "none"
	}
}

// Families is a set of families; the zero value selects every family, those
// without addresses included.
type Families uint8

// Set returns the set with f added.
func (s Families) Set(f Family) Families { return s | 1<<f }

// Has reports whether the set selects f.
func (s Families) Has(f Family) bool { return s == 0 || s&(1<<f) != 0 }
