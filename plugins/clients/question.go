package main

import (
	"context"
	"net/netip"
	"time"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// question are the options that say what a client is.
type question struct {
	MinAge  string `long:"min-age" unquote:"false" value-name:"DURATION" description:"how old a connection must be (default: 5s)"`
	NoWait  bool   `long:"no-wait" description:"never wait to see who stays; count the undecided apart"`
	By      string `long:"by" unquote:"false" value-name:"address|network" description:"what one client is (default: address)"`
	Top     string `long:"top" unquote:"false" value-name:"N" description:"show the N largest clients (checks: 10)"`
	Prefix4 string `long:"prefix4" unquote:"false" value-name:"LEN" description:"prefix length of --by network for IPv4 (default: 24)"`
	Prefix6 string `long:"prefix6" unquote:"false" value-name:"LEN" description:"prefix length of --by network for IPv6 (default: 64)"`

	host host
}

// defaultMinAge is the age from which a connection makes a client.
const defaultMinAge = 5 * time.Second

// minAge reads --min-age; with an error it is the default.
func (q *question) minAge() (time.Duration, error) {
	if q.MinAge == "" {
		return defaultMinAge, nil
	}
	d, err := plugin.ParseDuration("--min-age", q.MinAge)
	if err != nil {
		return defaultMinAge, err
	}
	return d, nil
}

// grouping reads what one client is.
func (q *question) grouping() (grouping, error) {
	g := grouping{v4: 24, v6: 64}
	switch q.By {
	case "", "address":
	case "network":
		g.network = true
	default:
		return g, plugin.Usagef("--by %s: use address or network", quote.Text(q.By))
	}
	var err error
	if g.v4, err = plugin.ParsePrefixLength("--prefix4", q.Prefix4, g.v4, 32); err != nil {
		return g, err
	}
	g.v6, err = plugin.ParsePrefixLength("--prefix6", q.Prefix6, g.v6, 128)
	return g, err
}

// A grouping says which addresses are one client.
type grouping struct {
	network bool
	v4, v6  int
}

// of returns the client that an address belongs to: itself, as the longest
// prefix, or its network.
func (g grouping) of(address netip.Addr) netip.Prefix {
	length := address.BitLen()
	if g.network {
		length = g.v6
		if address.Is4() {
			length = g.v4
		}
	}
	prefix, _ := address.Prefix(length) // lengths were checked
	return prefix
}

// text is the name of a client: an address, or a network.
func (g grouping) text(client netip.Prefix) string {
	if g.network {
		return client.String()
	}
	return client.Addr().String()
}

// noun is what is counted.
func (g grouping) noun(n uint64) string {
	switch {
	case g.network && n == 1:
		return "client network"
	case g.network:
		return "client networks"
	case n == 1:
		return "client"
	default:
		return "clients"
	}
}

// established is what is counted when no state is named.
var established = selection.Defaults{Stateful: sock.StatesOf(sock.Established)}

// selected reads which connections are asked about.
func selected(ctx context.Context, call *plugin.Call, o *selection.Options) (*selection.Selected, error) {
	if !o.Any() {
		return nil, plugin.Usagef("whose clients? name a port, such as --port 443, or another selection")
	}
	s, err := o.Query(ctx, call, established)
	if err != nil {
		return nil, err
	}
	for _, t := range s.Tables {
		if t.Protocol != sock.TCP {
			return nil, plugin.Usagef("--protocol %s: only tcp connections have an age that can be told", t.Protocol)
		}
		if t.States&sock.Connected == 0 {
			return nil, plugin.Usagef("--state %s: there are no peers in this state", t.States)
		}
	}
	s.Want |= sock.FieldTCPInfo
	s.Need |= sock.FieldCookie
	return s, nil
}
