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

// KeepFields gives a report's graph whose groups come from an open set (peers,
// processes) fields that change slowly: every field that a graph ever had is a
// file for ever on the master. The open metrics of the graph are merged into
// those that are remembered under format, at most most of them. What was
// remembered and cannot be read any more becomes a problem of the report: the
// graph loses its fields once. Where nothing can be remembered the graph stays
// as it is, and the error says why.
func (c *Call) KeepFields(ctx context.Context, r *report.Report, format string, most int, remembered Remembered) error {
	store, err := c.fieldStore(format)
	if err != nil {
		return err
	}
	g := &r.Graphs[0]
	now := c.openFields(g)
	var kept []munin.Field
	var lost error
	err = store.Update(ctx, func(old []byte, oldErr error) ([]byte, error) {
		var known []munin.Field
		known, lost = decodeFields(store, old, oldErr)
		kept = munin.MergeFields(known, now, most)
		return munin.EncodeFields(kept), nil
	})
	if err != nil {
		return err
	}
	if lost != nil {
		r.Problems = append(r.Problems, "the fields of this graph begin anew: "+lost.Error())
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
	text, err := store.Read()
	fields, _ := decodeFields(store, text, err) // the run that replaces the file tells what is wrong with it
	setOpen(g, fields, remembered)
}

// fieldStore is a file for each graph, which munin-node names for itself.
func (c *Call) fieldStore(format string) (state.Store, error) {
	return state.Open(c.common.StateDir, c.Plugin.Name+"_"+c.suffix+".fields", format, c.Env.Getenv)
}

// decodeFields returns what a store remembers; the error is why it is lost. A
// first run has nothing to lose.
func decodeFields(store state.Store, text []byte, err error) ([]munin.Field, error) {
	if errors.Is(err, state.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fields, err := munin.DecodeFields(text)
	if err != nil {
		return nil, &state.BrokenError{Path: store.Path(), Reason: err.Error()}
	}
	return fields, nil
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
// anything.
func NoStateDir(err error) bool {
	var dir *state.DirError
	return errors.As(err, &dir)
}

// Unremembered adds to a graph's report why its fields could not be remembered.
// That nothing names a place for it is nothing to complain about in a call by
// hand; to munin-node's it is, because the node gives every plugin one.
func (c *Call) Unremembered(r *report.Report, err error) {
	var dir *state.DirError
	if c.Env.Getenv("MUNIN_STATEFILE") == "" && errors.As(err, &dir) && dir.Dir == "" {
		return
	}
	r.Problems = append(r.Problems, "the fields of this graph are those of the hour, because they cannot be remembered: "+err.Error())
}
