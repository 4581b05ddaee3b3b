package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// wide is the option that adds UDP sockets which most hosts do not serve on.
type wide struct {
	UDPEphemeral bool `long:"udp-ephemeral" description:"count udp sockets on the ports that the kernel gives to clients, too"`
}

// choice are the options that select listeners.
type choice struct {
	selection.Options
	wide
}

// query reads the options. What listens has one state, and no peer.
func (c *choice) query(ctx context.Context, call *plugin.Call) (*selection.Selected, error) {
	for option, values := range map[string][]string{
		"--state": c.State, "--exclude": c.Exclude, "--peer": c.Peer, "--peer-port": c.PeerPort,
	} {
		if len(plugin.Words(values)) > 0 {
			return nil, plugin.Usagef("%s selects nothing here: a listener has one state and no peer", option)
		}
	}
	options := c.Options
	options.Protocol = plugin.Words(options.Protocol)
	if len(options.Protocol) == 0 {
		options.Protocol = []string{"tcp", "udp"}
	}
	selected, err := options.Query(ctx, call, listening)
	if err != nil {
		return nil, err
	}
	for _, t := range selected.Tables {
		switch {
		case t.Protocol != sock.TCP && t.Protocol != sock.UDP:
			return nil, plugin.Usagef("--protocol %s: listeners are of tcp or udp", t.Protocol)
		case t.States != listening.Stateful && t.States != listening.Stateless:
			return nil, plugin.Usagef("--filter: a state selects nothing here: a listener has one state")
		}
	}
	selected.Want |= sock.FieldMemory | sock.FieldV6Only | sock.FieldAcceptQueue
	return selected, nil
}

// listening are the states that listen: LISTEN, and for UDP not connected.
var listening = selection.Defaults{Stateful: sock.StatesOf(sock.Listen), Stateless: sock.StatesOf(sock.Close)}

// A survey is what listens.
type survey struct {
	selected *selection.Selected
	sockets  []*socket
	plan     scan.Plan
	notes    []string
	owners   *owner.Owners
	// low and high are the ports that the kernel gives to clients.
	low, high uint16
	wide      bool
}

// take reads what the options select. With everything, all other listeners are
// there too, uncounted. Beside errTorn there is a survey of what was seen.
func (c *choice) take(ctx context.Context, selected *selection.Selected, everything bool) (*survey, error) {
	s := &survey{selected: selected, wide: c.UDPEphemeral}
	s.readPortRange()
	found, err := s.read(ctx, selected.Query)
	if err == nil && everything && c.Any() {
		found, err = s.readAll(ctx, found)
	}
	for _, one := range found {
		if everything || !one.uncounted {
			s.sockets = append(s.sockets, one)
		}
	}
	return s, err
}

// readPortRange reads which ports the kernel gives to clients. /proc shows those
// of the namespace that we are in; where we may not enter another one, ours are
// taken for it.
func (s *survey) readPortRange() {
	s.low, s.high = 32768, 60999 // the kernel's own default
	read := func() error {
		low, high, err := s.selected.Root.PortRange()
		if err == nil {
			s.low, s.high = low, high
		}
		return err
	}
	if !s.selected.NetNS.IsSet() {
		_ = read() // without /proc/sys the default is as good as any
		return
	}
	ns, err := s.selected.NetNS.Open(s.selected.Root.ProcRoot())
	if err == nil {
		defer ns.Close()
		err = ns.Do(read)
	}
	if err != nil && !s.wide {
		s.notes = append(s.notes, fmt.Sprintf("udp ports %d-%d are left out as those of clients, without knowing the range of that namespace", s.low, s.high))
	}
}

// read lists the sockets of a query.
func (s *survey) read(ctx context.Context, query scan.Query) ([]*socket, error) {
	scanner, err := scan.Open(query)
	if err != nil {
		return nil, err
	}
	defer scanner.Close()
	var found []*socket
	err = scanner.Count(ctx,
		func() { found = nil },
		func(row *sock.Socket) error {
			one := newSocket(row)
			one.uncounted = one.protocol == sock.UDP && !s.wide && s.ephemeral(one.local.Port())
			found = append(found, &one)
			return nil
		})
	s.plan = scanner.Plan()
	if errors.Is(err, sock.ErrInterrupted) {
		err = errTorn
	}
	return found, err
}

// errTorn comes with the sockets that were seen: there may be others.
var errTorn = errors.New("the socket table changed under every one of three dumps, so it is not known what listens: try again")

func (s *survey) ephemeral(port uint16) bool { return port >= s.low && port <= s.high }

// everyone is the query without what selects.
func (s *survey) everyone() scan.Query {
	query := s.selected.Query
	query.Filter, query.Keep, query.Families = nil, nil, 0
	query.Tables = []scan.Table{
		{Protocol: sock.TCP, States: listening.Stateful}, {Protocol: sock.UDP, States: listening.Stateless},
	}
	return query
}

// readAll lists every socket; those that are not among the selected do not count.
func (s *survey) readAll(ctx context.Context, selected []*socket) ([]*socket, error) {
	counted := map[identity]bool{}
	for _, one := range selected {
		counted[one.identity()] = !one.uncounted
	}
	all, err := s.read(ctx, s.everyone())
	for _, one := range all {
		one.uncounted = !counted[one.identity()]
	}
	return all, err
}

// listeners are the sockets by address and, as far as it was looked for, program.
func (s *survey) listeners() []*listener { return group(s.sockets) }

// details are what the reader of the answer ought to know.
func (s *survey) details() []string { return append(s.notes, s.plan.Notes...) }
