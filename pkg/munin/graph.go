package munin

import (
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// Config describes the graphs of a report as a service's configuration. With
// dirty, which only a master that said so understands, the values follow.
func Config(r *report.Report, service string, dirty bool) []byte {
	var b []byte
	for i := range r.Graphs {
		g := &r.Graphs[i]
		b = appendName(b, r, service, i)
		b = appendGraph(b, g)
		for m := range g.Metrics {
			b = appendField(b, &g.Metrics[m], r.Source)
		}
		if dirty {
			b = appendValues(b, g)
		}
	}
	return b
}

// Values prints the value of every field, U where there is none.
func Values(r *report.Report, service string) []byte {
	var b []byte
	for i := range r.Graphs {
		b = appendName(b, r, service, i)
		b = appendValues(b, &r.Graphs[i])
	}
	return b
}

// appendName begins a graph of a multigraph; a single graph needs no name. The
// first one brings the reasons for what is missing: munin-asyncd takes only
// output that begins with the word for a multigraph.
func appendName(b []byte, r *report.Report, service string, i int) []byte {
	if len(r.Graphs) > 1 {
		name := service
		if r.Graphs[i].Name != "" {
			name += "_" + r.Graphs[i].Name
		}
		b = appendLine(b, "multigraph", serviceName(name))
	}
	if i == 0 {
		b = appendReasons(b, slices.Concat(r.Problems, r.Notes))
	}
	return b
}

// serviceName makes a name one that the master keeps as it is: it maps other
// bytes to "_", and a "." would put the graph below another.
func serviceName(name string) string {
	b := []byte(name)
	for i, c := range b {
		if !isServiceByte(c) || c == '.' || c == ':' || c == '-' {
			b[i] = '_'
		}
	}
	return string(b)
}

// appendGraph adds the attributes of the picture.
func appendGraph(b []byte, g *report.Graph) []byte {
	unit := g.VerticalLabel
	if hasCounter(g) {
		unit = strings.TrimSpace(unit + " / ${graph_period}")
	}
	b = appendLine(b, "graph_title", attribute(g.Title))
	if isBytes(g) {
		b = appendLine(b, "graph_args", "--base 1024 --lower-limit 0")
	} else {
		b = appendLine(b, "graph_args", "--base 1000 --lower-limit 0")
		// Scaled, 3 events in five minutes are 10m and not 0.01, and an axis of
		// such rates does not say 0.0 at every step.
		if !hasCounter(g) {
			b = appendLine(b, "graph_scale", "no")
		}
	}
	b = appendLine(b, "graph_vlabel", attribute(unit))
	b = appendLine(b, "graph_category", attribute(g.Category))
	return appendLine(b, "graph_info", attribute(g.Info))
}

func hasCounter(g *report.Graph) bool {
	for m := range g.Metrics {
		if g.Metrics[m].Kind == report.Counter {
			return true
		}
	}
	return false
}

func isBytes(g *report.Graph) bool {
	for m := range g.Metrics {
		if g.Metrics[m].Unit != report.Bytes {
			return false
		}
	}
	return len(g.Metrics) > 0
}

// appendLine adds an attribute that has a value.
func appendLine(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return append(append(append(append(b, name...), ' '), value...), '\n')
}
