package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	sockselection "github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
)

// selection are the options that pick connections.
type selection struct {
	Port      []string `short:"p" long:"port" unquote:"false" value-name:"PORT" description:"port of the service, the local one of incoming connections, the remote one of outgoing: 443, https, 8000-8080 or 80,443"`
	Peer      []string `long:"peer" unquote:"false" value-name:"ADDR[/LEN]" description:"address or network of the peer"`
	Direction string   `long:"direction" unquote:"false" value-name:"in|out" description:"who opened the connection: the peer or this host (default: in)"`
}

// A query is a selection, understood. The zero value picks what comes in.
type query struct {
	ports     []sockselection.PortRange
	peers     []netip.Prefix
	direction opens.Direction
	both      bool // of the directions
}

// query reads the options. Without a direction both are picked where both is
// set.
func (s *selection) query(both bool) (q query, err error) {
	if q.ports, err = sockselection.Ports("--port", s.Port, new(names.Resolver)); err != nil {
		return q, err
	}
	if q.peers, err = sockselection.Prefixes("--peer", s.Peer); err != nil {
		return q, err
	}
	switch s.Direction {
	case "":
		q.both = both
	case "in":
	case "out":
		q.direction = opens.Out
	default:
		return q, plugin.Usagef("--direction %s: use in or out", quote.Text(s.Direction))
	}
	return q, nil
}

// wants reports whether the query picks a service.
func (q *query) wants(s opens.Service) bool {
	if !q.both && s.Direction != q.direction {
		return false
	}
	return len(q.ports) == 0 || slices.ContainsFunc(q.ports, func(r sockselection.PortRange) bool { return r.Low <= s.Port && s.Port <= r.High })
}

// wantsUnknown is wants for what the kernel's tables had no room for: port 0 is of
// none that is known.
func (q *query) wantsUnknown(s opens.Service) bool {
	return q.wants(s) && (s.Port != 0 || len(q.ports) == 0)
}

func (q *query) wantsPeer(a netip.Addr) bool {
	return len(q.peers) == 0 || slices.ContainsFunc(q.peers, func(p netip.Prefix) bool { return p.Contains(a) })
}

// counts refuses a question that a method does not answer.
func (q *query) counts(m opens.Method) error {
	if m == opens.NFT && !q.both && q.direction == opens.Out {
		return errNoOutgoing
	}
	return nil
}

var errNoOutgoing = errors.New("the nft method counts incoming connections alone: outgoing ones need the sockops method, which sockcensus-opens on --method sockops switches on where the kernel allows it")

// noun is what is counted.
func (s *selection) noun() string {
	if s.Direction == "out" {
		return "outgoing connection"
	}
	return "connection"
}

// subject says in a few words whose connections are picked, as in "to port 443
// from 10.0.0.0/8".
func (s *selection) subject() string {
	var words []string
	for _, part := range []struct {
		preposition string
		values      []string
	}{{"to port", s.Port}, {peerPreposition(s.Direction), s.Peer}} {
		if values := plugin.Words(part.values); len(values) > 0 {
			words = append(words, part.preposition+" "+shortened(values))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " " + strings.Join(words, " ")
}

func peerPreposition(direction string) string {
	if direction == "out" {
		return "at"
	}
	return "from"
}

// shortened lists values, of a long list only the first.
func shortened(values []string) string {
	const most = 5
	if len(values) <= most {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:most], ", "), len(values)-most)
}
