package main

import (
	"github.com/sockcensus/sockcensus/pkg/plugin"
)

func definition() *plugin.Plugin {
	return &plugin.Plugin{
		Name:    "listeners",
		Summary: "what listens: expected or not, accept queues, drops",
		Description: `Lists the TCP sockets that listen and the UDP sockets that are not connected,
and compares them with a baseline: a text file of addresses, ports and programs
that people keep under version control. Tells how full each accept queue is and
what was dropped. No privileges are needed; programs of other users that may not
be seen are counted as unverified. Only the tables of listening sockets are
read: the cost does not grow with the number of connections.`,
		Markers: plugin.AutoMarkers,
		New:     func() plugin.Measurer { return new(measurement) },
		Graphs: []plugin.GraphDoc{
			{Suffix: "count", Text: "listeners by protocol, and those that can be reached from beyond this host"},
			{Suffix: "queue", Text: "fill of the accept queue of each listening TCP port"},
			{Suffix: "drops", Text: "connections and packets that the sockets of each port dropped"},
			{Suffix: "overflows", Text: "the host's counters of full accept and request queues"},
		},
		Examples: []plugin.Example{
			{Command: "listeners list", Text: "what listens, held by which program"},
			{Command: "listeners baseline write /etc/sockcensus/listeners", Text: "write down what listens now; again later: bring the file up to date"},
			{Command: "listeners baseline check /etc/sockcensus/listeners", Text: "what is new, missing, moved"},
			{Command: "check_listeners --baseline /etc/sockcensus/listeners", Text: "WARNING on a new listener, CRITICAL on a missing one"},
			{Command: "check_listeners --require tcp/443 --unexpected ok", Text: "alarm when nothing listens on port 443 beyond loopback"},
			{Command: "check_listeners --allow tcp/22,tcp/443 --port 1-1023", Text: "alarm on any other listener on a privileged port"},
			{Command: "check_listeners -w 50 -c 90", Text: "alarm on the fullest accept queue, in percent"},
			{Command: "check_listeners -w drops_rate=0 --state-dir /var/lib/sockcensus/0", Text: "alarm when a listener drops anything"},
		},
		Commands: []plugin.Command{
			{Name: "list", Summary: "what listens", New: func() plugin.Lister { return new(listing) }},
			{Name: "baseline write", Operand: "FILE", Summary: "write down what listens, or bring the file up to date", New: func() plugin.Lister { return new(baselineWrite) }},
			{Name: "baseline check", Operand: "FILE", Summary: "what is new, missing or moved; ends with 1 if anything is", New: func() plugin.Lister { return new(baselineCheck) }},
			{Name: "baseline diff", Operand: "FILE", Summary: "what baseline write would change; ends with 1 if anything", New: func() plugin.Lister { return new(baselineDiff) }},
		},
	}
}
