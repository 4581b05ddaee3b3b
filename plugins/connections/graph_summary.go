package main

import (
	"context"
	"fmt"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// tcpCounters are the counters of connections_summary: field, name in
// /proc/net/snmp and meaning (RFC 4022).
var tcpCounters = []struct{ field, counter, label, help string }{
	{"active_opens", "ActiveOpens", "active opens", "Connections that this host began."},
	{"passive_opens", "PassiveOpens", "passive opens", "Connections that this host accepted."},
	{"attempt_fails", "AttemptFails", "failed attempts", "Connections that failed before they were established."},
	{"estab_resets", "EstabResets", "resets", "Connections that ended in a reset instead of a close."},
	{"retrans_segs", "RetransSegs", "segments retransmitted", "Segments that had to be sent again."},
}

// summaryGraphs are the two graphs of connections_summary. The second one
// counts memory in pages, as the limits in net.ipv4.tcp_mem do.
func summaryGraphs() []report.Graph {
	opens := report.Graph{
		Title: "TCP connections opened and failed", VerticalLabel: "events", Category: "network",
		Info: "The kernel's own counters of TCP, IPv4 and IPv6, of one network namespace.",
	}
	for _, c := range tcpCounters {
		opens.Metrics = append(opens.Metrics, report.Metric{
			Name: c.field, Label: c.label, Help: c.help, Kind: report.Counter, Min: report.Count(0),
		})
	}
	return []report.Graph{opens, {
		Name: "memory", Title: "TCP orphans and memory", VerticalLabel: "sockets or pages", Category: "network",
		Info: "Sockets that no process holds any more (limit: net.ipv4.tcp_max_orphans), and memory of all TCP sockets in pages (limits: net.ipv4.tcp_mem). The kernel counts both for the whole host, all network namespaces together.",
		Metrics: []report.Metric{
			{Name: "orphans", Label: "orphans", Help: "TCP sockets of the whole host, all network namespaces together, that no process holds any more.", Min: report.Count(0)},
			{Name: "memory", Label: "memory in pages", Help: "Pages of memory in use by TCP on the whole host, all network namespaces together.", Min: report.Count(0)},
		},
	}}
}

// summaryReport reads the counters of connections_summary.
func (m *measurement) summaryReport(_ context.Context, call *plugin.Call) (*report.Report, error) {
	r := &report.Report{Plugin: "connections", Graphs: summaryGraphs(), Source: "proc"}
	if !call.NeedValues {
		return r, nil
	}
	query, err := (&summary{Common: m.Common}).query(call)
	if err != nil {
		return r, err
	}
	return r, scan.InNetDir(query, func(dir string) error {
		snmp, err := kernfs.SNMP(dir)
		if err != nil {
			return err
		}
		inUse, err := kernfs.Sockstat(dir)
		if err != nil {
			return err
		}
		for i, c := range tcpCounters {
			fill(r, &r.Graphs[0].Metrics[i], snmp, "Tcp", c.counter)
		}
		fill(r, &r.Graphs[1].Metrics[0], inUse, "TCP", "orphan")
		fill(r, &r.Graphs[1].Metrics[1], inUse, "TCP", "mem")
		return nil
	})
}

// fill sets a metric to a kernel counter, or says that this kernel lacks it.
func fill(r *report.Report, m *report.Metric, counters kernfs.Counters, group, name string) {
	value, ok := counters.Uint(group, name)
	if !ok {
		r.Problems = append(r.Problems, fmt.Sprintf("this kernel does not count %s %s", group, name))
		return
	}
	m.Value = report.Count(value)
}
