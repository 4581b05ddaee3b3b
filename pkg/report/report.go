package report

import (
	"iter"

	"github.com/sockcensus/sockcensus/pkg/threshold"
)

// A Report is what one run found.
type Report struct {
	// Plugin is the plugin's name, such as "connections".
	Plugin string
	// Headline says in a few words what was found: "652 established to port
	// 443". It states the value of the metric called Default.
	Headline string
	Default  string
	Graphs   []Graph
	// Details are lines of long text, most useful first.
	Details []string
	// Notes are sentences without which the numbers would be misread, though
	// nothing failed: what is not in them and why, and what helps.
	Notes []string
	// Problems are sentences about what could not be measured although it was
	// asked for. One of them makes the report at least UNKNOWN.
	Problems []string
	// Trace tells how the answer was found (source, plan, timings). It is long
	// text under --verbose.
	Trace []string
	// Source is where the answer came from: "netlink", "proc" ...
	Source string
}

// Metrics yields the metrics of every graph, in order.
func (r *Report) Metrics() iter.Seq[*Metric] {
	return func(yield func(*Metric) bool) {
		for g := range r.Graphs {
			for m := range r.Graphs[g].Metrics {
				if !yield(&r.Graphs[g].Metrics[m]) {
					return
				}
			}
		}
	}
}

// Status is the worst status of the metrics, and at least UNKNOWN where there
// are problems.
func (r *Report) Status() threshold.Status {
	status := threshold.OK
	if len(r.Problems) > 0 {
		status = threshold.Unknown
	}
	for m := range r.Metrics() {
		status = threshold.Worst(status, m.Status())
	}
	return status
}

// Forget makes every value unknown and notes why. It keeps the shape of the
// report, so that a graph can still be configured after a failed measurement.
func (r *Report) Forget(problem string) {
	for m := range r.Metrics() {
		m.Value = Unknown()
	}
	r.Problems = append(r.Problems, problem)
}
