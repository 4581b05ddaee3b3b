package sockdiag

import (
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// A Request says which sockets are wanted. The zero value means every TCP
// socket.
type Request struct {
	Protocol sock.Protocol
	// Families selects by address: a v4 peer of a `::` listener is IPv4. The
	// zero value means all. Unix and packet sockets have no family.
	Families sock.Families
	// States are the wanted states; NoStates means all. LISTEN alone is
	// cheap, whatever else there is. BOUND-INACTIVE takes a walk of its own,
	// through a table of the whole host (some 0.3 ms and 0.1 us for each
	// socket): leave it out where nobody asks.
	States sock.StateSet
	// LocalPort and PeerPort select one port each; 0 means any. They are
	// cheaper than the same condition in Filter. For raw sockets LocalPort is
	// the IP protocol number.
	LocalPort, PeerPort uint16
	// Filter is a condition that a socket has to match; nil means all do.
	Filter filter.Expr
	// Want are the optional parts to ask for. FieldMemory and FieldTCPInfo
	// make the kernel's answer longer; the others cost a little decoding.
	// Without CAP_NET_ADMIN, FieldMark stays unknown.
	Want sock.Fields
	// NoBytecode keeps Filter from the kernel, to be matched here: it is for
	// tests, and for nothing that asks for autobound.
	NoBytecode bool
}

// Stats tell how a dump went.
type Stats struct {
	Walks    int  // dumps that the kernel was asked for
	OneWalk  bool // both address families came in one walk (TCPDIAG_GETSOCK)
	Received int  // rows that the kernel sent
	Rows     int  // rows that were yielded
	Retries  int  // requests that the kernel refused and that were made in an older form
	// Bytecode tells that the kernel decided at least a part of the filter,
	// and Rest is what was matched here, nil for nothing.
	Bytecode bool
	Rest     filter.Expr
}

// A walk is one dump request: what the kernel is asked for.
type walk struct {
	kind   uint16 // netlink message type
	family uint8
	// byAddress narrows the walk to one family by address: NoFamily for none.
	byAddress sock.Family
}

// Netlink message types of requests (include/uapi/linux/{sock_diag,inet_diag}.h).
const (
	getTCP      = 18 // TCPDIAG_GETSOCK
	getByFamily = 20 // SOCK_DIAG_BY_FAMILY
)

// Address families, in Linux's numbering on every architecture.
const (
	familyUnspec = 0
	familyUnix   = 1
	familyInet   = 2
	familyInet6  = 10
	familyPacket = 17
)

// states returns the wanted states in the kernel's form. The two numbers of
// SYN_RECV stand for each other.
func (r *Request) states() sock.StateSet {
	const newSynRecv = 12
	states := r.States
	if states == sock.NoStates {
		return sock.AllStates
	}
	if states&(1<<newSynRecv) != 0 {
		states |= sock.StatesOf(sock.SynRecv)
	}
	return states
}

// onlyFamily returns the one address family that is wanted, or NoFamily.
func (r *Request) onlyFamily() sock.Family {
	v4, v6 := r.Families.Has(sock.IPv4), r.Families.Has(sock.IPv6)
	switch {
	case v4 && !v6:
		return sock.IPv4
	case v6 && !v4:
		return sock.IPv6
	default:
		return sock.NoFamily
	}
}

// walks returns the dumps that make up the answer. Without legacy, the request
// that walks both families at once is not used.
func (r *Request) walks(legacy bool) []walk {
	switch r.Protocol {
	case sock.Unix, sock.Packet:
		if !r.Families.Has(sock.NoFamily) {
			return nil
		}
		family := uint8(familyUnix)
		if r.Protocol == sock.Packet {
			family = familyPacket
		}
		return []walk{{kind: getByFamily, family: family}}
	}
	only := r.onlyFamily()
	switch {
	case !r.Families.Has(sock.IPv4) && !r.Families.Has(sock.IPv6):
		return nil
	case only == sock.IPv6:
		return []walk{{getByFamily, familyInet6, only}}
	case legacy && r.Protocol == sock.TCP:
		return []walk{{getTCP, familyUnspec, only}}
	default:
		return []walk{{getByFamily, familyInet, sock.NoFamily}, {getByFamily, familyInet6, only}}
	}
}

// condition returns what the kernel's rows of a walk have to match.
func (r *Request) condition(w walk) filter.Expr {
	if w.byAddress == sock.NoFamily {
		return r.Filter
	}
	return filter.All(byAddress(w.byAddress), r.Filter)
}

// byAddress is the condition for what setAddresses calls IPv4, or IPv6.
func byAddress(family sock.Family) filter.Expr {
	all := []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
	v4 := filter.Either(filter.Address(filter.Local, all), filter.Address(filter.Peer, all))
	if family == sock.IPv4 {
		return v4
	}
	return filter.Not{X: v4}
}

// compile divides the filter of a walk between the kernel and the caller.
func (r *Request) compile(w walk, bytecode bool) (code []byte, rest filter.Expr, err error) {
	e := r.condition(w)
	switch {
	case !bytecode || r.Protocol == sock.SCTP:
		rest = e
	default:
		code, rest = Compile(e)
	}
	if err := Undecidable(rest); err != nil {
		return nil, nil, err
	}
	if filter.Needs(rest).Has(sock.FieldMark) {
		// The kernel leaves marks out, silently, for those who may not see
		// them. A condition on the mark that always holds makes it refuse.
		anyMark := filter.Mark{}
		if len(code) == 0 {
			code, _ = Compile(anyMark)
		} else {
			code, _ = Compile(filter.All(anyMark, e))
		}
	}
	return code, rest, nil
}
