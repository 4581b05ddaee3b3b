package report

// A Graph is a set of metrics that belong in one picture. A check's report has
// one; a Munin plugin has one, or several in a multigraph.
type Graph struct {
	// Name tells the graphs of a multigraph apart; the first may leave it empty.
	Name string
	// Title, VerticalLabel and Info describe the picture. VerticalLabel is
	// what one unit is ("sockets"); for counters the dialect adds the period.
	Title, VerticalLabel, Info string
	// Category is Munin's: "network", "fw", "security".
	Category string
	// Metrics are drawn in this order.
	Metrics []Metric
}
