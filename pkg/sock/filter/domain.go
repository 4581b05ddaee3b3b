package filter

import "github.com/sockcensus/sockcensus/pkg/sock"

// scopedExpr is a predicate that was written with inet: or inet6:, until the
// end of the filter shows whether the other family was named too.
type scopedExpr struct {
	Expr
	domain Domain
}

func (p *parser) scoped(f family, e Expr) Expr {
	switch f {
	case familyInet:
		p.domains = p.domains.Set(sock.IPv4)
		return scopedExpr{e, Domain{sock.IPv4}}
	case familyInet6:
		p.domains = p.domains.Set(sock.IPv6)
		return scopedExpr{e, Domain{sock.IPv6}}
	default:
		return e
	}
}

// settleDomains gives the families that were named their meaning: one family
// holds for the whole filter, as in ss; of two, each for its own predicate.
func settleDomains(e Expr, named sock.Families) Expr {
	var domain Domain
	switch named {
	case 0:
		return e
	case sock.Families(0).Set(sock.IPv4):
		domain = Domain{sock.IPv4}
	case sock.Families(0).Set(sock.IPv6):
		domain = Domain{sock.IPv6}
	default:
		return replaceScoped(e, func(s scopedExpr) Expr {
			if s.Expr == (Any{}) {
				return s.domain
			}
			return And{s.domain, s.Expr}
		})
	}
	if settled, ok := domainFirst(e); ok {
		return replaceScoped(settled, func(s scopedExpr) Expr { return s.Expr })
	}
	return And{domain, replaceScoped(e, func(s scopedExpr) Expr { return s.Expr })}
}

// domainFirst turns the first conjunct of e into a Domain if it says nothing
// else, so that a printed filter is read back as it was.
func domainFirst(e Expr) (Expr, bool) {
	switch e := e.(type) {
	case And:
		left, ok := domainFirst(e.Left)
		return And{left, e.Right}, ok
	case scopedExpr:
		return e.domain, e.Expr == (Any{})
	default:
		return e, false
	}
}

func replaceScoped(e Expr, by func(scopedExpr) Expr) Expr {
	switch e := e.(type) {
	case And:
		return And{replaceScoped(e.Left, by), replaceScoped(e.Right, by)}
	case Or:
		return Or{replaceScoped(e.Left, by), replaceScoped(e.Right, by)}
	case Not:
		return Not{replaceScoped(e.X, by)}
	case scopedExpr:
		return by(e)
	default:
		return e
	}
}
