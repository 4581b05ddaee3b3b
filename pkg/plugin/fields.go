package plugin

import (
	"context"
	"errors"

	"github.com/sockcensus/sockcensus/pkg/munin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// The two families of Munin plugins; a definition names one of them.
const (
	AutoMarkers   = munin.AutoMarkers
	ManualMarkers = munin.ManualMarkers
)

// KeepFields gives a graph whose groups come from an open set (peers,
// processes) fields that change slowly: every field that a graph ever had is a
// file for ever on the master. The open metrics of the graph are merged into
// those that are remembered under format, at most most of them; value tells
// the value of one that is remembered and not among them now. Where nothing
// can be remembered the graph stays as it is, and the error says why.
func (c *Call) KeepFields(ctx context.Context, g *report.Graph, format string, most int, value func(name string) report.Value) error {
	store, err := c.fieldStore(format)
	if err != nil {
		return err
	}
	now := c.openFields(g)
	var kept []munin.Field
	err = store.Update(ctx, func(old []byte, oldErr error) ([]byte, error) {
		known := decodeFields(old, oldErr)
		kept = munin.MergeFields(known, now, most)
		return munin.EncodeFields(kept), nil
	})
	if err != nil {
		return err
	}
	setOpen(g, kept, value)
	return nil
}

// RecallFields gives a graph the fields that are remembered, with no values:
// for when measuring failed.
func (c *Call) RecallFields(g *report.Graph, format string) {
	store, err := c.fieldStore(format)
	if err != nil {
		return
	}
	known := decodeFields(store.Read())
	setOpen(g, known, func(string) report.Value { return report.Unknown() })
}

func (c *Call) fieldStore(format string) (state.Store, error) {
	return state.Open(c.common.StateDir, c.Plugin.Name+".fields", format, c.Env.Getenv)
}

func decodeFields(text []byte, err error) []munin.Field {
	if err != nil {
		return nil // a first run, or a file that is about to be replaced
	}
	fields, err := munin.DecodeFields(text)
	if err != nil {
		return nil
	}
	return fields
}

func (c *Call) openFields(g *report.Graph) []munin.Field {
	var fields []munin.Field
	for _, m := range g.Metrics {
		if m.Open {
			fields = append(fields, munin.Field{Name: m.Name, Label: m.Label, Seen: c.Env.Now()})
		}
	}
	return fields
}

// setOpen replaces the open metrics of a graph.
func setOpen(g *report.Graph, fields []munin.Field, value func(string) report.Value) {
	measured := map[string]report.Metric{}
	var metrics []report.Metric
	at := -1
	for _, m := range g.Metrics {
		if !m.Open {
			metrics = append(metrics, m)
			continue
		}
		measured[m.Name] = m
		if at < 0 {
			at = len(metrics)
		}
	}
	if at < 0 {
		at = len(metrics)
	}
	var open []report.Metric
	for _, f := range fields {
		m, ok := measured[f.Name]
		if !ok {
			m = report.Metric{Name: f.Name, Label: f.Label, Value: value(f.Name), Min: report.Count(0), Open: true, Draw: report.Stack}
		}
		open = append(open, m)
	}
	g.Metrics = append(append(append([]report.Metric{}, metrics[:at]...), open...), metrics[at:]...)
}

// NoStateDir reports whether an error means that there is no place to remember
// anything, which for a call by hand is nothing to complain about.
func NoStateDir(err error) bool {
	var dir *state.DirError
	return errors.As(err, &dir)
}
