package main

import (
	"github.com/sockcensus/sockcensus/pkg/plugin"
)

func definition() *plugin.Plugin {
	return &plugin.Plugin{
		Name:    "conntrack",
		Summary: "the connection-tracking table: fill, flows, drops, events",
		Description: `Measures the table in which the kernel's firewall tracks connections. How full
it is and what the tracker had to drop needs no privilege. What is in it, by
protocol, state, address or port, and the events of flows as they happen need
CAP_NET_ADMIN: as a file capability (setcap cap_net_admin+ep on the binary),
through sudo, or under Munin by "user root" in plugin-conf.d.

The table belongs to a network namespace, and the tracker works there only
after a rule uses it (nftables "ct", iptables -m conntrack, NAT).`,
		Markers: plugin.AutoMarkers,
		New:     func() plugin.Measurer { return new(measurement) },
		Graphs: []plugin.GraphDoc{
			{Suffix: "table", Text: "entries in the table, and how many fit"},
			{Suffix: "stats", Text: "what the tracker dropped, refused and repeated, per second"},
			{Suffix: "protocols", Text: "flows by protocol; needs CAP_NET_ADMIN"},
			{Suffix: "states", Text: "TCP flows by state; needs CAP_NET_ADMIN"},
			{Suffix: "new", Text: "new flows per second, counted for env.sample (1s); needs CAP_NET_ADMIN"},
		},
		Examples: []plugin.Example{
			{Command: "check_conntrack", Text: "alarm at 80 and 90 % of the table"},
			{Command: "check_conntrack -w insert_failed_rate=1 -c drop_rate=0", Text: "alarm on what the tracker refuses, per second"},
			{Command: "check_conntrack --protocol tcp --state established -w 50000", Text: "alarm on the number of established TCP flows"},
			{Command: "check_conntrack --by peer -w largest=1000", Text: "alarm on one greedy address"},
			{Command: "check_conntrack --protocol udp --sample 1s -w new=5000", Text: "alarm on new flows per second"},
			{Command: "conntrack list --protocol udp --dport 500", Text: "the flows themselves"},
			{Command: "conntrack count --by protocol,state", Text: "how many flows, by protocol and state"},
			{Command: "conntrack events --new --protocol tcp --dport 22", Text: "a line the moment a flow appears"},
			{Command: "conntrack events --summary 10s", Text: "what happened to the table in ten seconds"},
		},
		Commands: []plugin.Command{
			{Name: "list", Summary: "the flows themselves", New: func() plugin.Lister { return new(listing) }},
			{Name: "count", Summary: "the number of flows, in all or by group", New: func() plugin.Lister { return new(counting) }},
			{Name: "stats", Summary: "the tracker's counters, of all CPUs", New: func() plugin.Lister { return new(statistics) }},
			{Name: "events", Summary: "what happens to flows, as it happens", New: func() plugin.Lister { return new(watch) }},
		},
	}
}
