package filter

import (
	"net/netip"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A family is the FAMILY: in front of a host.
type family uint8

const (
	familyNone family = iota
	familyInet
	familyInet6
	familyUnix
	familyLink
	familyOther // ss knows it, this package does not
)

// cutFamily takes a FAMILY: off the front of a host or port.
func (p *parser) cutFamily(text string) (f family, rest string) {
	name, rest, found := strings.Cut(text, ":")
	if found {
		switch name {
		case "inet":
			return familyInet, rest
		case "inet6":
			return familyInet6, rest
		case "unix":
			return familyUnix, rest
		case "link":
			return familyLink, rest
		case "netlink", "vsock", "tipc", "xdp":
			return familyOther, rest
		}
	}
	switch {
	case p.protocol == sock.Unix:
		return familyUnix, text
	case p.protocol == sock.Packet:
		return familyLink, text
	}
	return familyNone, text
}

func (p *parser) otherFamily(w word) error {
	name, _, _ := strings.Cut(w.raw, ":")
	return p.fail(w.column, "sockets of the family "+quote.Text(name)+" are not covered: use inet, inet6, unix or link")
}

// host parses what follows src and dst.
func (p *parser) host(side Side) (Expr, error) {
	negated, err := p.equality(side.String())
	if err != nil {
		return nil, err
	}
	w, err := p.value("an address", hostForm)
	if err != nil {
		return nil, err
	}
	text := w.text()
	f, rest := p.cutFamily(text)
	column := w.column + len(text) - len(rest)
	var e Expr
	switch {
	case f == familyOther:
		return nil, p.otherFamily(w)
	case f == familyLink:
		e, err = p.link(side, rest, column)
	case f == familyUnix, f == familyNone && (rest[0] == '/' || rest[0] == '@'):
		e = UnixPath{side, rest}
	default:
		e, err = p.inetHost(side, f, rest, column)
	}
	if err != nil {
		return nil, err
	}
	return negate(negated, e), nil
}

// hostParts is a host taken apart.
type hostParts struct {
	addr, length, port string
	hasLength          bool
	lengthAt, portAt   int // offsets in the text
}

// inetHost parses HOST[/LEN][:PORT].
func (p *parser) inetHost(side Side, f family, text string, column int) (Expr, error) {
	parts, problem := splitHost(text)
	if problem != "" {
		return nil, p.fail(column, problem)
	}
	port, anyPort, err := p.portNumber(parts.port, column+parts.portAt)
	if err != nil {
		return nil, err
	}
	if isWildcard(parts.addr) && !parts.hasLength {
		if anyPort {
			return p.scoped(f, Any{}), nil
		}
		return p.scoped(f, Port{side, Equal, port}), nil
	}
	prefixes, err := p.prefixes(f, parts, column)
	if err != nil {
		return nil, err
	}
	hosts := make([]Expr, len(prefixes))
	for i, prefix := range prefixes {
		hosts[i] = Host{Side: side, Prefix: prefix, HasPort: !anyPort, Port: port}
	}
	return p.scoped(f, Either(hosts...)), nil
}

func isWildcard(addr string) bool {
	switch addr {
	case "", "*", "any", "all", "default":
		return true
	}
	return false
}

// splitHost takes a host apart; problem says what is wrong with its form.
func splitHost(text string) (h hostParts, problem string) {
	rest := ""
	switch {
	case text != "" && text[0] == '[':
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return h, quote.Text(text) + ` lacks the closing "]" of an address`
		}
		h.addr, rest = text[1:end], text[end+1:]
		if i := strings.IndexByte(h.addr, '/'); i >= 0 {
			h.length, h.lengthAt, h.hasLength = h.addr[i+1:], i+2, true
			h.addr = h.addr[:i]
		}
	case strings.IndexByte(text, '/') >= 0:
		i := strings.IndexByte(text, '/')
		h.addr, rest = text[:i], text[i:]
	default:
		if h.addr, rest, problem = splitPort(text); problem != "" {
			return h, problem
		}
	}
	return h, h.splitRest(text, rest)
}

// splitPort cuts a port off a host without brackets and without a length. The
// end of an IPv6 address can look like one: what ss cuts off there, people also
// paste as part of an address.
func splitPort(text string) (addr, rest, problem string) {
	last := strings.LastIndexByte(text, ':')
	if last < 0 {
		return text, "", ""
	}
	front, port := text[:last], text[last+1:]
	if strings.IndexByte(front, ':') < 0 {
		return front, text[last:], ""
	}
	_, cut := parseAddr(front)
	_, whole := parseAddr(text)
	switch {
	case !cut:
		return text, "", "" // an address, or nothing
	case !whole:
		return front, text[last:], ""
	case strings.Trim(port, "0123456789") == "":
		return text, "", quote.Text(text) + " may be an address, or an address and a port: write [" + text + "] or [" + front + "]:" + port
	}
	return text, "", ""
}

