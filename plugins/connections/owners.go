package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// owners knows who holds the selected sockets. Nobody is looked for before
// find is called.
type owners struct {
	host  *selection.Host
	found *owner.Owners
	// devices are the names of interfaces by index: in a VRF every socket has one.
	devices map[uint32]string
	// noCgroups is why no cgroup has a name here.
	noCgroups error
}

// find looks for every holder of what a query selects.
func (o *owners) find(ctx context.Context, selected *selection.Selected) (err error) {
	o.found, err = selection.Holders(ctx, selected.Query, true)
	return err
}

// process returns the name of the process that holds a socket: of several the
// one with the lowest process id.
func (o *owners) process(inode uint64) (string, ownership) {
	if o.found == nil {
		return "", notAsked
	}
	process, visibility := o.found.Lookup(inode)
	switch visibility {
	case owner.Held:
		return process.Name, owned
	case owner.Unseen:
		return "", unseen
	default:
		return "", unowned
	}
}

// cell lists every process that holds a socket.
func (o *owners) cell(s *sock.Socket) report.Cell {
	if _, ownership := o.process(s.Inode); ownership != owned {
		return report.Text(ownership.pseudo())
	}
	var holders []report.Cell
	for p := range o.found.Holders(s.Inode) {
		holders = append(holders, report.Record(fmt.Sprintf("%s(%d)", p.Name, p.PID),
			report.Member{Key: "name", Cell: report.Text(p.Name)},
			report.Member{Key: "pid", Cell: report.Uint(p.PID)}))
	}
	return report.List(holders...)
}

// notes says why holders could not be seen.
func (o *owners) notes() []string {
	if o.found == nil || o.found.Missing() == 0 || !o.found.Blind() {
		return nil
	}
	return []string{o.whyUnseen(uint64(o.found.Missing()), byProcess)}
}

// membership returns the number of a socket's cgroup.
func (o *owners) membership(s *sock.Socket) (uint64, ownership) {
	switch {
	case !s.Known.Has(sock.FieldCgroup) || s.Cgroup == 0:
		return 0, unowned
	case o.noCgroups != nil:
		return 0, unseen
	default:
		return s.Cgroup, owned
	}
}

// whyUnseen says in a sentence why n sockets are in the group unseen, and what
// helps.
func (o *owners) whyUnseen(n uint64, d dimension) string {
	if d == byCgroup {
		text := fmt.Sprintf("%s of cgroups that may not be seen: %v", plural(n, "unseen: it is", "unseen: they are"), o.noCgroups)
		if errors.Is(o.noCgroups, owner.ErrNoCgroups) {
			text += " (ip netns exec hides it, --netns does not)"
		}
		return text
	}
	return fmt.Sprintf("%s to processes that may not be seen: %s", plural(n, "unseen: it belongs", "unseen: they belong"), o.found.Reason())
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (o *owners) user(uid uint32) string { return o.host.Users.Name(uid) }

func (o *owners) cgroup(id uint64) string { return o.host.CgroupPath(id) }

// service returns the name of a port, which may be known for one protocol alone.
func (o *owners) service(p sock.Protocol, port uint16) string {
	switch p {
	case sock.UDP, sock.UDPLite:
		return o.host.Services.Name(port, "udp")
	case sock.SCTP, sock.DCCP:
		return o.host.Services.Name(port, p.String())
	default:
		return o.host.Services.Name(port, "tcp")
	}
}

func (o *owners) device(index uint32) string {
	name, ok := o.devices[index]
	if !ok {
		if o.devices == nil {
			o.devices = map[uint32]string{}
		}
		name = o.host.InterfaceName(index)
		o.devices[index] = name
	}
	return name
}
