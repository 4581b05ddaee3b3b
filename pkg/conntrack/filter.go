package conntrack

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A Filter selects flows. The values of one field are alternatives, and every
// field that is set must hold. The zero value selects everything.
type Filter struct {
	Family    Family
	Protocols []Protocol
	States    StateSet   // TCP only: with a state, other protocols are out
	Status    StatusTerm // the zero value asks for nothing

	Src, Dst, ReplySrc, ReplyDst                     []netip.Prefix
	SrcPorts, DstPorts, ReplySrcPorts, ReplyDstPorts []PortRange

	Marks []Mark
	Zones []uint16
}

// A PortRange is the ports from First to Last, both included.
type PortRange struct{ First, Last uint16 }

// Contains says whether the port is in the range.
func (r PortRange) Contains(port uint16) bool { return r.First <= port && port <= r.Last }

// A Mark matches marks that equal Value in the bits of Mask.
type Mark struct{ Value, Mask uint32 }

// Matches says whether the mark is selected.
func (m Mark) Matches(mark uint32) bool { return mark&m.Mask == m.Value&m.Mask }

// IsZero says that the filter selects everything.
func (f *Filter) IsZero() bool {
	return f.Family == AnyFamily && f.States == 0 && f.Status == StatusTerm{} &&
		len(f.Protocols)+len(f.Marks)+len(f.Zones) == 0 &&
		len(f.Src)+len(f.Dst)+len(f.ReplySrc)+len(f.ReplyDst) == 0 && !f.wantsPorts()
}

func (f *Filter) wantsPorts() bool {
	return len(f.SrcPorts)+len(f.DstPorts)+len(f.ReplySrcPorts)+len(f.ReplyDstPorts) > 0
}

// Match says whether the filter selects the flow. It allocates nothing.
func (f *Filter) Match(flow *Flow) bool {
	return f.matchKind(flow) && f.matchTags(flow) && f.matchAddresses(flow) && f.matchPorts(flow)
}

func (f *Filter) matchKind(flow *Flow) bool {
	if f.Family != AnyFamily && f.Family != flow.Family {
		return false
	}
	if len(f.Protocols) > 0 && !slices.Contains(f.Protocols, flow.Protocol) {
		return false
	}
	return f.States == 0 || f.States.Has(flow.State)
}

func (f *Filter) matchTags(flow *Flow) bool {
	if f.Status.Mask != 0 && !(flow.StatusKnown && f.Status.Matches(flow.Status)) {
		return false
	}
	if len(f.Zones) > 0 && !slices.Contains(f.Zones, flow.Zone) {
		return false
	}
	if len(f.Marks) == 0 {
		return true
	}
	for _, m := range f.Marks {
		if m.Matches(flow.Mark) {
			return true
		}
	}
	return false
}

func (f *Filter) matchAddresses(flow *Flow) bool {
	return anyPrefix(f.Src, flow.Original.Src) && anyPrefix(f.Dst, flow.Original.Dst) &&
		anyPrefix(f.ReplySrc, flow.Reply.Src) && anyPrefix(f.ReplyDst, flow.Reply.Dst)
}

func (f *Filter) matchPorts(flow *Flow) bool {
	if !f.wantsPorts() {
		return true
	}
	return flow.Protocol.HasPorts() &&
		anyPort(f.SrcPorts, flow.Original.SrcPort) && anyPort(f.DstPorts, flow.Original.DstPort) &&
		anyPort(f.ReplySrcPorts, flow.Reply.SrcPort) && anyPort(f.ReplyDstPorts, flow.Reply.DstPort)
}

func anyPrefix(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return len(prefixes) == 0
}

func anyPort(ranges []PortRange, port uint16) bool {
	for _, r := range ranges {
		if r.Contains(port) {
			return true
		}
	}
	return len(ranges) == 0
}

// ParsePortRange reads a port number or a range such as 8000-8080.
func ParsePortRange(s string) (PortRange, error) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if errA != nil || errB != nil || a > b {
		return PortRange{}, fmt.Errorf("bad port %s: use a number from 0 to 65535 or a range such as 8000-8080", quote.Text(s))
	}
	return PortRange{First: uint16(a), Last: uint16(b)}, nil
}

// ParseMark reads VALUE or VALUE/MASK, each decimal or hexadecimal after 0x.
// A value with bits outside of its mask could never match and is refused.
func ParseMark(s string) (Mark, error) {
	value, mask, masked := strings.Cut(s, "/")
	if !masked {
		mask = "0xffffffff"
	}
	v, errV := parseBits(value)
	m, errM := parseBits(mask)
	if errV != nil || errM != nil || v&^m != 0 {
		return Mark{}, fmt.Errorf("bad mark %s: use VALUE or VALUE/MASK, numbers of 32 bits such as 0x10/0xff, with no bit of VALUE outside of MASK", quote.Text(s))
	}
	return Mark{Value: uint32(v), Mask: uint32(m)}, nil
}

// parseBits reads a number of 32 bits, decimal or after 0x hexadecimal. A leading
// zero is refused: it means octal to conntrack(8) and nothing to others.
func parseBits(s string) (uint64, error) {
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		return strconv.ParseUint(hex, 16, 32)
	}
	if len(s) > 1 && s[0] == '0' {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(s, 10, 32)
}

// ParsePrefix reads an address, or a network as ADDR/LEN. Bits of ADDR beyond
// LEN are ignored, and an IPv4-mapped IPv6 address is the IPv4 address.
func ParsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("bad address %s: use an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1, or a network such as 192.0.2.0/24", quote.Text(s))
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}
