package main

import (
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// grouping are the options that say how to count.
type grouping struct {
	By  []string `long:"by" unquote:"false" value-name:"GROUP" description:"count by protocol, state, status, src, dst, sport, dport, reply-src, zone or mark; peer is src, port is dport"`
	Top string   `long:"top" unquote:"false" value-name:"N" description:"show the N largest groups (checks: 10)"`
}

// maxTop bounds --top: more groups than that are nobody's top.
const maxTop = 100000

// top returns the number of groups to show, or fallback where none was given.
func (g *grouping) top(fallback int) (int, error) {
	if g.Top == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(g.Top)
	if err != nil || n < 1 || n > maxTop {
		return 0, plugin.Usagef("--top %s: use a number from 1 to %d", quote.Text(g.Top), maxTop)
	}
	return n, nil
}
