package conntrack

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A State is the tracker's idea of a TCP connection's state. It is not the
// state of a socket: the tracker sees packets of both directions and knows
// neither end. The zero value means that the kernel sent none, because the
// flow is not TCP or because an event did not concern the state.
type State uint8

// TCP states, in the kernel's order (include/uapi/linux/netfilter/nf_conntrack_tcp.h).
const (
	StateUnknown State = iota
	StateNone
	StateSynSent
	StateSynRecv
	StateEstablished
	StateFinWait
	StateCloseWait
	StateLastAck
	StateTimeWait
	StateClose
	// StateSynSent2 is a simultaneous open. Before Linux 2.6.31 the same
	// number meant LISTEN, which the tracker never used.
	StateSynSent2

	numStates
)

// States lists every TCP state in the kernel's order.
func States() []State {
	all := make([]State, 0, numStates-1)
	for s := StateNone; s < numStates; s++ {
		all = append(all, s)
	}
	return all
}

// stateFromWire turns the kernel's number into a State. A number that this
// package does not know is StateUnknown: no name would be right.
func stateFromWire(n uint8) State {
	if n >= uint8(numStates)-1 {
		return StateUnknown
	}
	return State(n + 1)
}

// String is the state's name as in conntrack(8), in lower case; empty where
// the state is not known.
func (s State) String() string {
	switch s {
	case StateUnknown:
		return ""
	case StateNone:
		return "none"
	case StateSynSent:
		return "syn_sent"
	case StateSynRecv:
		return "syn_recv"
	case StateEstablished:
		return "established"
	case StateFinWait:
		return "fin_wait"
	case StateCloseWait:
		return "close_wait"
	case StateLastAck:
		return "last_ack"
	case StateTimeWait:
		return "time_wait"
	case StateClose:
		return "close"
	case StateSynSent2:
		return "syn_sent2"
	}
	return "state" + strconv.Itoa(int(s))
}

// ParseState reads a state's name in either case; hyphens do for underscores
// and listen is the old name of syn_sent2.
func ParseState(s string) (State, error) {
	name := strings.ReplaceAll(strings.ToLower(s), "-", "_")
	if name == "listen" {
		return StateSynSent2, nil
	}
	var names []string
	for _, state := range States() {
		if state.String() == name {
			return state, nil
		}
		names = append(names, state.String())
	}
	return StateUnknown, fmt.Errorf("unknown connection-tracking state %s: use one of %s", quote.Text(s), strings.Join(names, " "))
}

// A StateSet is a set of TCP states. The zero value is the empty set, which a
// Filter takes as "any state, or none at all".
type StateSet uint16

// SetOfStates makes a set.
func SetOfStates(states ...State) StateSet {
	var set StateSet
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

// Has says whether the state is in the set. StateUnknown never is: a flow
// without a TCP state is not in any.
func (set StateSet) Has(s State) bool { return s != StateUnknown && set&(1<<s) != 0 }
