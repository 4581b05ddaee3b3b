package selection

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// Defaults are the states that are counted when none are named: for protocols
// whose sockets pass through the states of a connection, and for the others.
type Defaults struct{ Stateful, Stateless sock.StateSet }

// A Selected is what the options select.
type Selected struct {
	scan.Query
	// Ports and PeerPorts are the ports that options named, Peers the
	// addresses and networks.
	Ports, PeerPorts []PortRange
	Peers            []netip.Prefix
	// Host knows the names of users, services and cgroups.
	Host *Host
}

// Query reads the options.
func (o *Options) Query(ctx context.Context, call *plugin.Call, d Defaults) (*Selected, error) {
	root := kernfs.FromEnviron(call.Env.Getenv)
	selected := &Selected{Host: newHost(root, o.Resolve)}
	selected.Root = root
	if err := selected.place(call.Common()); err != nil {
		return nil, err
	}
	selected.Host.NetNS = selected.NetNS
	expr, states, err := o.expression(selected)
	if err != nil {
		return nil, err
	}
	selected.Filter = expr
	if err := o.tables(selected, states, d); err != nil {
		return nil, err
	}
	if err := o.contradiction(selected); err != nil {
		return nil, err
	}
	if set(o.Process) {
		return selected, selected.heldBy(ctx, plugin.Unsplit(o.Process))
	}
	return selected, nil
}

// place reads where to look: source and network namespace.
func (s *Selected) place(common *plugin.Common) error {
	var err error
	if s.Source, err = scan.ParseSource(common.Source); err != nil {
		return &plugin.UsageError{Sentence: "--source: " + err.Error(), Err: err}
	}
	if common.NetNS != "" {
		if s.NetNS, err = netns.Parse(common.NetNS); err != nil {
			return &plugin.UsageError{Sentence: "--netns: " + err.Error(), Err: err}
		}
	}
	return nil
}

// tables fills in the protocols and their states. inFilter are the states
// that a filter begins with.
func (o *Options) tables(s *Selected, inFilter sock.StateSet, d Defaults) error {
	protocols, err := o.protocols()
	if err != nil {
		return err
	}
	states, err := o.states()
	if err != nil {
		return err
	}
	if inFilter != sock.NoStates {
		if states != sock.NoStates && states&inFilter == 0 {
			return plugin.Usagef("--state and the state in --filter contradict each other: no socket is in %s and in %s", states, inFilter)
		}
		if states == sock.NoStates {
			states = sock.AllStates
		}
		states &= inFilter
	}
	for _, p := range protocols {
		table := scan.Table{Protocol: p, States: states}
		switch {
		case states != sock.NoStates:
		case p.HasStates():
			table.States = d.Stateful
		default:
			table.States = d.Stateless
		}
		s.Tables = append(s.Tables, table)
	}
	return nil
}

// expression joins every condition on a socket into one.
func (o *Options) expression(s *Selected) (filter.Expr, sock.StateSet, error) {
	var err error
	if s.Ports, err = Ports("--port", append(o.Port, o.LocalPort...), s.Host); err != nil {
		return nil, 0, err
	}
	if s.PeerPorts, err = Ports("--peer-port", o.PeerPort, s.Host); err != nil {
		return nil, 0, err
	}
	locals, err := Prefixes("--local", o.Local)
	if err != nil {
		return nil, 0, err
	}
	if s.Peers, err = Prefixes("--peer", o.Peer); err != nil {
		return nil, 0, err
	}
	conditions := []filter.Expr{
		anyPort(filter.Local, s.Ports), anyPort(filter.Peer, s.PeerPorts),
		filter.Address(filter.Local, locals), filter.Address(filter.Peer, s.Peers),
	}
	for _, read := range []func(*Selected) (filter.Expr, error){o.interfaces, o.users, o.cgroups} {
		condition, err := read(s)
		if err != nil {
			return nil, 0, err
		}
		conditions = append(conditions, condition)
	}
	mark, err := marks(o.Mark)
	if err != nil {
		return nil, 0, err
	}
	written, states, err := o.filters(s)
	if err != nil {
		return nil, 0, err
	}
	expr, err := s.narrowed(filter.All(append(conditions, mark, written)...))
	return expr, states, err
}

// narrowed adds the range of local ports to a condition on autobound sockets:
// to the kernel every socket is autobound whose program did not bind it,
// accepted connections too, and ss holds that against the range.
func (s *Selected) narrowed(e filter.Expr) (filter.Expr, error) {
	if !filter.Needs(e).Has(sock.FieldAutobound) || s.Source == scan.Proc {
		return e, nil
	}
	low, high, err := s.portRange()
	return filter.NarrowAutobound(e, low, high), err
}

