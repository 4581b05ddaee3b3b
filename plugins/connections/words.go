package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// describe says in a few words which sockets a selection picks, as in "652
// established to port 443".
func describe(total report.Value, o *selection.Options, tables []scan.Table) string {
	words := []string{total.Words()}
	if protocols := plugin.Words(o.Protocol); len(protocols) > 0 {
		words = append(words, strings.Join(protocols, "/"))
	}
	words = append(words, subject(o, tables, total == report.Count(1)))
	for _, part := range []struct {
		preposition string
		values      []string
	}{
		{"to port", plugin.Words(slices.Concat(o.Port, o.LocalPort))},
		{"to peer port", plugin.Words(o.PeerPort)},
		{"on", plugin.Words(o.Local)},
		{"from", plugin.Words(o.Peer)},
		{"of process", o.ProcessNames()},
		{"of user", plugin.Words(o.User)},
	} {
		if len(part.values) > 0 {
			words = append(words, part.preposition+" "+shortened(part.values))
		}
	}
	if len(plugin.Unsplit(slices.Concat(o.Filter, o.Interface, o.Cgroup, o.Mark))) > 0 {
		words = append(words, "as selected")
	}
	return strings.Join(words, " ")
}

// mostStates is how many states the words name.
const mostStates = 3

// subject says what is counted: the states, as they were written or else by
// their names if they are few, or just sockets.
func subject(o *selection.Options, tables []scan.Table, one bool) string {
	states := tables[0].States
	for _, t := range tables {
		if t.States != states {
			states = sock.AllStates
		}
	}
	written := plugin.Words(o.State)
	switch {
	case states == sock.AllStates:
	case len(written) > 0 && states == union(written):
		return strings.Join(written, "/")
	case states.Len() <= mostStates:
		return strings.ReplaceAll(states.String(), ",", "/")
	}
	if one {
		return "socket"
	}
	return "sockets"
}

// union returns the states that words name.
func union(words []string) sock.StateSet {
	all := sock.NoStates
	for _, word := range words {
		set, err := sock.ParseStates(word)
		if err == nil {
			all |= set
		}
	}
	return all
}

// shortened lists values, of a long list only the first.
func shortened(values []string) string {
	const most = 5
	if len(values) <= most {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:most], ", "), len(values)-most)
}
