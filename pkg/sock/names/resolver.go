package names

import (
	"errors"
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// ErrHostsOff is a host name where only addresses are taken.
var ErrHostsOff = errors.New("host names are not looked up unless --resolve is given: use an address")

// A Resolver answers the questions of a filter about names (filter.Resolver). The
// zero value knows the services and cgroups of this host, and no hosts.
type Resolver struct {
	// Files is where /proc is, for the mounted cgroups.
	Files kernfs.FS
	// Services are the names of ports; nil means those of [ServicesFile].
	Services *Services
	// Protocol is whose ports services are looked up for; empty means "tcp".
	Protocol string
	// LookupHost finds the addresses of a host; nil means [ErrHostsOff].
	LookupHost func(name string) ([]netip.Addr, error)
	// Cgroups are the cgroups; nil means to look for the mounted ones.
	Cgroups *owner.Cgroups
}

// Service is the port of a service.
func (r *Resolver) Service(name string) (uint16, error) {
	if r.Services == nil {
		r.Services = NewServices("")
	}
	protocol := r.Protocol
	if protocol == "" {
		protocol = "tcp"
	}
	return r.Services.Port(name, protocol)
}

// Host are the addresses of a host.
func (r *Resolver) Host(name string) ([]netip.Addr, error) {
	if r.LookupHost == nil {
		return nil, ErrHostsOff
	}
	addrs, err := r.LookupHost(name)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, err
}

// Interface is the index of a network interface in the network namespace of the
// thread that asks.
func (r *Resolver) Interface(name string) (uint32, error) {
	return InterfaceIndex(name)
}

// Cgroup is the number of the cgroup at a path.
func (r *Resolver) Cgroup(path string) (uint64, error) {
	if r.Cgroups == nil {
		groups, err := owner.OpenCgroups(r.Files)
		if err != nil {
			return 0, err
		}
		r.Cgroups = groups
	}
	return r.Cgroups.ID(path)
}
