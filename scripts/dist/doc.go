// Package dist tests what scripts/install puts on a host beside the binaries:
// examples of configuration, by the real Munin, Nagios, NRPE, Icinga and sudo;
// manual pages, Munin's documentation and completion, by the programs that read
// them; and the JSON schemas, by what the plugins really print.
package dist
