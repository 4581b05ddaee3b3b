package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// describe says in a few words which sockets a selection picks, as in "652
// established to port 443".
func describe(total uint64, o *selection.Options, byState bool) string {
	words := []string{fmt.Sprint(total), subject(o, byState, total)}
	for _, part := range []struct {
		preposition string
		values      []string
	}{
		{"to port", slices.Concat(o.Port, o.LocalPort)},
		{"to peer port", o.PeerPort},
		{"on", o.Local},
		{"from", o.Peer},
		{"of process", o.Process},
		{"of user", o.User},
	} {
		if values := plugin.Words(part.values); len(values) > 0 {
			words = append(words, part.preposition+" "+shortened(values))
		}
	}
	if len(o.Filter)+len(o.Interface)+len(o.Cgroup)+len(o.Mark) > 0 {
		words = append(words, "as selected")
	}
	return strings.Join(words, " ")
}

// subject says what is counted: a state of connections, or sockets.
func subject(o *selection.Options, byState bool, total uint64) string {
	protocols, states := plugin.Words(o.Protocol), plugin.Words(o.State)
	what := "established"
	switch {
	case len(states) > 0 && len(o.Exclude) == 0 && !slices.Contains(states, "all"):
		what = strings.Join(states, "/")
	case total == 1 && (byState || len(states)+len(o.Exclude) > 0 || stateless(protocols)):
		what = "socket"
	case byState || len(states)+len(o.Exclude) > 0 || stateless(protocols):
		what = "sockets"
	}
	return strings.TrimSpace(strings.Join(protocols, "/") + " " + what)
}

func stateless(protocols []string) bool {
	for _, name := range protocols {
		if p, err := sock.ParseProtocol(name); err == nil && p.HasStates() {
			return false
		}
	}
	return len(protocols) > 0
}

// shortened lists values, of a long list only the first.
func shortened(values []string) string {
	const most = 5
	if len(values) <= most {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:most], ", "), len(values)-most)
}
