package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// summary holds the options of "connections summary".
type summary struct {
	plugin.Common
	plugin.Output
}

// A line is one row of the summary: a protocol, or one state of TCP.
type line struct {
	protocol sock.Protocol
	state    sock.State // UnknownState for all
	family   [3]uint64  // by sock.Family
	unknown  bool
}

func (l *line) total() uint64 { return l.family[0] + l.family[1] + l.family[2] }

// List counts every protocol that the kernel can list, TCP by state too. The
// numbers are those of the sockets themselves; ss -s takes CLOSE_WAIT for
// established.
func (o *summary) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	query, err := o.query(call)
	if err != nil {
		return nil, err
	}
	table := &report.Table{Noun: "summary", Time: call.Env.Now(), Columns: []report.Column{
		{Key: "protocol", Title: "PROTOCOL"},
		{Key: "state", Title: "STATE"},
		{Key: "total", Title: "TOTAL", Right: true},
		{Key: "ipv4", Title: "IPV4", Right: true},
		{Key: "ipv6", Title: "IPV6", Right: true},
	}}
	c := census{query: query, table: table}
	for _, p := range []sock.Protocol{sock.TCP, sock.MPTCP, sock.UDP, sock.UDPLite, sock.SCTP, sock.DCCP, sock.Raw, sock.Unix, sock.Packet} {
		if err := c.count(ctx, p); err != nil {
			return nil, err
		}
	}
	if c.known == 0 && c.failed != nil {
		return nil, c.failed
	}
	table.Notes = slices.Concat(planNotes(call, c.plan), gaps(c.plan.Untold), table.Notes)
	table.Source = func() string { return c.plan.Source }
	table.Rows = func(yield func([]report.Cell, error) bool) {
		for i := range c.lines {
			if !yield(c.lines[i].cells(), nil) {
				return
			}
		}
		if c.failed != nil {
			yield(nil, fmt.Errorf("%s sockets cannot be counted: %w", c.failedOf, c.failed))
		}
	}
	return table, nil
}

// A census is what is known of each protocol so far.
type census struct {
	query scan.Query
	table *report.Table
	lines []line
	plan  scan.Plan
	// known is how many protocols could be counted.
	known int
	// failed is why the first of the others could not be, unless this kernel
	// does not know it.
	failed   error
	failedOf sock.Protocol
}

// count adds one protocol. One that cannot be counted leaves the others as
// they are: it is unknown, and why is said. An error means that the time is up.
func (c *census) count(ctx context.Context, p sock.Protocol) error {
	c.query.Tables = []scan.Table{{Protocol: p}}
	counted, plan, err := summarize(ctx, c.query, p)
	var unsupported *sock.NotSupportedError
	switch {
	case err == nil:
		c.known++
		c.plan.Add(plan)
		c.lines = append(c.lines, counted...)
		return nil
	case ctx.Err() != nil:
		return err
	case errors.As(err, &unsupported):
		c.table.Notes = append(c.table.Notes, err.Error())
	case c.failed == nil:
		c.failed, c.failedOf = explained(err), p
	default:
		c.table.Notes = append(c.table.Notes, fmt.Sprintf("%s sockets cannot be counted: %v", p, explained(err)))
	}
	for i := range counted {
		counted[i].unknown = true
	}
	c.lines = append(c.lines, counted...)
	return nil
}

func (o *summary) query(call *plugin.Call) (scan.Query, error) {
	query := scan.Query{Root: kernfs.FromEnviron(call.Env.Getenv)}
	var err error
	if query.Source, err = scan.ParseSource(o.Source); err != nil {
		return query, plugin.Usagef("--source: %w", err)
	}
	if o.NetNS != "" {
		if query.NetNS, err = netns.Parse(o.NetNS); err != nil {
			return query, plugin.Usagef("--netns: %w", err)
		}
	}
	return query, nil
}

// summarize counts one protocol. With an error the lines are there and count
// nothing.
func summarize(ctx context.Context, query scan.Query, p sock.Protocol) ([]line, scan.Plan, error) {
	var all line
	var byState [16]line
	var plan scan.Plan
	reset := func() { all, byState = line{protocol: p}, [16]line{} }
	reset()
	scanner, err := scan.Open(query)
	if err == nil {
		defer scanner.Close()
		err = scanner.Count(ctx, reset, func(s *sock.Socket) error {
			all.family[s.Family%3]++
			byState[s.State&15].family[s.Family%3]++
			return nil
		})
		plan = scanner.Plan()
	}
	lines := []line{all}
	if p == sock.TCP {
		for _, state := range sock.States() {
			l := byState[state]
			l.protocol, l.state, l.unknown = p, state, plan.Untold.Has(state)
			lines = append(lines, l)
		}
	}
	return lines, plan, err
}

func (l *line) cells() []report.Cell {
	state := report.Null()
	if l.state != sock.UnknownState {
		state = report.Text(l.state.String())
	}
	known := !l.unknown
	internet := known && l.protocol.Internet()
	return []report.Cell{
		report.Text(l.protocol.String()), state,
		orNull(known, report.Uint(l.total())),
		orNull(internet, report.Uint(l.family[sock.IPv4])),
		orNull(internet, report.Uint(l.family[sock.IPv6])),
	}
}
