package main

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

func TestGroupLabels(t *testing.T) {
	g := &grouper{prefixes: prefixes{24, 64}}
	tests := []struct {
		d    dimension
		key  group
		want string
	}{
		{byState, group{state: sock.FinWait1}, "fin_wait_1"},
		{byPort, group{port: 443}, "p443"},
		{byPeerPort, group{peerPort: 443}, "rp443"},
		{byPeer, group{peer: netip.MustParseAddr("10.0.0.1")}, "ip_10_0_0_1"},
		{byPeer, group{peer: netip.MustParseAddr("2001:db8::1")}, "ip_2001_db8_0_0_0_0_0_1"},
		{byNetwork, group{network: netip.MustParsePrefix("10.0.0.0/24")}, "net_10_0_0_0_24"},
		{byNetwork, group{network: netip.MustParsePrefix("2001:db8::/64")}, "net_2001_db8_0_0_64"},
		{byProcess, group{process: "nginx", holder: owned}, "proc_nginx"},
		{byProcess, group{process: "none", holder: owned}, "proc_none"},
		{byPort, group{}, "none"},
		{byPeerPort, group{}, "none"},
		{byPeer, group{}, "none"},
		{byNetwork, group{}, "none"},
		{byProcess, group{holder: unowned}, "none"},
		{byProcess, group{holder: unseen}, "unseen"},
		{byUser, group{owner: unowned}, "none"},
		{byFamily, group{family: sock.IPv6}, "ipv6"},
		{byFamily, group{}, "none"},
		{byProtocol, group{protocol: sock.UDP}, "udp"},
		{byCgroup, group{member: unowned}, "none"},
		{byCgroup, group{member: unseen}, "unseen"},
	}
	for _, tt := range tests {
		if got := g.label(tt.key, tt.d); got != tt.want {
			t.Errorf("label(%s) = %q, want %q", tt.d, got, tt.want)
		}
		if tt.d != byFamily && tt.want != "none" && !closed(tt.d) && !everything.couldBe(tt.d, tt.want) {
			t.Errorf("couldBe(%s, %q) = false, though it is a label", tt.d, tt.want)
		}
	}
}

// everything is the reach of options that select nothing.
var everything = reach{selected: new(selection.Selected), prefixes: prefixes{24, 64}}

