package main

import (
	"math"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// value is the number of sockets that a metric counts, of which n were seen. Where
// more may belong to it, only its bounds are known. What the source does not tell
// is a note beside the number, unless a threshold asks for it: then it counts.
func (v *view) value(t *tally, metric string, n uint64) report.Value {
	if t.mayLack(metric) && v.asked != nil && v.asked(metric) {
		return report.AtLeast(n)
	}
	var more uint64
	if t.unheld != nil {
		more = uint64(t.unheld.Sockets)
	}
	if v.mayOwn(t, metric) {
		more += t.unseen(v.grouper.dimensions[0])
	}
	return report.Between(n, n+min(more, math.MaxUint64-1-n))
}

// mayOwn reports whether unseen sockets may belong to what a metric counts. The
// pseudo-groups themselves are known, and so is the total.
func (v *view) mayOwn(t *tally, metric string) bool {
	return metric != "total" && !isPseudo(metric) && len(t.grouper.dimensions) == 1 && t.unseen(t.grouper.dimensions[0]) > 0
}

// rest is the value of the metric other: n sockets are in groups that shown does
// not have. Whose the unseen ones are nobody knows, shown or not.
func (v *view) rest(t *tally, n uint64, shown []report.Metric) report.Value {
	if !slices.ContainsFunc(shown, func(m report.Metric) bool { return m.Name == unseenGroup }) {
		n -= min(n, t.unseen(v.grouper.dimensions[0]))
	}
	return v.value(t, "other", n)
}

// mayLack reports whether a metric may count sockets that the source does not
// tell. Those are bound and nothing more: TCP, and connected to nobody.
func (t *tally) mayLack(metric string) bool {
	if t.untold == sock.NoStates {
		return false
	}
	if metric == "total" || len(t.grouper.dimensions) == 0 {
		return true
	}
	switch t.grouper.dimensions[0] {
	case byState:
		return metric == "largest"
	case byProtocol:
		return metric == sock.TCP.String() || metric == "largest"
	case byPeer, byPeerPort, byNetwork:
		return metric == noneGroup || metric == "other"
	default:
		return true
	}
}
