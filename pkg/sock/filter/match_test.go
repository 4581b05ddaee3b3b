package filter

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// tcp returns a socket as a source delivers it: mapped addresses are told by
// their ::ffff: and come out unmapped.
func tcp(local, peer string) *sock.Socket {
	s := &sock.Socket{Family: sock.IPv6}
	l, p := netip.MustParseAddrPort(local), netip.MustParseAddrPort(peer)
	s.Mapped = l.Addr().Is4In6() || p.Addr().Is4In6()
	if s.Mapped || l.Addr().Is4() {
		s.Family = sock.IPv4
	}
	s.Local.AddrPort = netip.AddrPortFrom(l.Addr().Unmap(), l.Port())
	s.Peer.AddrPort = netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	return s
}

var (
	v4Socket      = tcp("10.0.0.1:443", "192.0.2.9:50000")
	mappedSocket  = tcp("[::ffff:10.0.0.1]:443", "[::ffff:192.0.2.9]:50000")
	v6Socket      = tcp("[2001:db8::1]:443", "[2001:db8::2]:50000")
	v4Listener    = tcp("0.0.0.0:443", "0.0.0.0:0")
	v6Listener    = tcp("[::]:443", "[::]:0")
	mixedListener = tcp("[::ffff:10.0.0.1]:443", "[::]:0")
)

// mixedListener4 is mixedListener with the peer in the family of the other end.
var mixedListener4 = func() *sock.Socket {
	s := *mixedListener
	s.Peer.AddrPort = netip.MustParseAddrPort("0.0.0.0:0")
	return &s
}()

// TestMatchAddresses holds the rules of inet_diag_bc_run for families.
func TestMatchAddresses(t *testing.T) {
	tests := []struct {
		text                                string
		v4, mapped, v6, v4any, v6any, mixed bool
	}{
		{"src 0.0.0.0/0", true, true, false, true, false, true},
		{"src ::/0", false, true, true, false, true, true},
		{"src ::ffff:0:0/96", false, true, false, false, false, true},
		{"src ::/64", false, true, false, false, true, true},
		{"src 10/8", true, true, false, false, false, true},
		{"src ::ffff:10.0.0.0/104", false, true, false, false, false, true},
		{"src 10.0.0.1", true, true, false, false, false, true},
		{"src 10.0.0.1:443", true, true, false, false, false, true},
		{"src 10.0.0.1:80", false, false, false, false, false, false},
		{"src 0.0.0.0", false, false, false, true, false, false},
		{"src ::", false, false, false, false, true, false},
		{"dst 0/0", true, true, false, true, false, false},
		{"dst 0.0.0.0", false, false, false, true, false, false},
		{"dst ::/0", false, true, true, false, true, true},
		{"dst ::ffff:0:0/96", false, true, false, false, false, false},
		{"dst ::", false, false, false, false, true, true},
		{"src 2001:db8::/32", false, false, true, false, false, false},
		{"src *:443", true, true, true, true, true, true},
		{"src inet:*", true, false, false, true, false, false},
		{"src inet6:*", false, true, true, false, true, true},
		{"src inet:* or src inet6:*", true, true, true, true, true, true},
		{"sport inet6:80", false, false, false, false, false, false},
		{"sport >= 443 sport <= 443", true, true, true, true, true, true},
		{"sport > 443 or sport < 443 or sport != 443", false, false, false, false, false, false},
		{"dport > 0", true, true, true, false, false, false},
	}
	for _, tt := range tests {
		f, err := Parse(tt.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			name string
			s    *sock.Socket
			want bool
		}{
			{"v4", v4Socket, tt.v4}, {"mapped", mappedSocket, tt.mapped}, {"v6", v6Socket, tt.v6},
			{"v4 listener", v4Listener, tt.v4any}, {"v6 listener", v6Listener, tt.v6any},
			{"mapped listener", mixedListener, tt.mixed}, {"the same, printed as IPv4", mixedListener4, tt.mixed},
		} {
			if got := f.Expr.Match(row.s); got != row.want {
				t.Errorf("%q matches %s: %v, want %v", tt.text, row.name, got, row.want)
			}
		}
	}
}

