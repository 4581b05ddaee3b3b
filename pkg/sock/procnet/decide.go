package procnet

import (
	"strings"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// Decides is what these tables tell about tcp sockets beyond addresses and states.
const Decides = sock.FieldUID | sock.FieldTimer | sock.FieldQueues

// DecidesOf is what the tables of one protocol tell. Of unix sockets and packet
// sockets a filter itself can tell whether their name was chosen by the kernel.
func DecidesOf(p sock.Protocol) sock.Fields {
	switch p {
	case sock.TCP:
		return Decides
	case sock.Unix:
		return sock.FieldAutobound
	case sock.Packet:
		return sock.FieldUID | sock.FieldInterface | sock.FieldAutobound | sock.FieldQueues
	case sock.SCTP: // the queues of associations alone
		return sock.FieldUID
	}
	return sock.FieldUID | sock.FieldQueues
}

// undecidable returns the error for what the tables of the protocol do not tell.
func (r *Request) undecidable() error {
	var lacking []string
	if fields := (r.Want | filter.Needs(r.Filter)) &^ DecidesOf(r.Protocol); fields != 0 {
		lacking = append(lacking, fields.String())
	}
	if r.Protocol == sock.Unix && asksPeerPath(r.Filter) {
		lacking = append(lacking, "the path of a unix socket's peer")
	}
	if lacking == nil {
		return nil
	}
	return &sock.UndecidableError{Source: "proc", What: strings.Join(lacking, ", ")}
}

// asksPeerPath reports whether a filter looks at the other end of unix sockets,
// which is not in the table.
func asksPeerPath(e filter.Expr) bool {
	switch e := e.(type) {
	case filter.And:
		return asksPeerPath(e.Left) || asksPeerPath(e.Right)
	case filter.Or:
		return asksPeerPath(e.Left) || asksPeerPath(e.Right)
	case filter.Not:
		return asksPeerPath(e.X)
	case filter.UnixPath:
		return e.Side == filter.Peer
	}
	return false
}
