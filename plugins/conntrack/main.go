// Command conntrack measures the connection-tracking table: how full it is,
// which flows are in it, what it dropped, what happens to it. It is a Nagios
// check, a Munin plugin and a person's command, by the name that it is called
// as.
package main

import "github.com/sockcensus/sockcensus/pkg/plugin"

func main() { plugin.Main(definition()) }