func TestMatchAttributes(t *testing.T) {
	owned := *v4Socket
	owned.UID, owned.Inode, owned.Interface, owned.Mark, owned.Cgroup = 0, 7, 2, 0x13, 105
	orphan := owned
	orphan.Inode = 0
	unixSocket := &sock.Socket{Protocol: sock.Unix, Local: sock.Endpoint{Name: "/tmp/.X11-unix/X0"}}
	abstract := &sock.Socket{Protocol: sock.Unix, Local: sock.Endpoint{Name: "@0001f"}}
	unnamed := &sock.Socket{Protocol: sock.Unix}
	packet := &sock.Socket{Protocol: sock.Packet, Interface: 1, Local: sock.Endpoint{Name: "0x0806"}}
	everything := &sock.Socket{Protocol: sock.Packet, Local: sock.Endpoint{Name: "*"}}
	tests := []struct {
		text string
		s    *sock.Socket
		want bool
	}{
		{"uid 0", &owned, true},
		{"uid 0", &orphan, false},
		{"dev eth0", &owned, true},
		{"dev != eth0", &owned, false},
		{"fwmark 0x13", &owned, true},
		{"fwmark 3/3", &owned, true},
		{"fwmark 3", &owned, false},
		{"fwmark 7/3", &owned, false},
		{"cgroup /a/bb", &owned, true},
		{"cgroup = 105", &owned, true},
		{"cgroup /a", &owned, false},
		{"src unix:/TMP/.x11*", unixSocket, true},
		{"src unix:/tmp/?X11-unix/X[0-9]", unixSocket, true},
		{"dst unix:/tmp/*", unixSocket, false},
		{"src unix:*", unnamed, true},
		{"src unix:", unnamed, true},
		{"src unix:", unixSocket, false},
		{"src unix:*", v4Socket, false},
		{"autobound", abstract, true},
		{"autobound", unnamed, true},
		{"autobound", unixSocket, false},
		{"autobound", packet, false},
		{"autobound", everything, false},
		{"src link:arp", packet, true},
		{"src link:ARP:lo", packet, true},
		{"src link:arp:eth0", packet, false},
		{"src link:ip", packet, false},
		{"src link:*:1", packet, true},
		{"dst link:arp", packet, false},
		{"dst link:*", packet, true},
		{"src link:all", everything, true},
		{"src link:*", everything, true},
		{"src link:*", v4Socket, false},
	}
	for _, tt := range tests {
		f, err := Parse(tt.text, testNames{})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Expr.Match(tt.s); got != tt.want {
			t.Errorf("%q matches %+v: %v, want %v", tt.text, tt.s.Local, got, tt.want)
		}
	}
}

func TestMatchGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"**", "abc", true}, {"?", "", false},
		{"a*c", "abbc", true}, {"a*c", "abcd", false}, {"*a*b*c", "xaybzc", true}, {"a**", "a", true},
		{"[abc]x", "Bx", true}, {"[!abc]x", "bx", false}, {"[^abc]x", "dx", true}, {"[a-c]", "B", true},
		{"[A-C]", "b", true}, {"[]]", "]", true}, {"[!]]", "]", false}, {"[]a]", "a", true}, {"[a-]", "-", true},
		{"[a", "[a", true}, {"[", "[", true}, {"[!", "[!", true}, {"[[:digit:]]", "7", true},
		{"[[:UPPER:]]", "a", false}, {"[[:upper:]x]", "a", true}, {"[[:space:]]", " ", true}, {"[\\]]", "]", true},
		{"\\*", "*", true}, {"\\*", "a", false}, {"a\\", "a\\", false}, {"*.sock", "/run/a.SOCK", true},
		{"a*b?d*", "aXbXbcd", true}, {"*[0-9]", "a1", true}, {"*[0-9]", "1a", false},
		{strings.Repeat("*a", 40) + "b", strings.Repeat("a", 2000), false},
	}
	for _, tt := range tests {
		if got := matchGlob(tt.pattern, tt.name); got != tt.want {
			t.Errorf("matchGlob(%q, %.20q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestNeeds(t *testing.T) {
	f, err := Parse("dev 1 or not ( fwmark 1 cgroup 1 uid 1 autobound ) sport 1", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := sock.FieldInterface | sock.FieldMark | sock.FieldCgroup | sock.FieldUID | sock.FieldAutobound
	if got := Needs(f.Expr); got != want {
		t.Errorf("Needs = %s, want %s", got, want)
	}
	if Needs(nil) != 0 || Needs(Host{}) != 0 {
		t.Error("nothing is needed for nothing")
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	f, err := Parse("not ( src ::ffff:0:0/95 and dst 1.2.3.4 ) and ( sport 1 or src unix:*[[:alpha:]]* or src link:ip or uid 1 or dst ::/0 )", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*sock.Socket{mappedSocket, v4Socket, v6Socket, mixedListener4} {
		if n := testing.AllocsPerRun(100, func() { f.Expr.Match(s) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func TestSelections(t *testing.T) {
	prefixes := []netip.Prefix{netip.MustParsePrefix("10.0.0.9/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tt := range []struct {
		e    Expr
		want string
	}{
		{Address(Peer, prefixes), "dst 10.0.0.0/8 or dst [2001:db8::/32]"},
		{Ports(Local, 80, 80), "sport = :80"},
		{Ports(Peer, 8000, 8080), "dport >= :8000 and dport <= :8080"},
		{ByAddress(sock.IPv4), "src 0.0.0.0/0 or dst 0.0.0.0/0"},
		{ByAddress(sock.IPv6), "not ( src 0.0.0.0/0 or dst 0.0.0.0/0 )"},
		{All(nil, User(5), nil, Device{3}), "uid = 5 and dev = 3"},
		{NarrowAutobound(Not{Autobound{}}, 5, 9), "not autobound and not ( sport >= :5 and sport <= :9 )"},
		{NarrowAutobound(Device{1}, 5, 9), "dev = 1"},
	} {
		if got := tt.e.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	if All(nil, nil) != nil || Address(Local, nil) != nil {
		t.Error("nothing selects every socket")
	}
	for _, s := range []*sock.Socket{v4Socket, mappedSocket, v6Socket, v4Listener, v6Listener, mixedListener} {
		if !ByAddress(s.Family).Match(s) || ByAddress(sock.IPv4+sock.IPv6-s.Family).Match(s) {
			t.Errorf("ByAddress and Family disagree about %+v", s)
		}
	}
}

func TestFixedPorts(t *testing.T) {
	for text, want := range map[string][2]uint16{
		"sport 1":                      {1, 0},
		"sport 1 dport 2 uid 3":        {1, 2},
		"src 10.0.0.1:5 and dst *:6":   {5, 6},
		"sport 1 or dport 2":           {0, 0},
		"not sport 1":                  {0, 0},
		"sport != 1 and sport >= 5":    {0, 0},
		"( sport 1 or sport 2 ) uid 1": {0, 0},
		"not ( not ( sport 4 ) )":      {4, 0},
		"uid 1 and ( sport 9 dev 1 )":  {9, 0},
	} {
		f, err := Parse(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		local, peer := FixedPorts(f.Expr)
		if local != want[0] || peer != want[1] {
			t.Errorf("FixedPorts(%q) = %d, %d, want %v", text, local, peer, want)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	f, err := Parse("( sport = :443 or sport = :80 ) and not dst 10/8", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.Expr.Match(mappedSocket)
	}
}
