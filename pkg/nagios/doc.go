// Package nagios writes a report as the output of a monitoring plugin: a status
// line with performance data, long text below it, and an exit code. Nagios,
// Icinga, NRPE and their relatives read it.
//
//	CONNECTIONS WARNING - 652 established to port 443 (above 500) | total=652;500;800;0;
//
// The output is bounded, plain ASCII and holds at most one "|", whatever names
// the report brings from outside. The package only formats; it measures
// nothing and prints nothing.
//
// Guideline: https://www.monitoring-plugins.org/doc/guidelines.html
package nagios
