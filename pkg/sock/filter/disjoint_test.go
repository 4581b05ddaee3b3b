package filter

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter/filtertest"
)

func TestDisjoint(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"sport 80", "sport 443", true},
		{"sport 80", "dport 443", false},
		{"sport 80", "sport > 80", true},
		{"sport >= 80", "sport <= 80", false},
		{"sport < 80", "sport > 79", true},
		{"sport 80", "not sport 80", true},
		{"sport 80", "not sport 81", false},
		{"sport 80", "src 10.0.0.1:81", true},
		{"sport 80 or sport 81", "sport 82 or sport 83", true},
		{"sport 80 or sport 81", "sport 81 or sport 83", false},
		{"sport 80 and dport 1", "dport 2", true},
		{"src 10/8", "src 11/8", true},
		{"src 10/8", "src 10.1.1.1", false},
		{"src 10/8", "dst 11/8", false},
		{"src 10/8", "src [2001:db8::/32]", true},
		{"src 10/8", "dst [2001:db8::/32]", true},
		{"src 10/8", "src ::/0", false},
		{"src 10/8", "src ::ffff:0:0/96", false},
		{"src 10/8", "dst ::", false},
		{"src 10/8", "not src 0/0", true},
		{"src 10/8", "not src 10.1/16", false},
		{"src inet:*", "src inet6:*", true},
		{"src inet:*", "not ( src 0/0 or dst 0/0 )", true},
		{"src inet6:*", "src 10/8", false},
		{"dev 1", "dev 2", true},
		{"uid 1", "uid 2", true},
		{"cgroup 1", "cgroup 2", true},
		{"fwmark 1", "fwmark 2", true},
		{"fwmark 1/1", "fwmark 2/2", false},
		{"src /tmp/*", "src 10/8", true},
		{"src /tmp/*", "src /var/*", false},
		{"autobound", "sport 80", false},
		{"src *", "not src *", true},
	} {
		a, b := mustParse(t, tt.a), mustParse(t, tt.b)
		if got := Disjoint(a, b); got != tt.want {
			t.Errorf("Disjoint(%s, %s) = %t", tt.a, tt.b, got)
		}
		if got := Disjoint(b, a); got != tt.want {
			t.Errorf("Disjoint(%s, %s) = %t", tt.b, tt.a, got)
		}
	}
	if Disjoint(nil, mustParse(t, "sport 80")) {
		t.Error("every socket and some are disjoint")
	}
}

// TestDisjointOfLongLists has lists of ports and addresses as people write them.
// Each pair of conditions is compared once: of these there are a million, and
// were it every way to a pair, the test would never end.
func TestDisjointOfLongLists(t *testing.T) {
	list := func(condition string, n int, joint string) Expr {
		var conditions []string
		for i := range n {
			conditions = append(conditions, fmt.Sprintf(condition, i/250, i%250))
		}
		return mustParse(t, strings.Join(conditions, joint))
	}
	ports, others := list("sport = :1%d%03d", 1000, " or "), list("sport = :2%d%03d", 1000, " or ")
	if !Disjoint(ports, others) || Disjoint(ports, ports) {
		t.Error("one list of ports has something in common with another, or nothing with itself")
	}
	outside := list("dst != 10.0.%d.%d", 1000, " and ")
	if !Disjoint(Not{outside}, outside) || Disjoint(outside, outside) || Disjoint(outside, ports) {
		t.Error("a list of addresses has something in common with what it leaves out, or nothing with itself or with ports")
	}
}

func mustParse(t *testing.T, text string) Expr {
	t.Helper()
	f, err := Parse(text, testNames{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Expr
}

// TestDisjointHasNoSocket looks for a socket that matches both of two
// expressions which are said to be disjoint.
func TestDisjointHasNoSocket(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	g := filtertest.New(7)
	g.Ports = []uint16{0, 1, 80, 443, 65535}
	g.Hosts4 = []string{"0/0", "0.0.0.0", "10/8", "10.1/16", "192.0.2.1"}
	g.Hosts6 = []string{"::/0", "::", "::ffff:0:0/96", "::ffff:10.0.0.0/104", "2001:db8::/32", "2001:db8::1", "::/64"}
	g.Marks, g.Devices = []string{"1", "2/2", "0/1", "3"}, []string{"1", "2", "0"}
	g.Families, g.Beyond = true, true
	var sockets []*sock.Socket
	for range 300 {
		sockets = append(sockets, anySocket(random))
	}
	found := 0
	for i := range 20000 {
		a, b := mustParse(t, g.Expression(i%3)), mustParse(t, g.Expression(i%4))
		if !Disjoint(a, b) {
			continue
		}
		found++
		for _, s := range sockets {
			if a.Match(s) && b.Match(s) {
				t.Fatalf("%s and %s are disjoint, and %+v matches both", a, b, *s)
			}
		}
	}
	if found < 500 {
		t.Errorf("only %d of the pairs are disjoint", found)
	}
}

// anySocket returns a socket such as a source can deliver.
func anySocket(random *rand.Rand) *sock.Socket {
	v4 := []string{"0.0.0.0", "10.0.0.1", "10.1.0.1", "192.0.2.1", "198.51.100.1"}
	v6 := []string{"::", "2001:db8::1", "2001:db8::2", "fe80::1", "::5"}
	ports := []uint16{0, 1, 2, 79, 80, 81, 443, 65535}
	addrs := v4
	s := &sock.Socket{Family: sock.IPv4, Mapped: random.IntN(3) == 0}
	if !s.Mapped && random.IntN(2) == 0 {
		s.Family, addrs = sock.IPv6, v6
	}
	end := func() sock.Endpoint {
		addr := netip.MustParseAddr(addrs[random.IntN(len(addrs))])
		return sock.Endpoint{AddrPort: netip.AddrPortFrom(addr, ports[random.IntN(len(ports))])}
	}
	s.Local, s.Peer = end(), end()
	s.Mark, s.Interface, s.UID = random.Uint32N(4), random.Uint32N(3), random.Uint32N(3)
	s.Inode, s.State = 1, sock.Established
	return s
}

func TestKinds(t *testing.T) {
	for text, want := range map[string][3]bool{
		"sport 80": {true, true, true}, "dst 10/8": {true}, "src /tmp/*": {false, true}, "src link:arp": {false, false, true},
		"src /tmp/* or dst 10/8": {true, true}, "src /tmp/* and dst 10/8": {}, "not src /tmp/*": {true, true, true},
		"not not src /tmp/*": {false, true},
	} {
		var got [3]bool
		if got[0], got[1], got[2] = Kinds(mustParse(t, text)); got != want {
			t.Errorf("Kinds(%s) = %v, want %v", text, got, want)
		}
	}
}
