package filter

import (
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

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

// Link matches packet sockets by what they are bound to: the Ethernet protocol,
// by the name that stands before the last colon of the endpoint's name, and
// the interface. An empty Protocol, or HasDevice false, means any.
type Link struct {
	Side      Side
	Protocol  string
	HasDevice bool
	Device    uint32
}

// Match implements Expr.
func (e Link) Match(s *sock.Socket) bool {
	if s.Protocol != sock.Packet {
		return false
	}
	device := s.Interface
	if e.Side == Peer {
		device = 0 // a packet socket has no peer
	}
	if e.HasDevice && device != e.Device {
		return false
	}
	return e.Protocol == "" || strings.EqualFold(linkProtocol(e.Side.of(s).Name), e.Protocol)
}

func linkProtocol(name string) string {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		return name[:i]
	}
	return name
}

// String implements Expr.
func (e Link) String() string { return string(e.appendTo(nil)) }

func (e Link) needs() sock.Fields {
	if e.HasDevice {
		return sock.FieldInterface
	}
	return 0
}

func (e Link) appendTo(text []byte) []byte {
	text = append(text, e.Side.String()...)
	text = append(text, " link:"...)
	if e.Protocol == "" {
		text = append(text, '*')
	} else {
		text = appendWord(text, e.Protocol)
	}
	if e.HasDevice {
		text = strconv.AppendUint(append(text, ':'), uint64(e.Device), 10)
	}
	return text
}
