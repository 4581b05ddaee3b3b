package main

import (
	"strings"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// The pseudo-groups: sockets that have nothing to be grouped by, and sockets
// whose owner may not be seen.
const (
	noneGroup   = "none"
	unseenGroup = "unseen"
)

// An ownership says whose a socket is, where that is asked.
type ownership uint8

const (
	notAsked ownership = iota
	owned
	unowned // nobody can hold it: TIME_WAIT and the like
	unseen  // somebody may hold it, but we may not look
)

// pseudo is the pseudo-group of sockets without a known owner.
func (o ownership) pseudo() string {
	switch o {
	case unowned:
		return noneGroup
	case unseen:
		return unseenGroup
	default:
		return ""
	}
}

// pseudo returns the name of a pseudo-group, and is empty for every other
// group. A socket that is bound to no port, or connected to nobody, has port 0
// and an unspecified address.
func (key group) pseudo(d dimension) string {
	switch d {
	case byPort:
		return noneUnless(key.port != 0)
	case byPeerPort:
		return noneUnless(key.peerPort != 0)
	case byPeer:
		return noneUnless(key.peer.IsValid())
	case byNetwork:
		return noneUnless(key.network.IsValid())
	case byFamily:
		return noneUnless(key.family != sock.NoFamily)
	case byProcess:
		return key.holder.pseudo()
	case byUser:
		return key.owner.pseudo()
	case byCgroup:
		return key.member.pseudo()
	default:
		return ""
	}
}

// ofOwners reports whether groups are whose the sockets are, which may be
// unseen.
func ofOwners(d dimension) bool { return d == byProcess || d == byUser || d == byCgroup }

func noneUnless(real bool) string {
	if real {
		return ""
	}
	return noneGroup
}

func isPseudo(label string) bool { return label == noneGroup || label == unseenGroup }

// ownName is a name that somebody chose freely, for people. A process that is
// called like a pseudo-group is shown by its label, proc_none, and one that is
// called like that label by a longer one: no two groups read the same.
func ownName(prefix, name string) string {
	rest := name
	for strings.HasPrefix(rest, prefix) {
		rest = rest[len(prefix):]
	}
	if isPseudo(rest) {
		return prefix + name
	}
	return name
}
