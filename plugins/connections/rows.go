package main

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// errStopped ends an enumeration whose reader has gone.
var errStopped = errors.New("stopped")

func upper(s string) string { return strings.ToUpper(s) }

// columns are the columns of the list. A person gets address and port joined,
// as ss shows them; JSON and CSV get them apart, with everything else.
func (l *listing) columns(detailed bool) []report.Column {
	if detailed {
		return []report.Column{
			{Key: "netid"}, {Key: "state"}, {Key: "recv_q"}, {Key: "send_q"},
			{Key: "local_address"}, {Key: "local_port"}, {Key: "peer_address"}, {Key: "peer_port"},
			{Key: "interface"}, {Key: "timer"}, {Key: "uid"}, {Key: "user"}, {Key: "inode"},
			{Key: "cookie"}, {Key: "mark"}, {Key: "cgroup"}, {Key: "process"},
		}
	}
	columns := []report.Column{
		{Key: "netid", Title: "NETID"},
		{Key: "state", Title: "STATE"},
		{Key: "recv_q", Title: "RECV-Q", Right: true},
		{Key: "send_q", Title: "SEND-Q", Right: true},
		{Key: "local", Title: "LOCAL"},
		{Key: "peer", Title: "PEER"},
	}
	if l.Timers {
		columns = append(columns, report.Column{Key: "timer", Title: "TIMER"})
	}
	if l.Processes {
		columns = append(columns, report.Column{Key: "process", Title: "PROCESS"})
	}
	return columns
}

// socketRows turns sockets into cells, reusing one row.
type socketRows struct {
	owners   *owners
	detailed bool
	timers   bool
	services bool
	row      []report.Cell
}

func (r *socketRows) cells(rows iter.Seq2[*sock.Socket, error]) iter.Seq2[[]report.Cell, error] {
	return func(yield func([]report.Cell, error) bool) {
		for s, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			r.row = r.cellsOf(s, r.row[:0])
			if !yield(r.row, nil) {
				return
			}
		}
	}
}

// cellsOf appends the cells of one socket, in the order of columns.
func (r *socketRows) cellsOf(s *sock.Socket, row []report.Cell) []report.Cell {
	row = append(row,
		report.Text(s.NetID()), report.Text(s.State.String()),
		orNull(s.Known.Has(sock.FieldQueues), report.Uint(s.RecvQ)), orNull(s.KnowsSendQ(), report.Uint(s.SendQ)))
	if r.detailed {
		return r.details(s, row)
	}
	row = append(row, report.Text(r.joined(s, s.Local, s.Inode, s.Interface)), report.Text(r.joined(s, s.Peer, s.PeerInode, 0)))
	if r.timers {
		row = append(row, r.timer(s))
	}
	if r.owners.found != nil {
		row = append(row, r.owners.cell(s))
	}
	return row
}

func (r *socketRows) details(s *sock.Socket, row []report.Cell) []report.Cell {
	localAddress, localPort := r.apart(s, s.Local, s.Inode)
	peerAddress, peerPort := r.apart(s, s.Peer, s.PeerInode)
	return append(row, localAddress, localPort, peerAddress, peerPort,
		r.device(s), r.timer(s), r.uid(s), r.user(s), orNull(s.Inode != 0, report.Uint(s.Inode)),
		orNull(s.Known.Has(sock.FieldCookie), report.Text(strconv.FormatUint(s.Cookie, 16))),
		orNull(s.Known.Has(sock.FieldMark), report.Uint(s.Mark)),
		r.cgroup(s), r.process(s))
}

func orNull(known bool, cell report.Cell) report.Cell {
	if !known {
		return report.Null()
	}
	return cell
}

// joined is an endpoint as ss shows it, with the device that it is bound to, 0
// for none. A unix socket's inode stands in the place of the port.
func (r *socketRows) joined(s *sock.Socket, e sock.Endpoint, inode uint64, device uint32) string {
	if !s.Protocol.Internet() {
		name := e.Name
		if name == "" {
			name = "*"
		}
		if s.Protocol == sock.Unix {
			return name + " " + strconv.FormatUint(inode, 10)
		}
		return name
	}
	var b [64]byte
	text := appendAddress(b[:0], e.Addr())
	if device != 0 {
		text = append(append(text, '%'), r.owners.device(device)...)
	}
	text = append(text, ':')
	switch port := e.Port(); {
	case port == 0:
		text = append(text, '*')
	case r.services:
		text = append(text, r.owners.service(s.Protocol, port)...)
	default:
		text = strconv.AppendUint(text, uint64(port), 10)
	}
	return string(text)
}

func appendAddress(b []byte, a netip.Addr) []byte {
	switch {
	case !a.IsValid():
		return append(b, '*')
	case a.Is6():
		return append(a.AppendTo(append(b, '[')), ']')
	default:
		return a.AppendTo(b)
	}
}

// apart are address and port of an endpoint, null where it has none.
func (r *socketRows) apart(s *sock.Socket, e sock.Endpoint, inode uint64) (address, port report.Cell) {
	if !s.Protocol.Internet() {
		address = orNull(e.Name != "", report.Text(e.Name))
		return address, orNull(inode != 0 && s.Protocol == sock.Unix, report.Uint(inode))
	}
	return orNull(e.Addr().IsValid(), report.Text(e.Addr().String())), report.Uint(e.Port())
}

func (r *socketRows) device(s *sock.Socket) report.Cell {
	if !s.Known.Has(sock.FieldInterface) || s.Interface == 0 {
		return report.Null()
	}
	return report.Text(r.owners.device(s.Interface))
}

func (r *socketRows) timer(s *sock.Socket) report.Cell {
	if !s.Known.Has(sock.FieldTimer) || s.Timer.Kind == sock.TimerOff {
		return report.Null()
	}
	return report.Text(fmt.Sprintf("%s,%s,%d", s.Timer.Kind, s.Timer.Expires.Round(time.Millisecond), s.Timer.Retransmits))
}

func (r *socketRows) uid(s *sock.Socket) report.Cell {
	return orNull(s.HasOwner() && s.Known.Has(sock.FieldUID), report.Uint(s.UID))
}

func (r *socketRows) user(s *sock.Socket) report.Cell {
	if !s.HasOwner() || !s.Known.Has(sock.FieldUID) {
		return report.Null()
	}
	return report.Text(r.owners.user(s.UID))
}

func (r *socketRows) cgroup(s *sock.Socket) report.Cell {
	if !s.Known.Has(sock.FieldCgroup) || s.Cgroup == 0 {
		return report.Null()
	}
	return report.Text(r.owners.cgroup(s.Cgroup))
}

// process is null where nobody asked, and says so where nobody can hold the
// socket or its holder may not be seen.
func (r *socketRows) process(s *sock.Socket) report.Cell {
	if r.owners.found == nil {
		return report.Null()
	}
	return r.owners.cell(s)
}
