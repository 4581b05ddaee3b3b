package selection

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// A Host knows the names of this host: users, services, interfaces, cgroups.
// Nothing is read before the first question.
type Host struct {
	names.Resolver
	Users *owner.Users
	// NetNS is the network namespace whose interfaces are meant.
	NetNS netns.Ref
}

func newHost(root kernfs.FS, resolve bool) *Host {
	h := &Host{
		Resolver: names.Resolver{Files: root, Services: names.NewServices("")},
		Users:    owner.NewUsers(""),
	}
	if resolve {
		h.LookupHost = lookupHost
	}
	return h
}

func lookupHost(name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(context.Background(), "ip", name)
}

// Interface returns the index of an interface in the namespace that is looked
// into. A number that is no interface's name is taken for an index.
func (h *Host) Interface(name string) (index uint32, err error) {
	err = h.inside(func() error {
		index, err = h.Resolver.Interface(name)
		return err
	})
	if n, parseErr := strconv.ParseUint(name, 10, 32); err != nil && parseErr == nil {
		return uint32(n), nil
	}
	return index, err
}

// InterfaceName returns the name of the interface with an index, and the index
// where it cannot be found.
func (h *Host) InterfaceName(index uint32) (name string) {
	err := h.inside(func() (err error) {
		name, err = names.InterfaceName(index)
		return err
	})
	if err != nil {
		return strconv.FormatUint(uint64(index), 10)
	}
	return name
}

// inside calls ask in the namespace that is looked into.
func (h *Host) inside(ask func() error) error {
	if !h.NetNS.IsSet() {
		return ask()
	}
	ns, err := h.NetNS.Open(h.Files.ProcRoot())
	if err != nil {
		return err
	}
	defer ns.Close()
	return ns.Do(ask)
}

// cgroups finds the mounted cgroups once.
func (h *Host) cgroups() (*owner.Cgroups, error) {
	if h.Cgroups == nil {
		found, err := owner.OpenCgroups(h.Files)
		if err != nil {
			return nil, err
		}
		h.Cgroups = found
	}
	return h.Cgroups, nil
}

// FindCgroups reports why cgroups have no paths here, such as
// [owner.ErrNoCgroups], and nil where they have.
func (h *Host) FindCgroups() error {
	_, err := h.cgroups()
	return err
}

// cgroupsLike returns a condition for every cgroup whose path a glob matches.
func (h *Host) cgroupsLike(glob string) ([]filter.Expr, error) {
	mounted, err := h.cgroups()
	if err != nil {
		return nil, err
	}
	ids, err := mounted.IDs(glob)
	if err != nil {
		return nil, err
	}
	any := make([]filter.Expr, len(ids))
	for i, id := range ids {
		any[i] = filter.Cgroup{ID: id, Path: mounted.Path(id)}
	}
	return any, nil
}

// CgroupPath returns the path of a cgroup, or "unreachable:" and its number in
// hex, as ss(8) writes it, where it cannot be found.
func (h *Host) CgroupPath(id uint64) string {
	mounted, err := h.cgroups()
	if err != nil {
		return "unreachable:" + strconv.FormatUint(id, 16)
	}
	return mounted.Path(id)
}
