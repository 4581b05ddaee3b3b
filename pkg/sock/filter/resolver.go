package filter

import "net/netip"

// A Resolver turns the names in a filter into numbers. Its errors become part
// of the SyntaxError; they need not repeat the name.
type Resolver interface {
	// Service returns the port of a service, for the protocols in question.
	Service(name string) (port uint16, err error)
	// Host returns the addresses of a host.
	Host(name string) ([]netip.Addr, error)
	// Interface returns the index of a network interface.
	Interface(name string) (index uint32, err error)
	// Cgroup returns the inode of a control group's directory (version 2).
	// ss takes a path in the file system, such as /sys/fs/cgroup/user.slice,
	// and prints one from the root of the hierarchy, such as /user.slice.
	Cgroup(path string) (id uint64, err error)
}
