// Package munin writes reports as a Munin plugin's output and reads the
// environment that munin-node sets: capabilities, state, and the options that
// plugin-conf.d passes on.
//
// A plugin must exit with zero whatever happens, or the node drops what it
// printed: what could not be measured is the value U, with the reason in a
// comment beside it.
//
// A report with one graph is a plain service. A report with several is a
// multigraph: the first graph bears the service's name and each other the
// service's name, an underscore and its own, so that all of them stand side by
// side on the host's page ("connections_summary", "connections_summary_memory").
//
// Protocol: https://guide.munin-monitoring.org/en/latest/reference/plugin.html
package munin
