package main

import (
	"context"
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
}

// find looks for the holders of what a query selects.
func (o *owners) find(ctx context.Context, selected *selection.Selected, all bool) (err error) {
	o.found, err = selection.Holders(ctx, selected.Query, all)
	return err
}

// process returns the name of the process that holds a socket: of several the
// one with the lowest process id.
func (o *owners) process(s *sock.Socket) (string, ownership) {
	process, visibility := o.found.Lookup(s.Inode)
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
	name, ownership := o.process(s)
	if ownership != owned {
		return report.Text(ownerText(ownership, name))
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
	return []string{fmt.Sprintf("%d sockets belong to processes that may not be seen: %s", o.found.Missing(), o.found.Reason())}
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
