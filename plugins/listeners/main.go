// Command listeners tells what listens on this host, whether it is expected, and
// how full the accept queues are. It is a Nagios check, a Munin plugin and a
// person's command, by the name that it is called as.
package main

import "github.com/sockcensus/sockcensus/pkg/plugin"

func main() { plugin.Main(definition()) }
