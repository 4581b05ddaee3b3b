package main

// grouping are the options that say how to count.
type grouping struct {
	By      []string `long:"by" unquote:"false" value-name:"GROUP" description:"count by state, port, peer-port, peer, network, process, user, family, protocol or cgroup"`
	Top     string   `long:"top" unquote:"false" value-name:"N" description:"show the N largest groups (checks: 10)"`
	Prefix4 string   `long:"prefix4" unquote:"false" value-name:"LEN" description:"prefix length of --by network for IPv4 (default: 24)"`
	Prefix6 string   `long:"prefix6" unquote:"false" value-name:"LEN" description:"prefix length of --by network for IPv6 (default: 64)"`
}

// grouper reads the options.
func (g *grouping) grouper() (*grouper, error) {
	dimensions, err := parseDimensions(g.By)
	if err != nil {
		return nil, err
	}
	p, err := parsePrefixes(g.Prefix4, g.Prefix6)
	if err != nil {
		return nil, err
	}
	return &grouper{dimensions: dimensions, prefixes: p}, nil
}
