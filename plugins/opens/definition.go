package main

import (
	"github.com/sockcensus/sockcensus/pkg/plugin"
)

func definition(k *kernel) *plugin.Plugin {
	return &plugin.Plugin{
		Name:    "opens",
		Summary: "every TCP connection counted as it opens, per port and peer",
		Description: `Counts TCP connections in the kernel at the completed handshake, per port and
peer, also those that live for a millisecond. Nothing is resident: root switches
counting on once ("sockcensus-opens on", or the systemd unit at boot), and from
then on any user reads the numbers without a right. A timer records them into a
history.

Where the kernel lets no eBPF program load, nftables counts answered SYNs
instead, incoming connections alone; everything that shows a number says so.`,
		Markers: plugin.AutoMarkers,
		New:     func() plugin.Measurer { return &measurement{kernel: k} },
		Graphs: []plugin.GraphDoc{
			{Suffix: "PORT", Text: "connections opened to a port, per second"},
			{Suffix: "total", Text: "connections opened on all ports, incoming and outgoing"},
			{Suffix: "peers_PORT", Text: "connections opened to a port by peer: the busiest of late (env.top, 10), and all others"},
		},
		Examples: []plugin.Example{
			{Command: "opens on", Text: "begin to count (root)"},
			{Command: "opens count -p 4711 --by peer --top 10", Text: "who connected to port 4711 since then"},
			{Command: "opens report -p 4711 --since 24h --by hour", Text: "connections of the last day, drawn by hour"},
			{Command: "opens report --since 2026-11-01 --until 2026-12-01 --by port --format csv", Text: "a month's account"},
			{Command: "opens watch -p 4711", Text: "a line for each new connection"},
			{Command: "check_opens -p 4711 --period 5m -w 5000 -c largest=1000", Text: "alarm on many connections in five minutes, and on one greedy peer"},
			{Command: "check_opens -p 25 --direction out -w rate=10", Text: "alarm on a host that begins to send mail"},
		},
		Commands: []plugin.Command{
			{Name: "on", Summary: "begin to count (root)", New: func() plugin.Lister { return &switchingOn{kernel: k} }},
			{Name: "off", Summary: "stop counting and remove everything (root)", New: func() plugin.Lister { return &switchingOff{kernel: k} }},
			{Name: "status", Summary: "how connections are counted, since when, and what the kernel says", New: func() plugin.Lister { return &statusOf{kernel: k} }},
			{Name: "count", Summary: "connections since counting began", New: func() plugin.Lister { return &counting{kernel: k} }},
			{Name: "record", Summary: "one step into the history; a systemd timer does this", New: func() plugin.Lister { return &recording{kernel: k} }},
			{Name: "report", Summary: "connections of a time, from the history up to now", New: func() plugin.Lister { return &reporting{kernel: k} }},
			{Name: "watch", Summary: "a line for each new connection, until interrupted", New: func() plugin.Lister { return &watching{kernel: k} }},
		},
	}
}
