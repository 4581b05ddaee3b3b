// Package plugin is the frame that every binary of the suite stands in. It
// finds out what the binary is called as (a Nagios check, a Munin plugin or a
// person's command), parses the options, bounds the time, catches panics and
// writes the answer in one piece in the dialect that was asked for.
//
// A plugin itself turns options into a report.Report or a report.Table. It
// prints nothing and knows no monitoring system.
package plugin
