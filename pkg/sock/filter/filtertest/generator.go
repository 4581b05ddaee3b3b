// Package filtertest makes up filter expressions for tests. They are valid for
// the program ss, version 6.1, so that a test can compare what ss selects with
// what this module does.
package filtertest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// A Generator makes up expressions of words that a test gives it, best those
// that occur in its sockets and a few that do not. Empty lists leave a kind of
// condition out; Ports must not be empty.
type Generator struct {
	Ports     []uint16
	Services  []string // names that /etc/services knows
	Hosts4    []string // IPv4 addresses and prefixes
	Hosts6    []string // IPv6 addresses and prefixes, without brackets
	Devices   []string // names or indices of interfaces
	Marks     []string // VALUE or VALUE/MASK
	Cgroups   []string
	Autobound bool
	// Families adds "inet:" or "inet6:" to some expressions, one of them in
	// all of an expression: ss takes the last for the whole.
	Families bool
	// Beyond adds what ss 6.1 cannot say, or understands otherwise; see
	// Unsayable.
	Beyond bool

	rand    *rand.Rand
	family  string
	devices bool // dev may occur in this expression
}

// Unsayable names what the filter language knows and ss 6.1 does not, or does
// otherwise, with an example. Expression avoids it unless Beyond is set.
var Unsayable = []struct{ Name, Example, Why string }{
	{"bare-ipv6", "dst 2001:db8::1", "ss needs brackets around an IPv6 address without a length"},
	{"bare-ipv6-digits", "dst ::1:443", "ss takes the last part for a port; here it is an error, for it may be part of the address"},
	{"length-behind-brackets", "dst [2001:db8::]/32", "ss wants the length within the brackets"},
	{"address-inequality", "dst != 10.0.0.1", "the grammar of ss has only = for src and dst"},
	{"joined-words", "(sport=:80)", "ss needs blanks around parentheses and operators"},
	{"begin-end", "begin sport = :80 end", "ss has parentheses alone"},
	{"uid", "uid = 0", "ss has no such predicate"},
	{"bound-inactive", "state bound-inactive", "ss 6.1 does not know the state"},
	{"negated-zero-prefix", "not src 0.0.0.0/0", "ss itself takes a length of 0 for any address, the kernel for the family: ss shows none"},
	{"negated-zero-address", "not src [::]", "ss itself compares bits across families: 0.0.0.0 is :: to it, though not to the kernel"},
	{"device-and-zero-address", "dev != lo and dst [::/64]", "with dev in it, ss gives the kernel no part of an expression: it compares bits across families"},
	{"device-and-autobound", "autobound and dev = 0", "likewise, so that ss takes any local port in ip_local_port_range for autobound"},
	{"two-families", "src inet:* or src inet6:*", "ss takes the last family for the whole filter"},
	{"port-out-of-range", "sport = 70000", "ss takes it and finds nothing; here it is an error"},
}

// New returns a generator whose expressions follow from the seed. Its lists
// are still to be filled.
func New(seed uint64) *Generator {
	return &Generator{rand: rand.New(rand.NewPCG(seed, 0x55))}
}

// Expression returns an expression of at most depth operators in depth.
func (g *Generator) Expression(depth int) string {
	g.family = ""
	if g.Families && g.rand.IntN(6) == 0 {
		g.family = g.pick([]string{"inet:", "inet6:"})
	}
	g.devices = len(g.Devices) > 0 && (g.Beyond || g.rand.IntN(3) == 0)
	return g.list(depth, false)
}

func (g *Generator) pick(words []string) string { return words[g.rand.IntN(len(words))] }

// list is a sequence of terms. Negated tells that an odd number of negations
// is around it.
func (g *Generator) list(depth int, negated bool) string {
	text := g.term(depth, negated)
	for depth > 0 && g.rand.IntN(2) == 0 {
		depth--
		join := g.pick([]string{"and", "&", "&&", "", "or", "|", "||", "or"})
		text = strings.Join(strings.Fields(text+" "+join+" "+g.term(depth, negated)), " ")
	}
	return text
}

