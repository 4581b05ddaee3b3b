package main

import (
	"github.com/sockcensus/sockcensus/pkg/plugin"
)

func definition(on host) *plugin.Plugin {
	return &plugin.Plugin{
		Name:    "clients",
		Summary: "who stays: distinct addresses connected for a while",
		Description: `Counts the distinct peer addresses that have a connection to a local port which
is at least --min-age old: the viewers of a stream rather than its requests.
IPv4 and IPv6 alike, idle connections too, without privileges.

How old a connection is follows from its times in TCP_INFO and from having been
seen in an earlier run (--state-dir). Only where these leave a connection
undecided the plugin waits, for at most the minimum age, and looks once more;
with --no-wait it never does, and counts the undecided apart.`,
		Markers: plugin.ManualMarkers,
		New:     func() plugin.Measurer { return &measurement{question: question{host: on}} },
		Graphs: []plugin.GraphDoc{
			{Suffix: "PORT[_PORT...]", Text: "clients of a local TCP port, or of several together"},
		},
		Examples: []plugin.Example{
			{Command: "clients list --port 443", Text: "who is connected to port 443 for 5 seconds or more"},
			{Command: "check_clients --port 443 -w 500 -c 800", Text: "alarm on the number of clients"},
			{Command: "check_clients --port 8443 --min-age 30s -t 40s -c 1:", Text: "alarm when nobody watches"},
			{Command: "check_clients --port 443 --by network -w largest=200", Text: "alarm on one network with too many connections"},
			{Command: "check_clients --port 5432 --peer-port 1024-65535 -w oldest=86400", Text: "alarm on a connection that is older than a day"},
		},
		Commands: []plugin.Command{
			{Name: "list", Summary: "the clients, the ones with the most connections first", New: func() plugin.Lister { return &listing{question: question{host: on}} }},
		},
	}
}
