package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// grouping are the options that say how to sum up.
type grouping struct {
	Top     string `long:"top" unquote:"false" value-name:"N" description:"show the N largest groups"`
	Prefix4 string `long:"prefix4" unquote:"false" value-name:"LEN" description:"prefix length of --by network for IPv4 (default: 24)"`
	Prefix6 string `long:"prefix6" unquote:"false" value-name:"LEN" description:"prefix length of --by network for IPv6 (default: 64)"`
	Names   bool   `long:"names" description:"show service names instead of port numbers"`
}

// A dimension is one way to tell connections apart.
type dimension struct {
	name  string
	group history.Group
}

// dimensions are all there are. Only the history knows hours.
func dimensions() []dimension {
	return []dimension{
		{"peer", history.ByPeer}, {"network", history.ByNetwork}, {"port", history.ByPort},
		{"direction", history.ByDirection}, {"hour", history.ByHour},
	}
}

// A breakdown is what connections are grouped by.
type breakdown struct {
	dimensions       []dimension // in the order that was asked for
	by               history.Group
	prefix4, prefix6 int
	top              int // 0: all
}

func (b *breakdown) has(g history.Group) bool { return b.by&g != 0 }

// breakdown reads the options.
func (g *grouping) breakdown(by []string, hours bool) (b breakdown, err error) {
	for _, word := range plugin.Words(by) {
		d, err := parseDimension(word, hours)
		if err != nil {
			return b, err
		}
		if !b.has(d.group) {
			b.dimensions = append(b.dimensions, d)
			b.by |= d.group
		}
	}
	if b.top, err = plugin.ParseTop(g.Top, 0); err != nil {
		return b, err
	}
	if b.prefix4, err = parseLength("--prefix4", g.Prefix4, 24, 32); err != nil {
		return b, err
	}
	b.prefix6, err = parseLength("--prefix6", g.Prefix6, 64, 128)
	return b, err
}

func parseDimension(word string, hours bool) (dimension, error) {
	all := dimensions()
	if !hours {
		if word == "hour" {
			return dimension{}, plugin.Usagef("--by hour needs the history: use sockcensus-opens report")
		}
		all = all[:len(all)-1]
	}
	i := slices.IndexFunc(all, func(d dimension) bool { return d.name == word })
	if i < 0 {
		var known []string
		for _, d := range all {
			known = append(known, d.name)
		}
		return dimension{}, plugin.Usagef("--by %s is no group: use %s or %s", quote.Text(word), strings.Join(known[:len(known)-1], ", "), known[len(known)-1])
	}
	return all[i], nil
}

func parseLength(option, text string, fallback, longest int) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > longest {
		return 0, plugin.Usagef("%s %s: use a number from 1 to %d", option, quote.Text(text), longest)
	}
	return n, nil
}
