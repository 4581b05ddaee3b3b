package plugin

import (
	"context"
	"errors"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/munin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// The two families of Munin plugins; a definition names one of them.
const (
	AutoMarkers   = munin.AutoMarkers
	ManualMarkers = munin.ManualMarkers
)

// Remembered makes the metric of a field that is remembered and was not
// measured now. The frame fills in its name and label.
type Remembered func(name string) report.Metric

// KeepFields gives a graph whose groups come from an open set (peers,
// processes) fields that change slowly: every field that a graph ever had is a
// file for ever on the master. The open metrics of the graph are merged into
// those that are remembered under format, at most most of them. Where nothing
// can be remembered the graph stays as it is, and the error says why.
func (c *Call) KeepFields(ctx context.Context, g *report.Graph, format string, most int, remembered Remembered) error {
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
	setOpen(g, kept, remembered)
	return nil
}

// RecallFields gives a graph the fields that are remembered, for when measuring
// failed.
func (c *Call) RecallFields(g *report.Graph, format string, remembered Remembered) {
	store, err := c.fieldStore(format)
	if err != nil {
		return
	}
	setOpen(g, decodeFields(store.Read()), remembered)
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

// setOpen replaces the open metrics of a graph, at the place where they stand;
// where there are none, before the metric that sums up the others.
func setOpen(g *report.Graph, fields []munin.Field, remembered Remembered) {
	measured := map[string]report.Metric{}
	var closed []report.Metric
	at := -1
	for _, m := range g.Metrics {
		if m.Open {
			measured[m.Name] = m
		}
		if at < 0 && (m.Open || m.Name == "other") {
			at = len(closed)
		}
		if !m.Open {
			closed = append(closed, m)
		}
	}
	if at < 0 {
		at = len(closed)
	}
	open := make([]report.Metric, len(fields))
	for i, f := range fields {
		m, ok := measured[f.Name]
		if !ok {
			m = remembered(f.Name)
			m.Name, m.Label, m.Open = f.Name, f.Label, true
		}
		open[i] = m
	}
	g.Metrics = slices.Insert(closed, at, open...)
}

// NoStateDir reports whether an error means that there is no place to remember
// anything, which for a call by hand is nothing to complain about.
func NoStateDir(err error) bool {
	var dir *state.DirError
	return errors.As(err, &dir)
}
