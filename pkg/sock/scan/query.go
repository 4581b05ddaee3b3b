package scan

import (
	"fmt"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// A Query says which sockets are wanted. The zero value means every TCP socket
// of the caller's network namespace.
type Query struct {
	// Tables are the protocols and the states of each; none means every TCP
	// socket.
	Tables []Table
	// Families selects by address; the zero value means both.
	Families sock.Families
	// Filter is one expression that a socket has to match; nil means all do.
	Filter filter.Expr
	// Keep decides what no source knows, such as the process; nil keeps all.
	Keep func(*sock.Socket) bool
	// Want are the optional parts that the sockets are to have where the
	// source can tell them; a source that never tells one of Need is an error.
	Want, Need sock.Fields
	// Source says where to read.
	Source Source
	// NetNS is another network namespace to look into.
	NetNS netns.Ref
	// Root is where /proc and /sys are.
	Root kernfs.FS
}

// A Table is one protocol's sockets in some states.
type Table struct {
	Protocol sock.Protocol
	// States are the states that are wanted; sock.NoStates means all.
	States sock.StateSet
}

// tables returns the tables of the query with the defaults filled in.
func (q *Query) tables() []Table {
	if len(q.Tables) == 0 {
		return []Table{{Protocol: sock.TCP, States: sock.AllStates}}
	}
	tables := make([]Table, len(q.Tables))
	for i, t := range q.Tables {
		if t.States == sock.NoStates {
			t.States = sock.AllStates
		}
		tables[i] = t
	}
	return tables
}

// A Source is where sockets are read from.
type Source uint8

// The sources. Auto is netlink, and /proc where netlink cannot answer and
// this is known before the first socket.
const (
	Auto Source = iota
	Netlink
	Proc
)

var sourceNames = [...]string{"auto", "netlink", "proc"}

// String returns the name used by --source.
func (s Source) String() string { return sourceNames[s] }

// ParseSource returns the source of that name; an empty name is Auto.
func ParseSource(name string) (Source, error) {
	if name == "" {
		return Auto, nil
	}
	for i, known := range sourceNames {
		if name == known {
			return Source(i), nil
		}
	}
	return Auto, fmt.Errorf("unknown source %s: use auto, netlink or proc", quote.Text(name))
}
