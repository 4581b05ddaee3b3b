package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/baseline"
	"github.com/sockcensus/sockcensus/pkg/plugin"
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
	publicByAddress = "public goes by the address: source proc does not tell what is bound to device lo"
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

// unprovenPublic says that a threshold on the metric public might decide otherwise
// if some of the listeners were bound to lo; "" where it could not.
func (c *count) unprovenPublic(call *plugin.Call, s *survey) string {
	limit := call.Limits["public"]
	if !limit.IsSet() {
		return ""
	}
	for n := c.public - c.unproven; n < c.public; n++ {
		if limit.Evaluate(float64(n)) != limit.Evaluate(float64(c.public)) {
			return fmt.Sprintf("public is unknown, at most %d: %s", c.public, s.undecided("which listeners are bound to device lo"))
		}
	}
	return ""
}
