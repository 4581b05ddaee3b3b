// Command clients counts who stays: the distinct addresses that have been
// connected to a port for a while. It is a Nagios check, a Munin plugin and a
// person's command, by the name that it is called as.
package main

import "github.com/sockcensus/sockcensus/pkg/plugin"

func main() { plugin.Main(definition(kernel{})) }
