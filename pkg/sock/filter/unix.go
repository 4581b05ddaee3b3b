package filter

import "github.com/sockcensus/sockcensus/pkg/sock"

// UnixPath matches unix sockets whose name on one side matches a pattern of
// fnmatch(3), whatever the case of its letters. Names of the abstract
// namespace begin with @; a socket without a name has the empty one.
type UnixPath struct {
	Side Side
	Glob string
}

// Match implements Expr.
func (e UnixPath) Match(s *sock.Socket) bool {
	return s.Protocol == sock.Unix && matchGlob(e.Glob, e.Side.of(s).Name)
}

// String implements Expr.
func (e UnixPath) String() string { return string(e.appendTo(nil)) }

func (UnixPath) needs() sock.Fields { return 0 }

func (e UnixPath) appendTo(text []byte) []byte {
	text = append(text, e.Side.String()...)
	return appendWord(append(text, " unix:"...), e.Glob)
}
