package main

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
)

// flowSelection are the options that select flows. Addresses and ports are
// those of the original direction, as the first packet had them; the reply's
// differ where NAT is at work.
type flowSelection struct {
	Protocol   []string `long:"protocol" unquote:"false" value-name:"P" description:"tcp, udp, icmp, icmpv6, sctp, dccp, udplite, gre, esp, ah, igmp or a number"`
	State      []string `long:"state" unquote:"false" value-name:"STATE" description:"none, syn_sent, syn_recv, established, fin_wait, close_wait, last_ack, time_wait or close (TCP, as in conntrack(8))"`
	Src        []string `long:"src" unquote:"false" value-name:"ADDR[/LEN]" description:"address or network that opened the flow"`
	Dst        []string `long:"dst" unquote:"false" value-name:"ADDR[/LEN]" description:"address or network that it was opened to"`
	Sport      []string `long:"sport" unquote:"false" value-name:"PORT" description:"port, service name or range that opened the flow"`
	Dport      []string `long:"dport" unquote:"false" value-name:"PORT" description:"port that it was opened to: 443, https, 8000-8080 or 80,443"`
	ReplySrc   []string `long:"reply-src" unquote:"false" value-name:"ADDR[/LEN]" description:"address that answers; differs from --dst under NAT"`
	ReplyDst   []string `long:"reply-dst" unquote:"false" value-name:"ADDR[/LEN]" description:"address that answers go to; differs from --src under NAT"`
	ReplySport []string `long:"reply-sport" unquote:"false" value-name:"PORT" description:"port that answers"`
	ReplyDport []string `long:"reply-dport" unquote:"false" value-name:"PORT" description:"port that answers go to"`
	Mark       []string `long:"mark" unquote:"false" value-name:"VALUE[/MASK]" description:"connection mark"`
	Zone       []string `long:"zone" unquote:"false" value-name:"N" description:"conntrack zone"`
	Status     []string `long:"status" unquote:"false" value-name:"STATUS" description:"assured, seen_reply, unreplied, expected, fixed_timeout or offload; several must all hold"`
	IPv4       bool     `short:"4" long:"ipv4" description:"only IPv4 flows"`
	IPv6       bool     `short:"6" long:"ipv6" description:"only IPv6 flows"`
}

