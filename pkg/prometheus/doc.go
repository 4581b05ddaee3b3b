// Package prometheus writes a report in the Prometheus text exposition format
// 0.0.4, as node_exporter's textfile collector reads it: no timestamps, and
// none of OpenMetrics.
//
// Metrics are called sockcensus_PLUGIN_METRIC, and the groups of a dimension
// are one metric, sockcensus_PLUGIN_by_DIMENSION, with the group as label.
// Units are base units and part of the name: percent become a ratio. A value
// that is not known is left out, because a wrong zero is worse than a gap;
// sockcensus_PLUGIN_success is 1 when nothing was left out for want of an
// answer, and 0 otherwise.
//
// Format: https://prometheus.io/docs/instrumenting/exposition_formats/
package prometheus