func (g *Generator) term(depth int, negated bool) string {
	if depth > 0 {
		switch g.rand.IntN(5) {
		case 0:
			return g.pick([]string{"not ", "! "}) + g.term(depth-1, !negated)
		case 1, 2:
			return "( " + g.list(depth-1, negated) + " )"
		}
	}
	return g.predicate(negated)
}

func (g *Generator) predicate(negated bool) string {
	for {
		switch kind := g.rand.IntN(12); {
		case kind < 4:
			return g.port()
		case kind < 6 && len(g.Hosts4) > 0:
			if host := g.pick(g.Hosts4); g.allowed(host, negated) && g.family != "inet6:" {
				return g.host(host)
			}
		case kind < 8 && len(g.Hosts6) > 0:
			if host := g.pick(g.Hosts6); g.allowed(host, negated) && g.family != "inet:" {
				return g.host6(host)
			}
		case kind == 8 && g.devices:
			return "dev " + g.equality() + g.pick(g.Devices)
		case kind == 9 && len(g.Marks) > 0:
			return "fwmark " + g.equality() + g.pick(g.Marks)
		case kind == 10 && len(g.Cgroups) > 0:
			return "cgroup " + g.equality() + g.pick(g.Cgroups)
		case kind == 11 && g.Autobound && (g.Beyond || !g.devices):
			return "autobound"
		case kind == 11 && g.Beyond:
			return fmt.Sprintf("uid = %d", g.rand.IntN(3))
		}
	}
}

// allowed reports whether ss and the kernel agree about a host; see the names
// with zero in Unsayable.
func (g *Generator) allowed(host string, negated bool) bool {
	if g.Beyond || !negated && !g.devices {
		return true
	}
	addr, length, _ := strings.Cut(host, "/")
	return length != "0" && strings.Trim(addr, "0:.") != ""
}

func (g *Generator) equality() string {
	return g.pick([]string{"", "= ", "== ", "eq ", "!= ", "ne ", "neq "})
}

func (g *Generator) side(local, peer string) string { return g.pick([]string{local, peer}) }

func (g *Generator) port() string {
	op := g.pick([]string{
		"", "=", "==", "eq", "!=", "ne", "neq", "<", "lt", "<=", "le", "leq", ">", "gt", ">=", "ge", "geq", "=", "=",
	})
	return strings.Join(strings.Fields(g.side("sport", "dport")+" "+op+" "+g.family+g.pick([]string{"", ":"})+g.portWord()), " ")
}

func (g *Generator) portWord() string {
	port := g.Ports[g.rand.IntN(len(g.Ports))]
	switch g.rand.IntN(8) {
	case 0:
		if len(g.Services) > 0 {
			return g.pick(g.Services)
		}
	case 1:
		return fmt.Sprintf("%#x", port)
	case 2:
		port += uint16(g.rand.IntN(3)) - 1
	}
	return fmt.Sprint(port)
}

func (g *Generator) host(addr string) string { return g.hostAs(addr, g.portWord()) }

// host6 is a host with or without brackets: without, only what cannot be both
// an address and an address with a port.
func (g *Generator) host6(addr string) string {
	port := g.portWord()
	length := strings.Contains(addr, "/")
	_, err := netip.ParseAddr(addr + ":" + port)
	switch form := g.rand.IntN(6); {
	case form < 2 && length:
		return g.hostAs(addr, port)
	case form == 0 && err != nil:
		return g.hostBefore() + addr + ":" + port
	case form == 1 && err == nil:
		return g.hostBefore() + addr + ":" + port + "/" + g.pick([]string{"16", "64", "112"})
	case form == 2 && !length:
		return g.hostBefore() + addr + ":*"
	}
	return g.hostAs("["+addr+"]", port)
}

// hostBefore is what stands before an address.
func (g *Generator) hostBefore() string {
	return g.side("src", "dst") + " " + g.pick([]string{"", "= ", "== ", "eq "}) + g.family
}

func (g *Generator) hostAs(addr, port string) string {
	text := g.hostBefore()
	switch g.rand.IntN(8) {
	case 0:
		return text + "*:" + port
	case 1, 2:
		return text + addr + ":" + port
	case 3:
		return text + addr + ":*"
	}
	return text + addr
}
