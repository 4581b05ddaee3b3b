package baseline

import "github.com/sockcensus/sockcensus/pkg/sock"

// A Rule says what may listen at a place.
type Rule struct {
	Place Place
	// Programs are patterns of programs; one has to match.
	Programs []string
	// Required tells that something has to listen there.
	Required bool
	// Origin is where the rule was written: "line 12", "--allow". Line is its
	// number, 0 for none.
	Origin string
	Line   int
}

// String returns place and programs as a line of the file says them, and the
// place alone as an option does ("tcp/443").
func (r *Rule) String() string {
	if r.Line == 0 {
		return r.Place.Protocol.String() + "/" + r.Place.socket()
	}
	return (&Line{Place: r.Place, Programs: r.Programs}).String()
}

// A Result tells how listeners differ from what is expected. Numbers are indexes
// of the listeners and rules that were compared.
type Result struct {
	// Unexpected are listeners that no rule allows.
	Unexpected []int
	// Missing are required rules that no listener fulfils.
	Missing []int
	// Unverified are listeners that were taken for what a rule names without
	// seeing the program.
	Unverified []int
	// Moves pair missing rules with unexpected listeners; each is part of the
	// lists above as well.
	Moves []Move
}

// Differs reports whether anything is unexpected or missing.
func (r *Result) Differs() bool { return len(r.Unexpected)+len(r.Missing) > 0 }

// A Move is a missing rule and the unexpected listener that explains it.
type Move struct {
	Rule, Listener int
	// Replaced tells that the place is the same and the program another one;
	// else the program is the same and the place another one.
	Replaced bool
}

// A ruleIndex finds the rules that may be about a port.
type ruleIndex struct {
	rules  []Rule
	byPort map[portKey][]int
	ranges []int
}

type portKey struct {
	protocol sock.Protocol
	port     uint16
}

func newIndex(rules []Rule) *ruleIndex {
	x := &ruleIndex{rules: rules, byPort: map[portKey][]int{}}
	for i := range rules {
		if p := &rules[i].Place; p.Low == p.High {
			key := portKey{p.Protocol, p.Low}
			x.byPort[key] = append(x.byPort[key], i)
		} else {
			x.ranges = append(x.ranges, i)
		}
	}
	return x
}

// about yields the rules whose place the listener is in.
func (x *ruleIndex) about(l *Listener) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for _, list := range [2][]int{x.byPort[portKey{l.Protocol, l.Local.Port()}], x.ranges} {
			for _, i := range list {
				if x.rules[i].Place.Matches(l) && !yield(i) {
					return
				}
			}
		}
	}
}

// A Need says what the program of a listener has to be known for.
type Need uint8

// The needs: a listener that a rule allows whoever holds it has none, one that
// nothing allows is to be described, and one in a place for which a rule names
// programs has to be compared.
const (
	NoNeed Need = iota
	ToDescribe
	ToCompare
)

// Needs tells for each listener what its program has to be known for.
func Needs(rules []Rule, listeners []Listener) []Need {
	x := newIndex(rules)
	needs := make([]Need, len(listeners))
	for n := range listeners {
		if !listeners[n].Uncounted {
			needs[n] = ToDescribe
		}
		for i := range x.about(&listeners[n]) {
			if namesPrograms(rules[i].Programs) {
				needs[n] = ToCompare
				break
			}
			needs[n] = NoNeed
		}
	}
	return needs
}

// Compare holds listeners against rules.
func Compare(rules []Rule, listeners []Listener) Result {
	var result Result
	x := newIndex(rules)
	fulfilled := make([]bool, len(rules))
	for n := range listeners {
		l := &listeners[n]
		best := differs
		for i := range x.about(l) {
			v := held(rules[i].Programs, l)
			best = max(best, v)
			if v != differs && rules[i].Place.fulfilledBy(l) {
				fulfilled[i] = true
			}
		}
		switch {
		case l.Uncounted:
		case best == differs:
			result.Unexpected = append(result.Unexpected, n)
		case best == unverified:
			result.Unverified = append(result.Unverified, n)
		}
	}
	for i := range rules {
		if rules[i].Required && !fulfilled[i] {
			result.Missing = append(result.Missing, i)
		}
	}
	result.Moves = moves(rules, listeners, &result)
	return result
}

// maxPairs bounds the search for moves: beyond it the host is another one.
const maxPairs = 1 << 20

// moves pairs what is missing with what is unexpected: first the same place with
// another program, then the same program on the same port, then elsewhere.
func moves(rules []Rule, listeners []Listener, r *Result) []Move {
	if len(r.Missing)*len(r.Unexpected) > maxPairs {
		return nil
	}
	var found []Move
	usedRule, usedListener := map[int]bool{}, map[int]bool{}
	for _, likely := range []func(*Rule, *Listener) bool{sameSocket, samePort, sameProgram} {
		for _, i := range r.Missing {
			for _, n := range r.Unexpected {
				if usedRule[i] || usedListener[n] || !likely(&rules[i], &listeners[n]) {
					continue
				}
				usedRule[i], usedListener[n] = true, true
				found = append(found, Move{Rule: i, Listener: n, Replaced: sameSocket(&rules[i], &listeners[n])})
			}
		}
	}
	return found
}

func sameSocket(r *Rule, l *Listener) bool { return r.Place.fulfilledBy(l) }

func samePort(r *Rule, l *Listener) bool {
	return l.Local.Port() >= r.Place.Low && l.Local.Port() <= r.Place.High && sameProgram(r, l)
}

func sameProgram(r *Rule, l *Listener) bool {
	if r.Place.Protocol != l.Protocol || !namesPrograms(r.Programs) {
		return false
	}
	return len(l.Programs) > 0 && held(r.Programs, l) == agrees
}