// filter reads the options.
func (o *flowSelection) filter() (*conntrack.Filter, error) {
	f := &conntrack.Filter{}
	for _, read := range []func(*conntrack.Filter) error{o.kinds, o.addresses, o.ports, o.tags} {
		if err := read(f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// kinds reads what a flow is: family, protocol, state.
func (o *flowSelection) kinds(f *conntrack.Filter) (err error) {
	switch {
	case o.IPv4 && !o.IPv6:
		f.Family = conntrack.IPv4
	case o.IPv6 && !o.IPv4:
		f.Family = conntrack.IPv6
	}
	if f.Protocols, err = values("--protocol", o.Protocol, conntrack.ParseProtocol); err != nil {
		return err
	}
	states, err := values("--state", o.State, conntrack.ParseState)
	if err != nil {
		return err
	}
	f.States = conntrack.SetOfStates(states...)
	if len(states) > 0 && len(f.Protocols) > 0 && !slices.Contains(f.Protocols, conntrack.TCP) {
		return plugin.Usagef("--state is a state of TCP, and --protocol %s leaves TCP out: leave one of them away", strings.Join(o.Protocol, ","))
	}
	return nil
}

func (o *flowSelection) addresses(f *conntrack.Filter) (err error) {
	var written string
	left := familiesOf(f.Family)
	for _, option := range []struct {
		name  string
		words []string
		to    *[]netip.Prefix
	}{
		{"--src", o.Src, &f.Src}, {"--dst", o.Dst, &f.Dst},
		{"--reply-src", o.ReplySrc, &f.ReplySrc}, {"--reply-dst", o.ReplyDst, &f.ReplyDst},
	} {
		if *option.to, err = values(option.name, option.words, conntrack.ParsePrefix); err != nil {
			return err
		}
		this := families{v4: len(*option.to) == 0, v6: len(*option.to) == 0}
		for _, p := range *option.to {
			this = families{v4: this.v4 || p.Addr().Is4(), v6: this.v6 || !p.Addr().Is4()}
		}
		text := option.name + " " + quote.Line(strings.Join(plugin.Words(option.words), ","))
		switch both := (families{v4: left.v4 && this.v4, v6: left.v6 && this.v6}); {
		case both != families{}:
			if both != left {
				written = text
			}
			left = both
		case written == "":
			return plugin.Usagef("%s is of the family that --ipv4 or --ipv6 leaves out: leave one of them away", text)
		default:
			return plugin.Usagef("%s and %s are of two families: no flow has addresses of both", written, text)
		}
	}
	return nil
}

// families tells of which families the addresses of a flow can be. All four are of
// one.
type families struct{ v4, v6 bool }

func familiesOf(f conntrack.Family) families {
	return families{v4: f != conntrack.IPv6, v6: f != conntrack.IPv4}
}

func all[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(v T) bool { return !holds(v) })
}

func (o *flowSelection) ports(f *conntrack.Filter) (err error) {
	for _, option := range []struct {
		name  string
		words []string
		to    *[]conntrack.PortRange
	}{
		{"--sport", o.Sport, &f.SrcPorts}, {"--dport", o.Dport, &f.DstPorts},
		{"--reply-sport", o.ReplySport, &f.ReplySrcPorts}, {"--reply-dport", o.ReplyDport, &f.ReplyDstPorts},
	} {
		parse := func(word string) (conntrack.PortRange, error) { return parsePort(word, f.Protocols) }
		if *option.to, err = values(option.name, option.words, parse); err != nil {
			return err
		}
		portless := func(p conntrack.Protocol) bool { return !p.HasPorts() }
		if len(*option.to) > 0 && len(f.Protocols) > 0 && all(f.Protocols, portless) {
			return plugin.Usagef("%s: --protocol %s has no ports: leave one of them away", option.name, strings.Join(o.Protocol, ","))
		}
	}
	return nil
}

// parsePort reads a port, a range or the name of a service.
func parsePort(word string, protocols []conntrack.Protocol) (conntrack.PortRange, error) {
	if word[0] < '0' || word[0] > '9' {
		protocol := "tcp"
		if len(protocols) > 0 {
			protocol = protocols[0].String()
		}
		port, err := names.NewServices("").Port(word, protocol)
		if err != nil {
			return conntrack.PortRange{}, plugin.Usagef("%s is no port: %w, or a range such as 8000-8080", quote.Text(word), err)
		}
		return conntrack.PortRange{First: port, Last: port}, nil
	}
	return conntrack.ParsePortRange(word)
}

// tags reads what was noted on a flow: mark, zone, status.
func (o *flowSelection) tags(f *conntrack.Filter) (err error) {
	if f.Marks, err = values("--mark", o.Mark, conntrack.ParseMark); err != nil {
		return err
	}
	if f.Zones, err = values("--zone", o.Zone, parseZone); err != nil {
		return err
	}
	terms, err := values("--status", o.Status, conntrack.ParseStatus)
	for _, term := range terms {
		if err == nil {
			f.Status, err = f.Status.And(term)
		}
	}
	if err != nil {
		return plugin.Usagef("%w", err)
	}
	return nil
}

func parseZone(word string) (uint16, error) {
	n, err := strconv.ParseUint(word, 10, 16)
	if err != nil {
		return 0, plugin.Usagef("%s is no zone: use a number from 0 to 65535", quote.Text(word))
	}
	return uint16(n), nil
}

// values reads each value of an option.
func values[T any](option string, texts []string, parse func(string) (T, error)) ([]T, error) {
	var all []T
	for _, word := range plugin.Words(texts) {
		v, err := parse(word)
		if err != nil {
			return nil, plugin.Usagef("%s: %w", option, err)
		}
		all = append(all, v)
	}
	return all, nil
}
