package filter

import (
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A Filter is a parsed filter.
type Filter struct {
	// States are those that the leading words "state X" and "exclude X" pick;
	// sock.NoStates when there are none of these words.
	States sock.StateSet
	// Expr is the condition; nil matches every socket.
	Expr Expr
}

// String returns the filter in its language, in a form that Parse turns into
// an equal filter. It is empty for the filter that says nothing.
func (f Filter) String() string {
	var text []byte
	if f.States != sock.NoStates {
		text = appendStates(text, f.States)
	}
	if f.Expr != nil {
		if text != nil {
			text = append(text, ' ')
		}
		text = f.Expr.appendTo(text)
	}
	return string(text)
}

func appendStates(text []byte, set sock.StateSet) []byte {
	if set == sock.AllStates {
		return append(text, "state all"...)
	}
	for _, s := range sock.States() {
		if !set.Has(s) {
			continue
		}
		if len(text) > 0 {
			text = append(text, ' ')
		}
		text = append(append(text, "state "...), s.String()...)
	}
	return text
}

// The limits of a filter: no person writes more, and what comes from
// elsewhere must not exhaust the stack.
const (
	MaxLength  = 64 << 10 // bytes
	MaxNesting = 200      // parentheses and negations within each other
)

// Parse parses a filter. Names in it are given to r, which may be nil when
// there shall be none. Without FAMILY an address is one of the internet, or a
// unix name when it begins with / or @. Errors are of type *SyntaxError.
func Parse(text string, r Resolver) (Filter, error) {
	return ParseFor(sock.TCP, text, r)
}

// ParseFor is Parse for a filter on sockets of one protocol: for sock.Unix and
// sock.Packet an address without FAMILY is a unix name or a link, as with the
// options -x and -0 of ss. What String prints is always for Parse.
func ParseFor(protocol sock.Protocol, text string, r Resolver) (Filter, error) {
	p := parser{text: text, names: r, protocol: protocol}
	if len(text) > MaxLength {
		return Filter{}, p.fail(MaxLength+1, "the filter is longer than 65536 bytes")
	}
	p.words = words(text)
	f, err := p.filter()
	if err != nil {
		return Filter{}, err
	}
	return f, nil
}
