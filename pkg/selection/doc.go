// Package selection is the options that select sockets, shared by the plugins
// that count them: what a user writes as flags or as env lines of
// plugin-conf.d becomes a scan.Query.
package selection
