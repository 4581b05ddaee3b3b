package filter

import (
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// What may stand somewhere, for errors.
const (
	markForm = "VALUE or VALUE/MASK, numbers of up to 32 bits such as 0x10/0xff"
	portForm = "a number from 0 to 65535, * or the name of a service"
	hostForm = "IPv4, IPv6, a prefix such as 10/8 or [2001:db8::/32], or *"
)

func (p *parser) device() (Expr, error) {
	negated, err := p.equality("dev")
	if err != nil {
		return nil, err
	}
	w, err := p.value("an interface", "a name or index that ip link shows")
	if err != nil {
		return nil, err
	}
	index, err := p.interfaceIndex(w.text(), w.column)
	if err != nil {
		return nil, err
	}
	return negate(negated, Device{index}), nil
}

// interfaceIndex reads an index or resolves a name.
func (p *parser) interfaceIndex(name string, column int) (uint32, error) {
	if n, ok := number(name, 32); ok {
		return uint32(n), nil
	}
	if p.names == nil {
		return 0, p.fail(column, "interface "+quote.Text(name)+" has to be given by its index")
	}
	index, err := p.names.Interface(name)
	if err != nil {
		return 0, p.unresolved(column, "no interface is called "+quote.Text(name)+" here: use a name or index that ip link shows", err)
	}
	return index, nil
}

func (p *parser) unresolved(column int, problem string, err error) error {
	e := p.fail(column, problem)
	e.Err = err
	return e
}

func (p *parser) mark() (Expr, error) {
	negated, err := p.equality("fwmark")
	if err != nil {
		return nil, err
	}
	w, err := p.value("a mark", markForm)
	if err != nil {
		return nil, err
	}
	text, maskText, masked := strings.Cut(w.text(), "/")
	value, valueOK := number(text, 32)
	mask, maskOK := uint64(fullMask), true
	if masked {
		mask, maskOK = number(maskText, 32)
	}
	if !valueOK || !maskOK {
		return nil, p.fail(w.column, quote.Text(w.raw)+" is no mark: use "+markForm)
	}
	return negate(negated, Mark{uint32(value), uint32(mask)}), nil
}

func (p *parser) cgroup() (Expr, error) {
	negated, err := p.equality("cgroup")
	if err != nil {
		return nil, err
	}
	w, err := p.value("a control group", "the path of its directory")
	if err != nil {
		return nil, err
	}
	path := w.text()
	if id, ok := number(path, 64); ok {
		return negate(negated, Cgroup{ID: id}), nil
	}
	if p.names == nil {
		return nil, p.fail(w.column, "control group "+quote.Text(path)+" has to be given by its number")
	}
	id, err := p.names.Cgroup(path)
	if err != nil {
		return nil, p.unresolved(w.column, "no control group (version 2) is called "+quote.Text(path)+" here", err)
	}
	return negate(negated, Cgroup{ID: id, Path: path}), nil
}

func (p *parser) uid() (Expr, error) {
	negated, err := p.equality("uid")
	if err != nil {
		return nil, err
	}
	w, err := p.value("a user", "a number, 0 to 4294967295")
	if err != nil {
		return nil, err
	}
	n, ok := number(w.text(), 32)
	if !ok {
		return nil, p.fail(w.column, quote.Text(w.raw)+" is no user: use a number, 0 to 4294967295")
	}
	return negate(negated, UID{uint32(n)}), nil
}

// port parses what follows sport and dport.
func (p *parser) port(side Side) (Expr, error) {
	opColumn := p.peek().column
	op := p.op()
	w, err := p.value("a port", portForm)
	if err != nil {
		return nil, err
	}
	text, column := w.text(), w.column
	f, rest := p.cutFamily(text)
	column += len(text) - len(rest)
	switch f {
	case familyUnix:
		return nil, p.fail(column, "unix sockets have no ports: use src or dst with a name")
	case familyLink:
		if op != Equal && op != NotEqual {
			return nil, p.fail(opColumn, "interfaces know = and != only, not "+quote.Text(op.String()))
		}
		e, err := p.link(side, ":"+strings.TrimPrefix(rest, ":"), column-1)
		return negate(op == NotEqual, e), err
	case familyOther:
		return nil, p.otherFamily(w)
	}
	digits := strings.TrimPrefix(rest, ":")
	port, any, err := p.portNumber(digits, column+len(rest)-len(digits))
	if err != nil {
		return nil, err
	}
	if any {
		return p.scoped(f, negate(op != Equal && op != GreaterOrEqual, Any{})), nil
	}
	return p.scoped(f, Port{side, op, port}), nil
}

// portNumber reads a port, a service name or a wildcard.
func (p *parser) portNumber(text string, column int) (port uint16, any bool, err error) {
	if text == "" || text == "*" {
		return 0, true, nil
	}
	if n, ok := number(text, 16); ok {
		return uint16(n), false, nil
	}
	if strings.Trim(text, "0123456789") == "" {
		return 0, false, p.fail(column, "port "+quote.Text(text)+" is not from 0 to 65535")
	}
	problem := quote.Text(text) + " is no port: use " + portForm
	if p.names == nil {
		return 0, false, p.fail(column, problem)
	}
	if port, err = p.names.Service(text); err != nil {
		return 0, false, p.unresolved(column, problem, err)
	}
	return port, false, nil
}
