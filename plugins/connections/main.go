// Command connections counts this host's sockets: by state, port, peer,
// process, user ... It is a Nagios check, a Munin plugin and a person's
// command, by the name that it is called as.
package main

import "github.com/sockcensus/sockcensus/pkg/plugin"

func main() { plugin.Main(definition()) }
