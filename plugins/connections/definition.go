package main

import (
	"github.com/sockcensus/sockcensus/pkg/plugin"
)

func definition() *plugin.Plugin {
	return &plugin.Plugin{
		Name:    "connections",
		Summary: "how many sockets, by state, port, peer, process",
		Description: `Counts the sockets in the kernel's tables: TCP, UDP, unix and more, IPv4 and
IPv6 alike, without privileges. Sockets are selected by port, address, state,
process, user or an expression in the filter language of ss(8), and counted in
all or by group.`,
		Markers: plugin.AutoMarkers,
		New:     func() plugin.Measurer { return new(measurement) },
		Graphs: []plugin.GraphDoc{
			{Suffix: "PORT[_PORT...]", Text: "established connections per local TCP port"},
			{Suffix: "udp_PORT", Text: "UDP sockets on a local port"},
			{Suffix: "states", Text: "TCP sockets by state"},
			{Suffix: "states_PORT", Text: "TCP sockets on a local port by state"},
			{Suffix: "summary", Text: "TCP opens, failures, resets and retransmissions; orphans and memory of the whole host"},
			{Suffix: "WORD", Text: "what env.filter and other selections in plugin-conf.d pick, grouped by env.by"},
		},
		Examples: []plugin.Example{
			{Command: "connections list --port 443", Text: "who is connected to port 443"},
			{Command: "connections count --by peer --top 10", Text: "the ten addresses with the most connections"},
			{Command: "check_connections --port 443 -w 500 -c 800", Text: "alarm on the number of connections to a port"},
			{Command: "check_connections --by state -w close_wait=100", Text: "alarm on a leak of CLOSE_WAIT sockets"},
			{Command: "check_connections --by peer -w largest=100", Text: "alarm on one greedy peer"},
			{Command: "connections list --filter '( sport = :443 or sport = :80 ) and dst 10.0.0.0/8'", Text: "the filter language of ss"},
		},
		Commands: []plugin.Command{
			{Name: "list", Summary: "the sockets themselves", New: func() plugin.Lister { return new(listing) }},
			{Name: "count", Summary: "the number of sockets, in all or by group", New: func() plugin.Lister { return new(counting) }},
			{Name: "summary", Summary: "totals by protocol and TCP state, as ss -s, exact", New: func() plugin.Lister { return new(summary) }},
		},
	}
}