// portRange returns the range of ports that the kernel gives away by itself in
// the namespace that is looked into.
func (s *Selected) portRange() (low, high uint16, err error) {
	err = s.Host.inside(func() (err error) {
		low, high, err = s.Root.PortRange()
		return err
	})
	return low, high, err
}

func anyPort(side filter.Side, ports []PortRange) filter.Expr {
	var any []filter.Expr
	for _, r := range ports {
		any = append(any, filter.Ports(side, r.Low, r.High))
	}
	return filter.Either(any...)
}

func (o *Options) interfaces(s *Selected) (filter.Expr, error) {
	var any []filter.Expr
	for _, name := range plugin.Words(o.Interface) {
		index, err := s.Host.Interface(name)
		if err != nil {
			return nil, plugin.Usagef("--interface %s: %w", quote.Text(name), err)
		}
		any = append(any, filter.Device{Index: index})
	}
	return filter.Either(any...), nil
}

func (o *Options) users(s *Selected) (filter.Expr, error) {
	var any []filter.Expr
	for _, name := range plugin.Words(o.User) {
		uid, err := s.Host.Users.ID(name)
		if err != nil {
			return nil, plugin.Usagef("--user: %w", err)
		}
		any = append(any, filter.User(uid))
	}
	return filter.Either(any...), nil
}

// cgroups reads --cgroup: every cgroup whose path the glob matches.
func (o *Options) cgroups(s *Selected) (filter.Expr, error) {
	var any []filter.Expr
	for _, glob := range plugin.Unsplit(o.Cgroup) {
		found, err := s.Host.cgroupsLike(glob)
		if err != nil {
			return nil, plugin.Usagef("--cgroup: %w", err)
		}
		any = append(any, found...)
	}
	return filter.Either(any...), nil
}

// filters reads every --filter. The states that they begin with have to hold
// together, as their conditions have.
func (o *Options) filters(s *Selected) (filter.Expr, sock.StateSet, error) {
	var all []filter.Expr
	states := sock.NoStates
	for _, text := range plugin.Unsplit(o.Filter) {
		f, err := filter.Parse(text, s.Host)
		if err != nil {
			return nil, 0, &plugin.UsageError{Sentence: err.Error(), Err: err}
		}
		all = append(all, f.Expr)
		switch {
		case f.States == sock.NoStates:
		case states == sock.NoStates:
			states = f.States
		case states&f.States == 0:
			return nil, 0, plugin.Usagef("the states of two filters contradict each other: no socket is in %s and in %s", states, f.States)
		default:
			states &= f.States
		}
	}
	return filter.All(all...), states, nil
}

// contradiction finds selections that no socket can match, which are a
// mistake rather than a question.
func (o *Options) contradiction(s *Selected) error {
	switch {
	case o.IPv4 && o.IPv6:
	case o.IPv4:
		s.Families = s.Families.Set(sock.IPv4)
	case o.IPv6:
		s.Families = s.Families.Set(sock.IPv6)
	}
	for _, option := range []struct {
		name   string
		values []string
	}{{"--peer", o.Peer}, {"--local", o.Local}} {
		prefixes, err := Prefixes(option.name, option.values)
		if err == nil && len(prefixes) > 0 && !anyFamily(s.Families, prefixes) {
			return plugin.Usagef("%s %s contradicts %s: no socket has both", option.name, strings.Join(option.values, ","), familyOption(o))
		}
	}
	return o.protocolContradiction(s)
}

func (o *Options) protocolContradiction(s *Selected) error {
	for _, t := range s.Tables {
		p := t.Protocol
		switch {
		case !p.HasPorts() && len(s.Ports)+len(s.PeerPorts) > 0:
			return plugin.Usagef("--port contradicts --protocol %s: its sockets have no ports", p)
		case !p.Internet() && (set(o.Peer) || set(o.Local)):
			return plugin.Usagef("--peer and --local contradict --protocol %s: its sockets have no IP addresses", p)
		case !p.Internet() && s.Families != 0:
			return plugin.Usagef("%s contradicts --protocol %s: its sockets have no IP addresses", familyOption(o), p)
		}
	}
	return nil
}

func anyFamily(families sock.Families, prefixes []netip.Prefix) bool {
	for _, prefix := range prefixes {
		family := sock.IPv6
		if prefix.Addr().Is4() {
			family = sock.IPv4
		}
		if families.Has(family) || prefix.Bits() == 0 {
			return true
		}
	}
	return false
}

func familyOption(o *Options) string {
	if o.IPv4 {
		return "--ipv4"
	}
	return "--ipv6"
}

// Trace says how the sockets were found, where --verbose asks for it.
func Trace(call *plugin.Call, plan scan.Plan) []string {
	if call.Verbose() == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("source: %s", plan.Source)}
	for _, step := range plan.Steps() {
		lines = append(lines, "plan: "+step)
	}
	for _, note := range plan.Notes {
		lines = append(lines, "note: "+note)
	}
	return lines
}