// A threshold on what a name looks like, while the label of that name has a
// hash, is told so.
func TestMistakenLabels(t *testing.T) {
	g := &grouper{dimensions: []dimension{byProcess}}
	v := &view{grouper: g, limited: []string{"proc_php_fpm7_4", "proc_nginx", "proc_gone", "proc_a_b"}}
	tally := newTally(g)
	for _, name := range []string{"php-fpm7.4", "nginx", "nginX", "a_b", "a-b"} {
		tally.groups[group{process: name, holder: owned}] = 1
	}
	want := []string{"proc_php_fpm7_4 is not the metric of process php-fpm7.4: that is " + report.Label("proc_", "php-fpm7.4")}
	if got := v.mistaken(tally); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A threshold may name what the selection can have, now or later, and nothing
// else.
func TestReach(t *testing.T) {
	selected := &selection.Selected{Ports: []selection.PortRange{{Low: 80, High: 90}}, Peers: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}
	r := reach{selected: selected, prefixes: prefixes{24, 64}}
	for _, tt := range []struct {
		d     dimension
		label string
		want  bool
	}{
		{byPort, "p80", true}, {byPort, "p90", true}, {byPort, "p91", false}, {byPeerPort, "rp91", true},
		{byPeer, "ip_10_0_7_1", true}, {byPeer, "ip_10_1_0_1", false}, {byPeer, "ip_0_0_0_0_0_0_0_1", false},
		{byNetwork, "net_10_0_7_0_24", true}, {byNetwork, "net_10_1_0_0_24", false},
	} {
		if got := r.couldBe(tt.d, tt.label); got != tt.want {
			t.Errorf("couldBe(%s, %q) = %t", tt.d, tt.label, got)
		}
	}
	selected.Peers, selected.Families = nil, selected.Families.Set(sock.IPv4)
	if r.couldBe(byPeer, "ip_0_0_0_0_0_0_0_1") || !r.couldBe(byPeer, "ip_10_0_7_1") {
		t.Error("--ipv4 does not bound the peers")
	}
}

func TestCouldBe(t *testing.T) {
	for _, tt := range []struct {
		d     dimension
		label string
	}{
		{byPort, "p0443"}, {byPort, "p70000"}, {byPort, "443"}, {byPort, "p0"}, {byPeerPort, "rp0"}, {byPort, "unseen"}, {byFamily, "none"},
		{byPeer, "ip_10_0_0"}, {byPeer, "ip_10_0_0_256"}, {byPeer, "ip_2001_db8"}, {byPeer, "10.0.0.1"}, {byPeer, "ip_0_0_0_0"}, {byPeer, "ip_0_0_0_0_0_0_0_0"},
		{byProcess, "nginx"}, {byProcess, "proc_"}, {byState, "p443"}, {byPeer, "unseen"},
		{byNetwork, "net_foo"}, {byNetwork, "net_10_0_0_0_16"}, {byNetwork, "net_2001_db8_32"}, {byNetwork, "ip_10_0_0_1"},
	} {
		if everything.couldBe(tt.d, tt.label) {
			t.Errorf("couldBe(%s, %q) = true, want false", tt.d, tt.label)
		}
	}
}

// A socket nobody can hold is in the group none, and never root's.
func TestTimeWaitIsNobodys(t *testing.T) {
	g := &grouper{dimensions: []dimension{byUser}}
	key := g.of(&sock.Socket{State: sock.TimeWait})
	if got := g.label(key, byUser); got != "none" {
		t.Errorf("a TIME_WAIT socket is counted for %q, want none", got)
	}
}

// A socket's user is known to everybody, and who holds it may not be: neither
// says anything about the other, in whatever order they are grouped by.
func TestUserAndProcess(t *testing.T) {
	socket := &sock.Socket{State: sock.Established, UID: 4242, Inode: 7, Known: sock.FieldUID}
	wanted := new(owner.Inodes)
	wanted.Add(socket.Inode)
	found, err := owner.Find(t.Context(), kernfs.New(t.TempDir(), ""), wanted, owner.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found.Hidden = 1 // another user's process
	unheld := &owners{host: &selection.Host{Users: owner.NewUsers("/dev/null")}, found: found}
	for _, dimensions := range [][]dimension{{byProcess, byUser}, {byUser, byProcess}} {
		g := &grouper{dimensions: dimensions, owners: unheld}
		key := g.of(socket)
		if process, user := g.text(key, byProcess), g.text(key, byUser); process != "unseen" || user != "4242" {
			t.Errorf("by %v: process %q, user %q, want unseen and 4242", dimensions, process, user)
		}
	}
}

func TestParseDimensions(t *testing.T) {
	got, err := parseDimensions([]string{"peer,state", "", "peer_port"})
	if err != nil || len(got) != 3 || got[0] != byPeer || got[1] != byState || got[2] != byPeerPort {
		t.Errorf("parseDimensions = %v, %v", got, err)
	}
	for _, bad := range []string{"colour", "peer,peer"} {
		if _, err := parseDimensions([]string{bad}); err == nil {
			t.Errorf("parseDimensions(%q) gave no error", bad)
		}
	}
}

// Whatever a threshold names, it is refused or has the shape of a label.
func FuzzCouldBe(f *testing.F) {
	for _, seed := range []string{"p443", "rp0", "ip_10_0_0_1", "net_10_0_0_0_24", "net_2001_db8_0_0_64", "proc_nginx", "user_", "cg_a", "none", "unseen", "p٤"} {
		f.Add(uint8(byPort), seed)
		f.Add(uint8(byNetwork), seed)
	}
	f.Fuzz(func(t *testing.T, d uint8, label string) {
		if !everything.couldBe(dimension(d%uint8(dimensionCount)), label) {
			return
		}
		if keyOf(dimension(d%uint8(dimensionCount)), label) == "" {
			t.Errorf("%q has no key", label)
		}
		for i := range len(label) {
			c := label[i]
			if (c < 'a' || c > 'z') && (i == 0 || (c < '0' || c > '9') && c != '_') {
				t.Fatalf("%q is taken for a label", label)
			}
		}
	})
}
