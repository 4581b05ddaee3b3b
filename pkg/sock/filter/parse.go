package filter

import (
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

const predicates = "src, dst, sport, dport, dev, fwmark, cgroup, uid or autobound"

type parser struct {
	text     string
	words    []word // what is left; a word may have lost its beginning
	names    Resolver
	protocol sock.Protocol
	nesting  int
	domains  sock.Families // the families inet and inet6 that were named
}

func (p *parser) fail(column int, problem string) *SyntaxError {
	return &SyntaxError{Text: p.text, Column: column, Problem: problem}
}

// peek returns the next word, or an empty one at the end.
func (p *parser) peek() word {
	if len(p.words) == 0 {
		return word{column: len(p.text) + 1}
	}
	return p.words[0]
}

func (p *parser) advance() { p.words = p.words[1:] }

// consume takes the first n bytes off the next word.
func (p *parser) consume(n int) {
	w := &p.words[0]
	if n == len(w.raw) {
		p.advance()
		return
	}
	w.raw, w.column = w.raw[n:], w.column+n
}

// found describes the next word for an error.
func (p *parser) found() string {
	if len(p.words) == 0 {
		return "the filter ends here"
	}
	return quote.Text(p.words[0].raw) + " stands here"
}

func (p *parser) filter() (Filter, error) {
	states, err := p.states()
	if err != nil {
		return Filter{}, err
	}
	f := Filter{States: states}
	if len(p.words) == 0 {
		return f, nil
	}
	e, err := p.expr()
	if err != nil {
		return Filter{}, err
	}
	if len(p.words) > 0 {
		w := p.peek()
		return Filter{}, p.fail(w.column, "this "+quote.Text(w.raw)+" closes nothing: remove it, or open a group with ( or begin")
	}
	f.Expr = settleDomains(e, p.domains)
	return f, nil
}

// states takes the leading words that pick states. As in ss, "exclude" first
// starts from all states.
func (p *parser) states() (sock.StateSet, error) {
	var set sock.StateSet
	column, said := 0, false
	for len(p.words) > 0 {
		column = p.peek().column
		exclude := false
		switch p.peek().raw {
		case "state":
		case "exclude", "excl":
			exclude = true
		default:
			return p.checkStates(set, said, column)
		}
		p.advance()
		w := p.peek()
		named, err := sock.ParseStates(w.text())
		if err != nil {
			return 0, p.stateError(w)
		}
		p.advance()
		switch {
		case !exclude:
			set |= named
		case !said:
			set = sock.AllStates &^ named
		default:
			set &^= named
		}
		said = true
	}
	return p.checkStates(set, said, column)
}

func (p *parser) checkStates(set sock.StateSet, said bool, column int) (sock.StateSet, error) {
	if said && set == sock.NoStates {
		return 0, p.fail(column, "no state is left to select: exclude fewer of them")
	}
	return set, nil
}

func (p *parser) stateError(w word) error {
	var names []string
	for _, s := range sock.States() {
		names = append(names, s.String())
	}
	use := ": use one of " + strings.Join(names, ", ") + ", or all, connected, synchronized, bucket, big"
	if w.raw == "" {
		return p.fail(w.column, "a state is missing"+use)
	}
	return p.fail(w.column, "unknown state "+quote.Text(w.raw)+use)
}

// expr parses terms and what joins them: both operators bind equally, from the
// left, as ss has it.
func (p *parser) expr() (Expr, error) {
	left, err := p.term()
	if err != nil {
		return nil, err
	}
	for len(p.words) > 0 && !isClosing(p.peek().raw) {
		or := false
		switch p.peek().raw {
		case "|", "||", "or":
			or = true
			p.advance()
		case "&", "&&", "and":
			p.advance()
		}
		right, err := p.term()
		if err != nil {
			return nil, err
		}
		if or {
			left = Or{left, right}
		} else {
			left = And{left, right}
		}
	}
	return left, nil
}

func (p *parser) term() (Expr, error) {
	w := p.peek()
	if p.nesting++; p.nesting > MaxNesting {
		return nil, p.fail(w.column, "more than 200 parentheses and negations within each other")
	}
	defer func() { p.nesting-- }()
	switch w.raw {
	case "not", "!":
		p.advance()
	case "(":
		return p.group(")")
	case "begin":
		return p.group("end")
	default:
		return p.predicate()
	}
	x, err := p.term()
	if err != nil {
		return nil, err
	}
	return Not{x}, nil
}

// isClosing reports whether word closes a group. Both words are names like any
// other where a value is due.
func isClosing(word string) bool { return word == ")" || word == "end" }

// group parses up to the word that closes what the next word opens.
func (p *parser) group(closing string) (Expr, error) {
	open := p.peek()
	p.advance()
	e, err := p.expr()
	if err != nil {
		return nil, err
	}
	if p.peek().raw != closing {
		return nil, p.fail(open.column, "this "+quote.Text(open.raw)+" is never closed: add "+quote.Text(closing))
	}
	p.advance()
	return e, nil
}

func (p *parser) predicate() (Expr, error) {
	keyword := p.peek().raw
	if i := strings.IndexAny(keyword, "=!<>"); i > 0 {
		keyword = keyword[:i]
	}
	if !isPredicate(keyword) {
		return nil, p.noPredicate()
	}
	p.consume(len(keyword))
	switch keyword {
	case "src":
		return p.host(Local)
	case "dst":
		return p.host(Peer)
	case "sport":
		return p.port(Local)
	case "dport":
		return p.port(Peer)
	case "dev":
		return p.device()
	case "fwmark":
		return p.mark()
	case "cgroup":
		return p.cgroup()
	case "uid":
		return p.uid()
	default:
		return Autobound{}, nil
	}
}

func (p *parser) noPredicate() error {
	w := p.peek()
	switch w.raw {
	case "state", "exclude", "excl":
		return p.fail(w.column, quote.Text(w.raw)+" has to come first in a filter, before any condition")
	}
	return p.fail(w.column, "a condition is missing, "+p.found()+": use "+predicates+", or not or ( before one")
}

// op takes a comparison; without one, "=" is meant.
func (p *parser) op() Op {
	w := p.peek()
	n := 0
	for n < len(w.raw) && n < 2 && isOpByte(w.raw[n]) {
		n++
	}
	if n == 0 {
		n = len(w.raw)
	}
	for ; n > 0; n-- {
		if op, ok := opOf(w.raw[:n]); ok {
			p.consume(n)
			return op
		}
		if !isOpByte(w.raw[0]) {
			break
		}
	}
	return Equal
}

// equality takes "=" or "!=".
func (p *parser) equality(keyword string) (negated bool, err error) {
	column := p.peek().column
	op := p.op()
	if op != Equal && op != NotEqual {
		return false, p.fail(column, keyword+" knows = and != only, not "+quote.Text(op.String()))
	}
	return op == NotEqual, nil
}

// value takes a word that is no operator and no predicate. Use says what the
// word can be.
func (p *parser) value(what, use string) (word, error) {
	w := p.peek()
	if w.raw == "" || isReserved(w.raw) {
		return w, p.fail(w.column, what+" is missing, "+p.found()+": use "+use)
	}
	p.advance()
	return w, nil
}

func negate(negated bool, e Expr) Expr {
	if negated {
		return Not{e}
	}
	return e
}
