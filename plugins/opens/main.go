// Command opens counts every TCP connection as it opens, per port and peer. It
// is a Nagios check, a Munin plugin and a person's command, by the name that it
// is called as.
package main

import "github.com/sockcensus/sockcensus/pkg/plugin"

func main() { plugin.Main(definition(linuxKernel())) }
