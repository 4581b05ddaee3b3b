package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// counters are those that tell trouble. Found and insert are left out: they
// stay 0 on newer kernels.
func counters() []conntrack.Counter {
	return []conntrack.Counter{
		conntrack.InsertFailed, conntrack.Drop, conntrack.EarlyDrop, conntrack.Invalid,
		conntrack.ErrorCounter, conntrack.SearchRestart, conntrack.ClashResolve, conntrack.ChainTooLong,
	}
}

// meaning explains a counter.
func meaning(c conntrack.Counter) string {
	switch c {
	case conntrack.InsertFailed:
		return "Entries that could not be made: a race lost, or no free port for NAT."
	case conntrack.Drop:
		return "Packets dropped because no entry could be made for them: the table was full."
	case conntrack.EarlyDrop:
		return "Entries given up to make room in a full table."
	case conntrack.Invalid:
		return "Packets that fit no connection."
	case conntrack.ErrorCounter:
		return "Packets that the tracker could not read, mostly ICMP errors."
	case conntrack.SearchRestart:
		return "Lookups begun again because the table was resized."
	case conntrack.ClashResolve:
		return "Clashes of two entries that were resolved."
	case conntrack.ChainTooLong:
		return "Entries refused because a chain of the hash table was full."
	case conntrack.Found:
		return "Lookups that found an entry; stays 0 on newer kernels."
	default:
		return "Entries made over netlink; on older kernels all of them."
	}
}

const rateSuffix = "_rate"

func rateNames() string {
	var names []string
	for _, c := range counters() {
		names = append(names, c.String()+rateSuffix)
	}
	return strings.Join(names, ", ")
}

// wantedRates are the counters whose rate a threshold names. One on a counter
// itself would be passed sooner or later, whatever it is.
func wantedRates(call *plugin.Call) ([]conntrack.Counter, error) {
	var wanted []conntrack.Counter
	for _, c := range counters() {
		if call.Wants(c.String()) {
			return nil, plugin.Usagef("%s counts since the namespace was made and only ever rises: set the threshold on %s%s, which is per second", c, c, rateSuffix)
		}
		if call.Wants(c.String() + rateSuffix) {
			wanted = append(wanted, c)
		}
	}
	return wanted, nil
}

// addCounters adds the counters that this kernel has, and the rates that
// thresholds name.
func (m *measurement) addCounters(ctx context.Context, call *plugin.Call, h *host, r *report.Report, wanted []conntrack.Counter) error {
	cpus, source, err := h.statistics(ctx)
	if err != nil {
		r.Trace = append(r.Trace, "no counters: "+explained(err).Error())
		if len(wanted) > 0 {
			r.Problems = append(r.Problems, explained(err).Error())
			addUnknown(r, wanted)
		}
		return nil
	}
	r.Trace = append(r.Trace, "source of the counters: "+source)
	sum := conntrack.Sum(cpus)
	g := &r.Graphs[0]
	for _, c := range counters() {
		n, ok := sum.Get(c)
		if !ok {
			r.Trace = append(r.Trace, "this kernel does not count "+c.String())
			continue
		}
		metric := counterMetric(c)
		metric.Value = report.Count(n)
		g.Metrics = append(g.Metrics, metric)
	}
	if len(wanted) == 0 {
		return nil
	}
	addRates(ctx, call, h, r, &sum, wanted)
	return nil
}

func counterMetric(c conntrack.Counter) report.Metric {
	return report.Metric{
		Name: c.String(), Label: strings.ReplaceAll(c.String(), "_", " "), Help: meaning(c),
		Kind: report.Counter, Min: report.Count(0),
	}
}

func rateMetric(c conntrack.Counter) report.Metric {
	return report.Metric{
		Name: c.String() + rateSuffix, Label: c.String() + rateSuffix, Help: meaning(c) + " Per second since the last run.",
		Min: report.Count(0),
	}
}

func addUnknown(r *report.Report, wanted []conntrack.Counter) {
	for _, c := range wanted {
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, rateMetric(c))
	}
}

// addRates adds how fast counters rose since the last run.
func addRates(ctx context.Context, call *plugin.Call, h *host, r *report.Report, sum *conntrack.Stats, wanted []conntrack.Counter) {
	rates, err := advance(ctx, call, h, r, sum)
	if err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
	for _, c := range wanted {
		metric := rateMetric(c)
		_, counted := sum.Get(c)
		rate := rates[c.String()]
		switch {
		case !counted:
			r.Problems = append(r.Problems, "this kernel does not count "+c.String())
		case rate.Known():
			metric.Value = report.Number(rate.PerSecond)
		case err == nil:
			metric.Value = report.Collecting()
		}
		r.Graphs[0].Metrics = append(r.Graphs[0].Metrics, metric)
	}
}

// advance remembers where all counters stand and returns their rates.
func advance(ctx context.Context, call *plugin.Call, h *host, r *report.Report, sum *conntrack.Stats) (map[string]state.Rate, error) {
	id := h.namespace()
	file := state.CheckFile("conntrack.rates", call.Env.Args)
	store, err := state.Open(call.Common().StateDir, file, "conntrack-rates-1", call.Env.Getenv)
	if err != nil {
		return nil, err
	}
	now := state.Sample{Values: map[string]uint64{}}
	if now.At, err = state.BootClock(); err != nil {
		return nil, err
	}
	boot, err := h.root.BootID()
	if err != nil {
		return nil, err
	}
	now.Epoch = fmt.Sprintf("%s/%d.%d", boot, id.Device, id.Inode)
	for _, c := range counters() {
		if n, ok := sum.Get(c); ok {
			now.Values[c.String()] = n
		}
	}
	rates, note, err := store.Rates(ctx, now)
	if note != nil {
		r.Details = append(r.Details, note.Error())
	}
	r.Details = append(r.Details, interval(rates)...)
	return rates, err
}

// interval says what the rates are averages over.
func interval(rates map[string]state.Rate) []string {
	var longest state.Rate
	for _, rate := range rates {
		if rate.Interval > longest.Interval {
			longest = rate
		}
	}
	if !longest.Known() {
		return nil
	}
	return []string{fmt.Sprintf("rates are over the last %.1f s", longest.Interval.Seconds())}
}
