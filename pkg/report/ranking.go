package report

// A Counted is a group and how many things are in it.
type Counted[G comparable] struct {
	Group G
	Count uint64
}

// A Ranking hands out the groups of a count as metrics, each of them once: those
// that are named beforehand, those that thresholds name, and of the others the
// largest. What it has not handed out is the rest.
type Ranking[G comparable] struct {
	ranked []Counted[G]
	metric func(group G, n uint64, open bool) Metric
	shown  map[G]bool
}

// Rank begins with groups in their order, the largest first. metric makes the
// metric of one; open tells it that nobody named the group.
func Rank[G comparable](ranked []Counted[G], metric func(group G, n uint64, open bool) Metric) *Ranking[G] {
	return &Ranking[G]{ranked: ranked, metric: metric, shown: map[G]bool{}}
}

// Named is a group that has a metric whether anything is in it or not.
func (r *Ranking[G]) Named(group G, n uint64) Metric {
	r.shown[group] = true
	return r.metric(group, n, false)
}

// Labelled is the group of a label that a threshold names, or else absent: the
// metric of a group that nothing is in now.
func (r *Ranking[G]) Labelled(name string, label func(G) string, absent Metric) Metric {
	for _, c := range r.ranked {
		if !r.shown[c.Group] && label(c.Group) == name {
			return r.Named(c.Group, c.Count)
		}
	}
	return absent
}

// Top are the n largest groups that have no metric yet.
func (r *Ranking[G]) Top(n int) []Metric {
	var metrics []Metric
	for _, c := range r.ranked {
		if len(metrics) == n {
			break
		}
		if !r.shown[c.Group] {
			r.shown[c.Group] = true
			metrics = append(metrics, r.metric(c.Group, c.Count, true))
		}
	}
	return metrics
}

// Rest is how many things are in the groups that have no metric.
func (r *Ranking[G]) Rest() uint64 {
	var n uint64
	for _, c := range r.ranked {
		if !r.shown[c.Group] {
			n += c.Count
		}
	}
	return n
}

// Sum is how many things are in all of some groups.
func Sum[G comparable](groups []Counted[G]) uint64 {
	var n uint64
	for _, c := range groups {
		n += c.Count
	}
	return n
}
