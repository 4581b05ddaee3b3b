package sock

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A State is a connection state of RFC 9293 in the kernel's numbering
// (include/net/tcp_states.h).
type State uint8

// The states. Close is also that of a udp, raw or unix socket which is not
// connected. The kernel reports a half-open connection as SynRecv whichever
// of its two internal states (3, 12) it is in. BoundInactive is a TCP socket
// that is bound and neither listens nor connects; Linux lists it since 6.8.
const (
	UnknownState State = iota
	Established
	SynSent
	SynRecv
	FinWait1
	FinWait2
	TimeWait
	Close
	CloseWait
	LastAck
	Listen
	Closing
	newSynRecv
	BoundInactive
	stateCount
)

var stateNames = [stateCount]string{
	"unknown", "established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait",
	"closed", "close-wait", "last-ack", "listening", "closing", "syn-recv", "bound-inactive",
}

// String returns the name as ss(8) spells it in filters, such as
// "fin-wait-1".
func (s State) String() string {
	if s < stateCount {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// States returns every state in the order in which they are shown.
func States() []State {
	return []State{
		Established, SynSent, SynRecv, FinWait1, FinWait2, TimeWait,
		CloseWait, LastAck, Closing, Close, BoundInactive, Listen,
	}
}

// StateOf returns the state for a number from the kernel. Numbers that this
// package does not know come out as UnknownState.
func StateOf(kernel uint8) State {
	switch {
	case kernel == uint8(newSynRecv):
		return SynRecv
	case kernel < uint8(stateCount):
		return State(kernel)
	default:
		return UnknownState
	}
}

// A StateSet is a set of states, one bit a state, laid out as the kernel's
// idiag_states.
type StateSet uint32

// The groups of states that ss(8) names.
const (
	NoStates     StateSet = 0
	AllStates    StateSet = 1<<stateCount - 1 - 1<<UnknownState
	Connected    StateSet = AllStates &^ (1<<Close | 1<<Listen | 1<<BoundInactive)
	Synchronized StateSet = Connected &^ (1 << SynSent)
	Bucket       StateSet = 1<<SynRecv | 1<<newSynRecv | 1<<TimeWait
	Big          StateSet = AllStates &^ Bucket
)

// StatesOf returns the set of the given states.
func StatesOf(states ...State) StateSet {
	var set StateSet
	for _, s := range states {
		set |= 1 << s
		if s == SynRecv {
			set |= 1 << newSynRecv
		}
	}
	return set
}

// Has reports whether the set holds s.
func (set StateSet) Has(s State) bool { return set&(1<<s) != 0 }

// Only reports whether the set holds s and nothing else.
func (set StateSet) Only(s State) bool { return set == StatesOf(s) }

// Len returns the number of states in the set.
func (set StateSet) Len() int {
	return bits.OnesCount32(uint32(set & AllStates &^ (1 << newSynRecv)))
}

// String lists the states of the set, or names the group that it is.
func (set StateSet) String() string {
	if set == AllStates {
		return "all"
	}
	var names []string
	for _, s := range States() {
		if set.Has(s) {
			names = append(names, s.String())
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ",")
}

// ParseStates returns the states that a word of ss(8) names: a state, another
// spelling of one that ss accepts or prints, or a group. With "_" for "-" a word
// is taken from the name of a metric, and in capitals from the output of netstat.
func ParseStates(word string) (StateSet, error) {
	name := strings.ReplaceAll(strings.ToLower(word), "_", "-")
	for _, s := range States() {
		if name == s.String() {
			return StatesOf(s), nil
		}
	}
	switch name {
	case "all":
		return AllStates, nil
	case "connected":
		return Connected, nil
	case "synchronized":
		return Synchronized, nil
	case "bucket":
		return Bucket, nil
	case "big":
		return Big, nil
	case "close", "unconnected", "unconn":
		return StatesOf(Close), nil
	case "syn-rcv":
		return StatesOf(SynRecv), nil
	case "fin-wait1":
		return StatesOf(FinWait1), nil
	case "fin-wait2":
		return StatesOf(FinWait2), nil
	case "listen":
		return StatesOf(Listen), nil
	case "estab":
		return StatesOf(Established), nil
	}
	return NoStates, fmt.Errorf("unknown state %s: use one of %s, or all, connected, synchronized, bucket, big", quote.Text(word), stateList())
}

func stateList() string {
	var names []string
	for _, s := range States() {
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}
