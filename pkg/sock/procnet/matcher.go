package procnet

import "github.com/sockcensus/sockcensus/pkg/sock"

// A Matcher decides whether a socket is one that is asked for.
type Matcher interface {
	Match(*sock.Socket) bool
}

func needs(Matcher) sock.Fields { return 0 }
