package main

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A reach is what groups a selection can have, now or later. A threshold may
// name any of them, and none beyond: that is a slip of the pen which would
// never alarm.
type reach struct {
	selected *selection.Selected
	prefixes prefixes
}

// couldBe reports whether a label can be that of a group of the dimension.
func (r reach) couldBe(d dimension, label string) bool {
	switch label {
	case noneGroup:
		return !closed(d)
	case unseenGroup:
		return ofOwners(d)
	}
	switch d {
	case byPort:
		return isPort(r.selected.Ports)(strings.CutPrefix(label, "p"))
	case byPeerPort:
		return isPort(r.selected.PeerPorts)(strings.CutPrefix(label, "rp"))
	case byPeer:
		address, ok := report.AddressOfLabel(label)
		return ok && !address.IsUnspecified() && r.reaches(netip.PrefixFrom(address, address.BitLen()))
	case byNetwork:
		network, ok := report.NetworkOfLabel(label)
		return ok && network.Bits() == r.prefixes.of(network.Addr()) && r.reaches(network)
	case byProcess:
		return wellFormed(strings.CutPrefix(label, "proc_"))
	case byUser:
		return wellFormed(strings.CutPrefix(label, "user_"))
	case byCgroup:
		return wellFormed(strings.CutPrefix(label, "cg_"))
	default:
		return false
	}
}

// reaches reports whether the options let a peer of a network pass.
func (r reach) reaches(network netip.Prefix) bool {
	family := sock.IPv6
	if network.Addr().Is4() {
		family = sock.IPv4
	}
	if !r.selected.Families.Has(family) {
		return false
	}
	peers := r.selected.Peers
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p netip.Prefix) bool {
		return p.Bits() == 0 || p.Overlaps(network) || p.Addr().Is6() && network.Addr().Is4()
	})
}

// isPort returns what reads digits as one of the ports that options name.
func isPort(named []selection.PortRange) func(digits string, ok bool) bool {
	return func(digits string, ok bool) bool {
		n, err := strconv.ParseUint(digits, 10, 16)
		if !ok || err != nil || n == 0 || strconv.FormatUint(n, 10) != digits {
			return false
		}
		return len(named) == 0 || slices.ContainsFunc(named, func(r selection.PortRange) bool {
			return r.Low <= uint16(n) && uint16(n) <= r.High
		})
	}
}

func wellFormed(rest string, ok bool) bool {
	return ok && rest != "" && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// keyOf reads a label back into the name of its group, as far as it tells.
func keyOf(d dimension, label string) string {
	if address, ok := report.AddressOfLabel(label); ok {
		return address.String()
	}
	if network, ok := report.NetworkOfLabel(label); ok {
		return network.String()
	}
	for _, prefix := range []string{"proc_", "user_", "cg_", "rp", "p"} {
		rest, ok := strings.CutPrefix(label, prefix)
		switch {
		case ok && (d == byProcess || d == byUser):
			return ownName(prefix, rest)
		case ok:
			return rest
		}
	}
	return label
}

func labelExample(d dimension) string {
	switch d {
	case byPort:
		return "p443"
	case byPeerPort:
		return "rp443"
	case byPeer:
		return "ip_10_0_0_1"
	case byNetwork:
		return "net_10_0_0_0_24"
	case byProcess:
		return "proc_nginx"
	case byUser:
		return "user_nobody"
	default:
		return "cg_system_slice"
	}
}
