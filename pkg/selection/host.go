package selection

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// A Host knows the names of this host: users, services, interfaces, cgroups.
// Nothing is read before the first question.
type Host struct {
	names.Resolver
	Users *owner.Users
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
