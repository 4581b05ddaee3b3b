package main

// grouping are the options that say how to count.
type grouping struct {
	By  []string `long:"by" unquote:"false" value-name:"GROUP" description:"count by protocol, state, status, src, dst, sport, dport, reply-src, zone or mark; peer is src, port is dport"`
	Top string   `long:"top" unquote:"false" value-name:"N" description:"show the N largest groups (checks: 10)"`
}
