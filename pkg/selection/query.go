package selection

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
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
	// Protocols are all that options named. One whose sockets cannot have what
	// else is asked for has no table.
	Protocols []sock.Protocol
	// Host knows the names of users, services and cgroups.
	Host *Host
}

// Query reads the options. With --process it looks for the holders of sockets.
func (o *Options) Query(ctx context.Context, call *plugin.Call, d Defaults) (*Selected, error) {
	selected, unseen, err := o.QuerySeen(ctx, call, d)
	if err == nil && unseen != nil {
		err = unseen
	}
	if err != nil {
		return nil, err
	}
	return selected, nil
}

// QuerySeen is Query for those who can do with bounds: it selects what is known to
// be held by --process, and tells of how many more sockets nobody can say. unseen
// is nil where there are none.
func (o *Options) QuerySeen(ctx context.Context, call *plugin.Call, d Defaults) (selected *Selected, unseen *UnseenError, err error) {
	selected, err = o.read(call, d)
	if err == nil && set(o.Process) {
		unseen, err = selected.heldBy(ctx, plugin.Unsplit(o.Process))
	}
	if err != nil {
		return nil, nil, err
	}
	return selected, unseen, nil
}

// Validate returns what Query would find wrong with the options themselves. It
// looks at no socket.
func (o *Options) Validate(call *plugin.Call, d Defaults) error {
	_, err := o.read(call, d)
	return err
}

func (o *Options) read(call *plugin.Call, d Defaults) (*Selected, error) {
	root := kernfs.FromEnviron(call.Env.Getenv)
	selected := &Selected{Host: newHost(root, o.Resolve)}
	selected.Root = root
	if err := selected.place(call.Common()); err != nil {
		return nil, err
	}
	selected.Host.NetNS = selected.NetNS
	conditions, err := o.conditions(selected)
	if err != nil {
		return nil, err
	}
	written, states, err := o.filters(selected)
	if err != nil {
		return nil, err
	}
	if err := o.tables(selected, states, d); err != nil {
		return nil, err
	}
	conditions = append(conditions, written...)
	if err := o.contradiction(selected, conditions); err != nil {
		return nil, err
	}
	if selected.Filter, err = selected.narrowed(joined(conditions)); err != nil {
		return nil, err
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
			return o.stateInFilter(states, inFilter)
		}
		if states == sock.NoStates {
			states = sock.AllStates
		}
		states &= inFilter
	}
	if err := stateContradiction(protocols, states); err != nil {
		return err
	}
	s.Protocols = protocols
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

// stateInFilter says what contradicts the states that a filter begins with.
func (o *Options) stateInFilter(states, inFilter sock.StateSet) error {
	switch {
	case !set(o.State):
		return plugin.Usagef("--exclude and the state in --filter contradict each other: no socket in %s is left", inFilter)
	case o.Fixed:
		return plugin.Usagef("the state in --filter contradicts this graph, which counts %s: no socket is in %s too", states, inFilter)
	}
	return plugin.Usagef("--state and the state in --filter contradict each other: no socket is in %s and in %s", states, inFilter)
}

// A condition is what one option asks of a socket; nil is nothing.
type condition struct {
	option string // as it was written
	expr   filter.Expr
}

func joined(conditions []condition) filter.Expr {
	exprs := make([]filter.Expr, len(conditions))
	for i, c := range conditions {
		exprs[i] = c.expr
	}
	return filter.All(exprs...)
}

// conditions reads the options that are conditions on a socket.
func (o *Options) conditions(s *Selected) ([]condition, error) {
	var err error
	if s.Ports, err = Ports("--port", append(o.Port, o.LocalPort...), s.Host); err != nil {
		return nil, err
	}
	if s.PeerPorts, err = Ports("--peer-port", o.PeerPort, s.Host); err != nil {
		return nil, err
	}
	locals, err := Prefixes("--local", o.Local)
	if err != nil {
		return nil, err
	}
	if s.Peers, err = Prefixes("--peer", o.Peer); err != nil {
		return nil, err
	}
	conditions := []condition{
		{o.portGiven(), anyPort(filter.Local, s.Ports)},
		{given("--peer-port", o.PeerPort), anyPort(filter.Peer, s.PeerPorts)},
		{given("--local", o.Local), filter.Address(filter.Local, locals)},
		{given("--peer", o.Peer), filter.Address(filter.Peer, s.Peers)},
	}
	for _, option := range []struct {
		name   string
		values []string
		read   func(*Selected) (filter.Expr, error)
	}{{"--interface", o.Interface, o.interfaces}, {"--user", o.User, o.users}, {"--cgroup", o.Cgroup, o.cgroups}, {"--mark", o.Mark, o.marks}} {
		expr, err := option.read(s)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, condition{given(option.name, option.values), expr})
	}
	return conditions, nil
}

// portGiven says where the local ports come from.
func (o *Options) portGiven() string {
	if o.Fixed {
		return given("port", o.Port) + " in the name of the graph"
	}
	return given("--port", o.Port, o.LocalPort)
}

// given is an option as it was written.
func given(name string, values ...[]string) string {
	return name + " " + quote.Line(strings.Join(plugin.Words(slices.Concat(values...)), ","))
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
func (o *Options) filters(s *Selected) ([]condition, sock.StateSet, error) {
	protocols, err := o.protocols()
	if err != nil {
		return nil, 0, err
	}
	protocol := sock.TCP // of several, none says what an address without FAMILY is
	if len(protocols) == 1 {
		protocol = protocols[0]
	}
	var all []condition
	states := sock.NoStates
	for _, text := range plugin.Unsplit(o.Filter) {
		f, err := filter.ParseFor(protocol, text, s.Host)
		if err != nil {
			return nil, 0, &plugin.UsageError{Sentence: err.Error(), Err: err}
		}
		all = append(all, condition{"--filter " + quote.Text(text), f.Expr})
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
	return all, states, nil
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
