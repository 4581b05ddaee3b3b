package main

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// fillReport is the check without a selection: how full the table is, and the
// tracker's counters.
func (m *measurement) fillReport(ctx context.Context, call *plugin.Call, h *host, r *report.Report) error {
	wanted, err := wantedRates(call)
	if err != nil {
		return err
	}
	t, source, err := h.table(ctx)
	if err != nil {
		return explained(err)
	}
	r.Source, r.Default = source, "used_percent"
	r.Trace = append(r.Trace, "source of the fill: "+source)
	percent := percentMetric(t)
	percent.Threshold, err = usualLimits()
	if err != nil {
		return err
	}
	r.Graphs = []report.Graph{{
		Title: "Connection tracking", VerticalLabel: "entries", Category: "fw",
		Metrics: append([]report.Metric{percent}, tableMetrics(t)...),
	}}
	r.Headline = fillWords(t)
	if sentence, idle := h.idle(); idle {
		r.Headline += ": not in use here"
		r.Details = append(r.Details, sentence)
	}
	return m.addCounters(ctx, call, h, r, wanted)
}

// usualLimits are those of a table that fills up: the kernel drops new
// connections when it is full.
func usualLimits() (t threshold.Threshold, err error) {
	if t.Warning, err = threshold.Parse("80"); err != nil {
		return t, err
	}
	t.Critical, err = threshold.Parse("90")
	return t, err
}

func percentMetric(t conntrack.Table) report.Metric {
	m := report.Metric{
		Name: "used_percent", Label: "used", Help: "How full the connection-tracking table is.", Unit: report.Percent,
		Min: report.Count(0), Max: report.Count(100),
	}
	if percent, ok := t.UsedPercent(); ok {
		m.Value = report.Number(percent)
	} else if t.MaxKnown {
		m.Value = report.Inapplicable()
	}
	return m
}

// tableMetrics are the entries of the table and how many fit.
func tableMetrics(t conntrack.Table) []report.Metric {
	used := report.Metric{
		Name: "used", Label: "entries", Help: "Entries in the connection-tracking table.",
		Value: report.Count(t.Used), Min: report.Count(0),
	}
	limit := report.Metric{
		Name: "max", Label: "limit", Help: "How many entries fit (nf_conntrack_max); 0 is no limit.", Min: report.Count(0),
	}
	if t.MaxKnown {
		limit.Value = report.Count(t.Max)
	}
	if t.Max > 0 {
		used.Max = report.Count(t.Max)
	}
	return []report.Metric{used, limit}
}

func fillWords(t conntrack.Table) string {
	percent, ok := t.UsedPercent()
	switch {
	case ok:
		return fmt.Sprintf("%d of %d entries, %s %%", t.Used, t.Max, twoDecimals(percent))
	case t.MaxKnown:
		return fmt.Sprintf("%d entries, percent unknown because there is no limit (nf_conntrack_max is 0)", t.Used)
	default:
		return fmt.Sprintf("%d entries, percent unknown because this kernel does not tell the limit", t.Used)
	}
}

func twoDecimals(f float64) string {
	return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64)
}
