package filter

import "github.com/sockcensus/sockcensus/pkg/sock"

// An Expr is a condition on sockets. Its dynamic type is one of the nodes of
// this package, all of which are comparable values.
type Expr interface {
	// Match reports whether the socket meets the condition. It does not
	// allocate and may be called from several goroutines.
	Match(s *sock.Socket) bool
	// String returns the condition in the filter language, in a form that
	// Parse turns into an equal condition.
	String() string

	needs() sock.Fields
	appendTo(text []byte) []byte
}

// And matches what both of its sides match.
type And struct{ Left, Right Expr }

// Or matches what at least one of its sides matches.
type Or struct{ Left, Right Expr }

// Not matches what X does not match.
type Not struct{ X Expr }

// Any matches every socket. It is written as the wildcard: src *.
type Any struct{}

// Match implements Expr.
func (e And) Match(s *sock.Socket) bool { return e.Left.Match(s) && e.Right.Match(s) }

// Match implements Expr.
func (e Or) Match(s *sock.Socket) bool { return e.Left.Match(s) || e.Right.Match(s) }

// Match implements Expr.
func (e Not) Match(s *sock.Socket) bool { return !e.X.Match(s) }

// Match implements Expr.
func (Any) Match(*sock.Socket) bool { return true }

// String implements Expr.
func (e And) String() string { return string(e.appendTo(nil)) }

// String implements Expr.
func (e Or) String() string { return string(e.appendTo(nil)) }

// String implements Expr.
func (e Not) String() string { return string(e.appendTo(nil)) }

// String implements Expr.
func (e Any) String() string { return string(e.appendTo(nil)) }

func (e And) needs() sock.Fields { return e.Left.needs() | e.Right.needs() }
func (e Or) needs() sock.Fields  { return e.Left.needs() | e.Right.needs() }
func (e Not) needs() sock.Fields { return e.X.needs() }
func (Any) needs() sock.Fields   { return 0 }

func (e And) appendTo(text []byte) []byte {
	if _, chain := e.Left.(And); chain {
		text = e.Left.appendTo(text)
	} else {
		text = appendOperand(text, e.Left)
	}
	return appendOperand(append(text, " and "...), e.Right)
}

func (e Or) appendTo(text []byte) []byte {
	if _, chain := e.Left.(Or); chain {
		text = e.Left.appendTo(text)
	} else {
		text = appendOperand(text, e.Left)
	}
	return appendOperand(append(text, " or "...), e.Right)
}

func (e Not) appendTo(text []byte) []byte {
	return appendOperand(append(text, "not "...), e.X)
}

func (Any) appendTo(text []byte) []byte { return append(text, "src *"...) }

// appendOperand prints e so that it is one term.
func appendOperand(text []byte, e Expr) []byte {
	switch e.(type) {
	case And, Or:
		text = append(text, "( "...)
		text = e.appendTo(text)
		return append(text, " )"...)
	default:
		return e.appendTo(text)
	}
}

// All returns the conjunction of the expressions. It skips nil, and returns
// nil, every socket, when nothing is left.
func All(exprs ...Expr) Expr {
	var all Expr
	for _, e := range exprs {
		switch {
		case e == nil:
		case all == nil:
			all = e
		default:
			all = And{all, e}
		}
	}
	return all
}

// Either returns the disjunction of the expressions. It skips nil, and returns
// nil when nothing is left.
func Either(exprs ...Expr) Expr {
	var either Expr
	for _, e := range exprs {
		switch {
		case e == nil:
		case either == nil:
			either = e
		default:
			either = Or{either, e}
		}
	}
	return either
}

// Needs returns the optional parts of a Socket that e reads. FieldAutobound
// means that e asks what only the kernel can decide for internet sockets; of
// others Match can tell. Needs(nil) is zero.
func Needs(e Expr) sock.Fields {
	if e == nil {
		return 0
	}
	return e.needs()
}