// splitRest reads [/LEN][:PORT].
func (h *hostParts) splitRest(text, rest string) (problem string) {
	at := len(text) - len(rest)
	if rest != "" && rest[0] == '/' && !h.hasLength {
		h.hasLength, h.lengthAt = true, at+1
		h.length, rest = rest[1:], ""
		if i := strings.LastIndexByte(h.length, ':'); i >= 0 {
			h.length, rest = h.length[:i], h.length[i:]
		}
		at = len(text) - len(rest)
	}
	if rest == "" {
		return ""
	}
	if rest[0] != ':' {
		return quote.Text(text) + " is no address: after an address only /LEN and :PORT may follow"
	}
	h.port, h.portAt = rest[1:], at+1
	return ""
}

// prefixes reads the address and length, or resolves a name.
func (p *parser) prefixes(f family, h hostParts, column int) ([]netip.Prefix, error) {
	addr, ok := parseAddr(h.addr)
	if !ok {
		return p.resolve(f, h, column)
	}
	if f == familyInet && !addr.Is4() || f == familyInet6 && addr.Is4() {
		return nil, p.fail(column, quote.Text(h.addr)+" is no address of the family in front of it")
	}
	bits := addr.BitLen()
	if h.hasLength {
		var problem string
		if bits, problem = prefixLength(h.length, addr.BitLen()); problem != "" {
			return nil, p.fail(column+h.lengthAt, problem)
		}
	}
	return []netip.Prefix{netip.PrefixFrom(addr, bits).Masked()}, nil
}

// resolve asks for the addresses of a named host.
func (p *parser) resolve(f family, h hostParts, column int) ([]netip.Prefix, error) {
	if problem := notHostName(h.addr); problem != "" {
		return nil, p.fail(column, problem)
	}
	if h.hasLength {
		return nil, p.fail(column, quote.Text(h.addr)+" is no address: a prefix length needs a numeric one")
	}
	problem := quote.Text(h.addr) + " is no numeric address"
	if p.names == nil {
		return nil, p.fail(column, problem)
	}
	addrs, err := p.names.Host(h.addr)
	if err != nil {
		return nil, p.unresolved(column, problem, err)
	}
	var prefixes []netip.Prefix
	for _, a := range addrs {
		a = a.WithZone("")
		if f == familyInet && !a.Is4() || f == familyInet6 && a.Is4() {
			continue
		}
		if a.IsValid() {
			prefixes = append(prefixes, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	if len(prefixes) == 0 {
		return nil, p.fail(column, "host "+quote.Text(h.addr)+" has no address of the family asked for")
	}
	return prefixes, nil
}

// notHostName says why text cannot be a name that is worth a query.
func notHostName(text string) string {
	switch {
	case strings.IndexByte(text, '%') >= 0:
		return quote.Text(text) + " has a zone: give the address without it, and the interface with dev"
	case strings.IndexByte(text, ':') >= 0:
		return quote.Text(text) + " is no IPv6 address, nor one with a port, as in [ADDRESS]:PORT"
	case strings.Trim(text, "0123456789.") == "":
		return quote.Text(text) + " is no IPv4 address: it has one to four numbers from 0 to 255, joined by dots"
	}
	for i := 0; i < len(text); i++ {
		if c := text[i]; c <= ' ' || c > '~' || strings.IndexByte("()[]{}<>=!|&,;*?'\"`$\\", c) >= 0 {
			return quote.Text(text) + " is no address: use " + hostForm + notePattern(text)
		}
	}
	return ""
}

// notePattern tells how to write what looks like a pattern of unix names.
func notePattern(text string) string {
	if !strings.ContainsAny(text, "*?") {
		return ""
	}
	return "; a pattern of unix names is written " + quote.Text("unix:"+text)
}

// parseAddr reads a numeric address, an IPv4 one as ss does: its parts may be
// hexadecimal or octal, and those left out at the end are zero.
func parseAddr(text string) (netip.Addr, bool) {
	if strings.IndexByte(text, ':') >= 0 {
		addr, err := netip.ParseAddr(text)
		return addr, err == nil && addr.Zone() == ""
	}
	var bytes [4]byte
	for i := range bytes {
		part, rest, more := strings.Cut(text, ".")
		n, ok := number(part, 8)
		if !ok {
			return netip.Addr{}, false
		}
		bytes[i] = byte(n)
		if !more {
			return netip.AddrFrom4(bytes), true
		}
		text = rest
	}
	return netip.Addr{}, false
}

// prefixLength reads a length in bits or, for IPv4, a mask.
func prefixLength(text string, most int) (bits int, problem string) {
	if n, ok := number(text, 8); ok && int(n) <= most {
		return int(n), ""
	}
	if most == 32 && strings.IndexByte(text, '.') > 0 {
		if mask, ok := parseAddr(text); ok {
			if bits, ok := maskBits(mask.As4()); ok {
				return bits, ""
			}
		}
	}
	if most == 32 {
		return 0, quote.Text(text) + " is no prefix length: use 0 to 32 for IPv4"
	}
	return 0, quote.Text(text) + " is no prefix length: use 0 to 128 for IPv6"
}

func maskBits(mask [4]byte) (bits int, ok bool) {
	m := uint32(mask[0])<<24 | uint32(mask[1])<<16 | uint32(mask[2])<<8 | uint32(mask[3])
	for m&(1<<31) != 0 {
		m <<= 1
		bits++
	}
	return bits, m == 0
}
