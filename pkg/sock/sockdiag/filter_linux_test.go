package sockdiag

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/filter/filtertest"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// populated knows the few names that the generated filters use.
type populated struct{}

func (populated) Service(name string) (uint16, error) {
	if name == "domain" {
		return 53, nil
	}
	return 0, errors.New("unknown service")
}

func (populated) Interface(name string) (uint32, error) {
	if name == "lo" {
		return 1, nil
	}
	return 0, errors.New("unknown interface")
}

func (populated) Host(string) ([]netip.Addr, error) { return nil, errors.New("unknown host") }
func (populated) Cgroup(string) (uint64, error)     { return 0, errors.New("unknown control group") }

func livelyFilters(seed uint64) *filtertest.Generator {
	g := filtertest.New(seed)
	g.Ports = []uint16{80, 443, 445, 7000, 7001, 7002, 53, 55, 5000, 8080, 1, 65535, 40000}
	if _, err := os.Stat("/etc/services"); err == nil {
		g.Services = []string{"domain"} // for tcp and udp
	}
	g.Hosts4 = []string{"127.0.0.1", "127.1.0.0/24", "127.1.0.3", "127.1.0.20/31", "127.0.0.0/8", "0.0.0.0", "0.0.0.0/0", "10.0.0.0/8"}
	g.Hosts6 = []string{"::1", "fd00::/64", "fd00::15", "::/0", "::", "::ffff:0:0/96", "::ffff:127.1.0.22", "2001:db8::/32"}
	g.Devices = []string{"lo", "0", "1"}
	g.Marks = []string{"0x2a", "0x2a/0xff", "0", "1/1"}
	g.Families = true
	return g
}

func cookies(sockets []sock.Socket) []uint64 {
	list := make([]uint64, 0, len(sockets))
	for i := range sockets {
		list = append(list, sockets[i].Cookie)
	}
	slices.Sort(list)
	return list
}

// TestFiltersAgree has the kernel, Match and, where ss knows them, ss decide
// generated filters over the same sockets.
func TestFiltersAgree(t *testing.T) {
	needSS(t)
	ns := socktest.NewNamespace(t)
	ns.Populate()
	c := dialTest(t, ns)
	all := map[sock.Protocol][]sock.Socket{}
	states := sock.AllStates &^ sock.StatesOf(sock.BoundInactive) // which ss 6.1 does not list
	for _, p := range []sock.Protocol{sock.TCP, sock.UDP} {
		all[p] = collect(t, c, Request{Protocol: p, States: states, Want: everything})
	}
	sayable, beyond := livelyFilters(11), livelyFilters(12)
	beyond.Beyond = true
	selected := 0
	for i := range 500 {
		g, p := sayable, sock.TCP
		if i%4 == 0 {
			g = beyond
		}
		if i%5 == 0 {
			p = sock.UDP
		}
		text := g.Expression(4)
		f, err := filter.Parse(text, populated{})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var want []sock.Socket
		for _, s := range all[p] {
			if f.Expr.Match(&s) {
				want = append(want, s)
			}
		}
		selected += len(want)
		for _, userSpace := range []bool{false, true} {
			got := collect(t, c, Request{Protocol: p, States: states, Filter: f.Expr, NoBytecode: userSpace, Want: everything})
			if diff := cmp.Diff(cookies(want), cookies(got)); diff != "" {
				t.Errorf("%s %q, user space %v:\n%s", p, text, userSpace, diff)
			}
		}
		if g == sayable && i%2 == 1 {
			option := map[sock.Protocol]string{sock.TCP: "-Htane", sock.UDP: "-Huane"}[p]
			lines := ss(t, ns, append([]string{option}, strings.Fields(text)...)...)
			compareSelection(t, text, lines, want)
		}
	}
	if selected < 2000 {
		t.Errorf("all filters together select %d sockets: too few to prove anything", selected)
	}
}

func compareSelection(t *testing.T, text string, lines []string, want []sock.Socket) {
	t.Helper()
	var theirs, ours []string
	for _, line := range lines {
		theirs = append(theirs, ssRow(t, line))
	}
	for i := range want {
		ours = append(ours, ourRow(&want[i]))
	}
	slices.Sort(theirs)
	slices.Sort(ours)
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("%q: ss and we disagree (-ss +ours):\n%s", text, diff)
	}
}
