package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/baseline"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// What /proc does not tell of a listener.
const (
	howFull    = "how full accept queues are"
	howDropped = "how much a socket has dropped"
)

// undecided is the sentence about what /proc does not tell, and what to do. Where
// nobody chose /proc the notes of the plan say why it was read.
func (s *survey) undecided(what string) string {
	if s.selected.Query.Source == scan.Proc || len(s.plan.Notes) == 0 {
		return (&sock.UndecidableError{Source: "proc", What: what}).Error()
	}
	return "source proc cannot decide: " + what + "; " + strings.Join(s.plan.Notes, "; ")
}

// unproven reports whether only the address says that others can reach the
// listener: /proc does not tell devices, and it may be bound to lo.
func (l *listener) unproven() bool {
	return !l.Loopback && !l.sockets[0].known.Has(sock.FieldInterface)
}

// The notes where listeners are unproven: those that are counted count as public,
// those that are listed have no reach.
const (
	publicByAddress = "public goes by the address: source proc does not tell what is bound to device lo, netlink does (--source netlink)"
	noReach         = "source proc does not tell devices: a listener without reach has an address that others can reach, but may be bound to lo"
)

// unprovenRequired says which required places only unproven listeners are in: one
// of them would be missing if it were bound to lo. It returns how many, and a
// sentence about them.
func (c *comparison) unprovenRequired() (n int, problem string) {
	var places []string
	var first *listener
	for i := range c.rules {
		p := &c.rules[i].Place
		if !c.rules[i].Required || p.Scope != baseline.Public {
			continue
		}
		if there := c.onlyUnproven(p); there != nil {
			places = append(places, c.rules[i].String())
			first = cmp.Or(first, there)
		}
	}
	if len(places) == 0 {
		return 0, ""
	}
	place := first.Place()
	return len(places), fmt.Sprintf("%s%s unknown: %s; --require %s asks for the address alone", places[0], others(len(places)),
		c.undecided("whether "+place.String()+" is bound to device lo"), (&baseline.Rule{Place: place}).String())
}

// onlyUnproven is the first listener in a place where all are unproven, nil where
// one is not.
func (c *comparison) onlyUnproven(p *baseline.Place) (first *listener) {
	for _, l := range c.listed {
		switch {
		case !p.Matches(&l.Listener):
		case !l.unproven():
			return nil
		default:
			first = cmp.Or(first, l)
		}
	}
	return first
}

// reachable is the value of the metric public: its bounds where a threshold asks
// for it and some of the listeners may be bound to lo.
func (c *count) reachable(call *plugin.Call) report.Value {
	if call.Limits["public"].IsSet() {
		return report.Between(c.public-c.unproven, c.public)
	}
	return report.Count(c.public)
}
