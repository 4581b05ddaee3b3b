package selection

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// contradiction finds selections that no socket can match, which are a
// mistake rather than a question. What a single filter says of itself is left
// alone, as in ss.
func (o *Options) contradiction(s *Selected, conditions []condition) error {
	switch {
	case o.IPv4 && o.IPv6:
	case o.IPv4:
		s.Families = s.Families.Set(sock.IPv4)
		conditions = slices.Concat([]condition{{"--ipv4", filter.ByAddress(sock.IPv4)}}, conditions)
	case o.IPv6:
		s.Families = s.Families.Set(sock.IPv6)
		conditions = slices.Concat([]condition{{"--ipv6", filter.ByAddress(sock.IPv6)}}, conditions)
	}
	if err := o.protocolContradiction(s); err != nil {
		return err
	}
	for i, c := range conditions {
		if err := kindContradiction(c, s.Tables); err != nil {
			return err
		}
		for _, other := range conditions[:i] {
			if filter.Disjoint(other.expr, c.expr) {
				return plugin.Usagef("%s contradicts %s: no socket has both", c.option, other.option)
			}
		}
	}
	return nil
}

// protocolContradiction finds options about what sockets of no selected protocol
// have. Of several protocols, those whose sockets lack it select nothing.
func (o *Options) protocolContradiction(s *Selected) error {
	internet := func(t scan.Table) bool { return t.Protocol.Internet() }
	for _, property := range []struct {
		options []string // that were given
		lacking string
		has     func(scan.Table) bool
	}{
		{written(len(s.Ports) > 0, "--port", len(s.PeerPorts) > 0, "--peer-port"), "ports", func(t scan.Table) bool { return t.Protocol.HasPorts() }},
		{written(set(o.Peer), "--peer", set(o.Local), "--local"), "IP addresses", internet},
		{written(o.IPv4 && s.Families != 0, "--ipv4", o.IPv6 && s.Families != 0, "--ipv6"), "IP addresses", internet},
	} {
		if len(property.options) == 0 {
			continue
		}
		var having []scan.Table
		var names []string
		for _, t := range s.Tables {
			names = append(names, t.Protocol.String())
			if property.has(t) {
				having = append(having, t)
			}
		}
		if len(having) == 0 {
			contradict := "contradicts"
			if len(property.options) > 1 {
				contradict = "contradict"
			}
			return plugin.Usagef("%s %s --protocol %s: its sockets have no %s", strings.Join(property.options, " and "),
				contradict, strings.Join(names, ","), property.lacking)
		}
		s.Tables = having
	}
	return nil
}

// kindContradiction finds a condition on sockets of a kind that no table of
// the selection has.
func kindContradiction(c condition, tables []scan.Table) error {
	if c.expr == nil {
		return nil
	}
	internet, unix, packet := filter.Kinds(c.expr)
	if !internet && !unix && !packet {
		return nil // contradicts itself
	}
	for _, t := range tables {
		switch p := t.Protocol; {
		case p == sock.Unix && unix, p == sock.Packet && packet, p.Internet() && internet:
			return nil
		}
	}
	kind, protocol := "internet", "tcp, udp or another of them"
	switch {
	case unix:
		kind, protocol = "unix", "unix"
	case packet:
		kind, protocol = "packet", "packet"
	}
	return plugin.Usagef("%s is about %s sockets: give --protocol %s with it", c.option, kind, protocol)
}

// stateContradiction finds states that no socket of the protocols is ever in.
// NoStates is the default of each protocol.
func stateContradiction(protocols []sock.Protocol, states sock.StateSet) error {
	if states == sock.NoStates {
		return nil
	}
	var names []string
	possible := sock.NoStates
	for _, p := range protocols {
		names = append(names, p.String())
		possible |= statesOf(p)
	}
	if states&possible != 0 {
		return nil
	}
	return plugin.Usagef("--protocol %s: no %s socket is ever in the state %s, only in %s", strings.Join(names, ","),
		strings.Join(names, " or "), either(states), either(possible))
}

func either(states sock.StateSet) string { return strings.ReplaceAll(fmt.Sprint(states), ",", " or ") }

// statesOf returns the states that the kernel gives to sockets of a protocol.
func statesOf(p sock.Protocol) sock.StateSet {
	switch p {
	case sock.UDP, sock.UDPLite, sock.Raw:
		return sock.StatesOf(sock.Established, sock.Close)
	case sock.Unix:
		return sock.StatesOf(sock.Established, sock.Close, sock.Listen)
	case sock.Packet:
		return sock.StatesOf(sock.Close)
	default:
		return sock.AllStates
	}
}

// written are the options of two that were given.
func written(first bool, firstName string, second bool, secondName string) []string {
	var names []string
	if first {
		names = append(names, firstName)
	}
	if second {
		names = append(names, secondName)
	}
	return names
}
