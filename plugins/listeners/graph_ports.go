package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// mostPorts bounds the fields of a graph by port. Beyond it the picture is
// unreadable; the field "other" tells about the rest.
const mostPorts = 50

// A portFigure is what one port's listeners have in a graph.
type portFigure struct {
	port  uint16
	value report.Value
	size  float64
}

// ports measures listeners_queue and listeners_drops. Their fields are the ports
// that ever listened, so that also config has to look.
func (m *measurement) ports(ctx context.Context, call *plugin.Call, r *report.Report, suffix string) error {
	format := "listeners-" + suffix + "-1"
	s, err := m.survey(ctx, call, r)
	if err != nil {
		call.RecallFields(&r.Graphs[0], format, func(name string) report.Metric {
			return portMetric(suffix, portOf(name), report.Unknown())
		})
		return err
	}
	figures := queueFigures(s.listeners())
	absent := report.Count(0)
	if suffix == dropsGraph {
		figures, absent = dropFigures(s.listeners()), report.Unknown()
	}
	figures = limitedFirst(figures, call, absent)
	g := &r.Graphs[0]
	g.Metrics = portMetrics(suffix, figures)
	err = call.KeepFields(ctx, r, format, mostPorts, func(name string) report.Metric {
		for _, f := range figures {
			if field, _ := portLabel(f.port); field == name {
				return portMetric(suffix, f.port, f.value)
			}
		}
		return portMetric(suffix, portOf(name), absent)
	})
	if err != nil {
		call.Unremembered(r, err)
	}
	if call.NeedValues {
		r.Problems = append(r.Problems, s.valueless(suffix, g.Metrics)...)
	}
	if other, ok := rest(suffix, figures, g.Metrics); ok {
		g.Metrics = append(g.Metrics, other)
		m.more = ", " + m.more
	}
	return nil
}

// valueless says why fields of a graph by port have no value.
func (s *survey) valueless(suffix string, metrics []report.Metric) []string {
	c := countListeners(s.listeners())
	switch {
	case suffix == queueGraph && !c.queueKnown:
		return []string{s.undecided(howFull)}
	case suffix == dropsGraph && !c.dropsKnown:
		return []string{s.undecided(howDropped)}
	}
	var gone []string
	for i := range metrics {
		if !metrics[i].Value.IsKnown() {
			gone = append(gone, metrics[i].Key)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return []string{"nothing listens at the moment on port " + strings.Join(gone, ", ")}
}

// limitedFirst puts the ports that thresholds name before all others: they have
// a field of their own, whatever listens at the moment.
func limitedFirst(figures []*portFigure, call *plugin.Call, absent report.Value) []*portFigure {
	var first []*portFigure
	for name := range call.Limits {
		port, err := strconv.ParseUint(strings.TrimPrefix(name, "p"), 10, 16)
		if field, _ := portLabel(uint16(port)); err != nil || port == 0 || field != name {
			continue
		}
		at := slices.IndexFunc(figures, func(f *portFigure) bool { return f.port == uint16(port) })
		if at < 0 {
			first = append(first, &portFigure{port: uint16(port), value: absent})
			continue
		}
		first = append(first, figures[at])
		figures = slices.Delete(figures, at, at+1)
	}
	slices.SortFunc(first, func(a, b *portFigure) int { return cmp.Compare(a.port, b.port) })
	return append(first, figures...)
}

func portMetrics(suffix string, figures []*portFigure) []report.Metric {
	var metrics []report.Metric
	for _, f := range figures[:min(len(figures), mostPorts)] {
		metrics = append(metrics, portMetric(suffix, f.port, f.value))
	}
	return metrics
}

// portMetric is the field of one port. All are lines, because neither
// percentages nor rates of drops add up to a whole.
func portMetric(suffix string, port uint16, value report.Value) report.Metric {
	name, label := portLabel(port)
	metric := report.Metric{
		Name: name, Label: label, Value: value, Min: report.Count(0),
		Dimension: "port", Key: fmt.Sprint(port), Open: true,
		Help: fmt.Sprintf("Fill of the fullest accept queue on port %d.", port), Unit: report.Percent, Max: report.Count(100),
	}
	if suffix == dropsGraph {
		metric.Help, metric.Unit = fmt.Sprintf("Drops of the listeners on port %d.", port), report.NoUnit
		metric.Kind, metric.Max = report.Counter, report.Unknown()
	}
	return metric
}

// portOf reads a field's name back.
func portOf(field string) uint16 {
	port, _ := strconv.ParseUint(strings.TrimPrefix(field, "p"), 10, 16)
	return uint16(port)
}

// rest is a field for the ports that have none of their own.
func rest(suffix string, figures []*portFigure, shown []report.Metric) (report.Metric, bool) {
	var most, sum float64
	others, known := 0, true
	for _, f := range figures {
		name, _ := portLabel(f.port)
		if slices.ContainsFunc(shown, func(m report.Metric) bool { return m.Name == name }) {
			continue
		}
		others++
		most, sum = max(most, f.size), sum+f.size
		known = known && f.value.IsKnown()
	}
	other := report.Metric{Name: "other", Label: "other ports", Min: report.Count(0), Help: "Fill of the fullest accept queue on the other ports.", Value: report.Number(most)}
	if suffix == dropsGraph {
		other.Help, other.Kind, other.Value = "Drops of the listeners on the other ports.", report.Counter, report.Count(uint64(sum))
	}
	if !known {
		other.Value = report.Unknown()
	}
	return other, others > 0
}

// queueFigures is the fill of the fullest accept queue by port, fullest first.
func queueFigures(listed []*listener) []*portFigure {
	return figures(listed, func(l *listener, f *portFigure) {
		if l.Protocol != sock.TCP {
			return
		}
		fill, known := l.fullest().fill()
		switch {
		case !known:
			f.value = report.Unknown()
		case !f.value.IsKnown() || fill > f.size:
			f.value, f.size = report.Number(fill), fill
		}
	}, sock.TCP)
}

// dropFigures is the sum of drops by port, most first.
func dropFigures(listed []*listener) []*portFigure {
	return figures(listed, func(l *listener, f *portFigure) {
		if drops, known := l.drops(); known {
			f.size += float64(drops)
			f.value = report.Count(uint64(f.size))
		}
	}, sock.TCP, sock.UDP)
}

// figures sums up listeners by port, for some protocols.
func figures(listed []*listener, add func(*listener, *portFigure), protocols ...sock.Protocol) []*portFigure {
	at := map[uint16]int{}
	var all []*portFigure
	for _, l := range listed {
		if !slices.Contains(protocols, l.Protocol) {
			continue
		}
		port := l.Local.Port()
		if _, ok := at[port]; !ok {
			at[port] = len(all)
			all = append(all, &portFigure{port: port})
		}
		add(l, all[at[port]])
	}
	slices.SortFunc(all, func(a, b *portFigure) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.port, b.port))
	})
	return all
}
