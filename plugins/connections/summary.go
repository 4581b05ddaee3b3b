package main

import (
	"context"
	"errors"

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
	missing  error
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
	var lines []line
	var plan scan.Plan
	for _, p := range []sock.Protocol{sock.TCP, sock.MPTCP, sock.UDP, sock.UDPLite, sock.SCTP, sock.DCCP, sock.Raw, sock.Unix, sock.Packet} {
		query.Tables = []scan.Table{{Protocol: p}}
		counted, used, err := summarize(ctx, query, p)
		var unsupported *sock.NotSupportedError
		switch {
		case errors.As(err, &unsupported):
			table.Notes = append(table.Notes, err.Error())
			counted = []line{{protocol: p, missing: err}}
		case err != nil:
			return nil, explained(err)
		default:
			plan = used
		}
		lines = append(lines, counted...)
	}
	table.Source = func() string { return plan.Source }
	table.Rows = func(yield func([]report.Cell, error) bool) {
		for i := range lines {
			if !yield(lines[i].cells(), nil) {
				return
			}
		}
	}
	return table, nil
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

// summarize counts one protocol.
func summarize(ctx context.Context, query scan.Query, p sock.Protocol) ([]line, scan.Plan, error) {
	scanner, err := scan.Open(query)
	if err != nil {
		return nil, scan.Plan{}, err
	}
	defer scanner.Close()
	var all line
	var byState [16]line
	err = scanner.Count(ctx,
		func() { all, byState = line{protocol: p}, [16]line{} },
		func(s *sock.Socket) error {
			all.family[s.Family%3]++
			byState[s.State&15].family[s.Family%3]++
			return nil
		})
	lines := []line{all}
	if p == sock.TCP {
		for _, state := range sock.States() {
			l := byState[state]
			l.protocol, l.state = p, state
			lines = append(lines, l)
		}
	}
	return lines, scanner.Plan(), err
}

func (l *line) cells() []report.Cell {
	state := report.Null()
	if l.state != sock.UnknownState {
		state = report.Text(l.state.String())
	}
	known := l.missing == nil
	internet := known && l.protocol.Internet()
	return []report.Cell{
		report.Text(l.protocol.String()), state,
		orNull(known, report.Uint(l.total())),
		orNull(internet, report.Uint(l.family[sock.IPv4])),
		orNull(internet, report.Uint(l.family[sock.IPv6])),
	}
}
