package main

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A dimension is one way to group sockets (--by).
type dimension uint8

const (
	byState dimension = iota
	byPort
	byPeerPort
	byPeer
	byNetwork
	byProcess
	byUser
	byFamily
	byProtocol
	byCgroup
	dimensionCount
)

var dimensionNames = [dimensionCount]string{
	"state", "port", "peer-port", "peer", "network", "process", "user", "family", "protocol", "cgroup",
}

func (d dimension) String() string { return dimensionNames[d] }

// key is the name in JSON and in Prometheus labels.
func (d dimension) key() string { return strings.ReplaceAll(d.String(), "-", "_") }

// parseDimensions reads the values of --by.
func parseDimensions(values []string) ([]dimension, error) {
	var dimensions []dimension
	for _, word := range plugin.Words(values) {
		d, err := parseDimension(word)
		if err != nil {
			return nil, err
		}
		for _, earlier := range dimensions {
			if earlier == d {
				return nil, plugin.Usagef("--by %s is given twice", d)
			}
		}
		dimensions = append(dimensions, d)
	}
	return dimensions, nil
}

func parseDimension(word string) (dimension, error) {
	for d, name := range dimensionNames {
		if word == name || word == strings.ReplaceAll(name, "-", "_") {
			return dimension(d), nil
		}
	}
	return 0, plugin.Usagef("--by %s: use one of %s", quote.Text(word), strings.Join(dimensionNames[:], ", "))
}

// prefixes are the lengths that --by network groups to.
type prefixes struct{ v4, v6 int }

// of returns the length for the family of an address.
func (p prefixes) of(address netip.Addr) int {
	if address.Is4() {
		return p.v4
	}
	return p.v6
}

// parsePrefixes reads --prefix4 and --prefix6.
func parsePrefixes(v4, v6 string) (p prefixes, err error) {
	if p.v4, err = plugin.ParsePrefixLength("--prefix4", v4, 24, 32); err != nil {
		return p, err
	}
	p.v6, err = plugin.ParsePrefixLength("--prefix6", v6, 64, 128)
	return p, err
}

// A group is what sockets of one group have in common; only the parts of the
// dimensions that are grouped by are filled.
type group struct {
	state                 sock.State
	family                sock.Family
	protocol              sock.Protocol
	holder, owner, member ownership // of process, of uid and of cgroup
	port, peerPort        uint16
	uid                   uint32
	cgroup                uint64
	peer                  netip.Addr
	network               netip.Prefix
	process               string
}

// A grouper finds the group of a socket.
type grouper struct {
	dimensions []dimension
	prefixes   prefixes
	owners     *owners
}

func (g *grouper) of(s *sock.Socket) group {
	var key group
	for _, d := range g.dimensions {
		switch d {
		case byState:
			key.state = s.State
		case byPort:
			key.port = s.Local.Port()
		case byPeerPort:
			key.peerPort = s.Peer.Port()
		case byPeer:
			key.peer = reached(s.Peer.Addr())
		case byNetwork:
			key.network = g.network(s.Peer.Addr())
		case byProcess:
			key.process, key.holder = g.owners.process(s.Inode)
		case byUser:
			key.uid, key.owner = user(s)
		case byFamily:
			key.family = s.Family
		case byProtocol:
			key.protocol = s.Protocol
		case byCgroup:
			key.cgroup, key.member = g.owners.membership(s)
		}
	}
	return key
}

// reached returns the address of a peer, invalid for a socket that is connected
// to nobody: the kernel gives it the unspecified address.
func reached(peer netip.Addr) netip.Addr {
	if peer.IsUnspecified() {
		return netip.Addr{}
	}
	return peer
}

func (g *grouper) network(address netip.Addr) netip.Prefix {
	address = reached(address)
	prefix, _ := address.Prefix(g.prefixes.of(address)) // an invalid address has no network
	return prefix
}

func user(s *sock.Socket) (uint32, ownership) {
	switch {
	case !s.HasOwner():
		return 0, unowned
	case !s.Known.Has(sock.FieldUID):
		return 0, unseen
	default:
		return s.UID, owned
	}
}

// text returns the group's name in one dimension, for people.
func (g *grouper) text(key group, d dimension) string {
	if pseudo := key.pseudo(d); pseudo != "" {
		return pseudo
	}
	switch d {
	case byState:
		return key.state.String()
	case byPort:
		return strconv.Itoa(int(key.port))
	case byPeerPort:
		return strconv.Itoa(int(key.peerPort))
	case byPeer:
		return key.peer.String()
	case byNetwork:
		return key.network.String()
	case byProcess:
		return ownName("proc_", key.process)
	case byUser:
		return ownName("user_", g.owners.user(key.uid))
	case byFamily:
		return key.family.String()
	case byProtocol:
		return key.protocol.String()
	default:
		return g.owners.cgroup(key.cgroup)
	}
}

// label returns the group's name as a metric.
func (g *grouper) label(key group, d dimension) string {
	if pseudo := key.pseudo(d); pseudo != "" {
		return pseudo
	}
	switch d {
	case byState:
		return stateLabel(key.state)
	case byPort:
		return "p" + strconv.Itoa(int(key.port))
	case byPeerPort:
		return "rp" + strconv.Itoa(int(key.peerPort))
	case byPeer:
		return report.AddressLabel(key.peer)
	case byNetwork:
		return report.NetworkLabel(key.network)
	case byProcess:
		return report.Label("proc_", key.process)
	case byUser:
		return report.Label("user_", g.owners.user(key.uid))
	case byCgroup:
		return report.Label("cg_", strings.Trim(g.owners.cgroup(key.cgroup), "/"))
	default:
		return g.text(key, d)
	}
}

func stateLabel(s sock.State) string { return strings.ReplaceAll(s.String(), "-", "_") }
