// Package report holds what one run of a plugin found, described once so that
// every monitoring system's dialect can be written from it: graphs of metrics
// for Munin, Nagios and Prometheus, a table of rows for people and scripts.
//
// A metric carries its own thresholds, so what is printed and what is
// evaluated cannot differ, and the status of a report is computed from its
// metrics and never assigned.
package report
