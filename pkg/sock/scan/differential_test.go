//go:build linux

package scan_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/filter/filtertest"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
	"github.com/sockcensus/sockcensus/pkg/sock/sockdiag"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// expressions is how many generated selections are compared with ss.
const expressions = 300

// TestSameSocketsAsSS selects sockets of a full namespace by generated
// expressions and states, and compares what the real ss shows with what the
// kernel selects by bytecode, what is matched here, and what /proc says where
// it can decide.
func TestSameSocketsAsSS(t *testing.T) {
	needSS(t)
	namespace := socktest.NewNamespace(t)
	namespace.Populate()
	namespace.Connect(socktest.Connections{Port: 4711, IPv4: 20, IPv6: 20, Mapped: 20, Peers: 10})
	g := filtertest.New(1)
	g.Ports = []uint16{443, 80, 8443, 4711, 4712, 7000, 53, 9000, 1, 40000}
	g.Services = []string{"https", "http", "domain"}
	g.Hosts4 = []string{"127.0.0.1", "127.0.0.0/8", "127.1.0.0/24", "10.0.0.0/8", socktest.Peer4(0).String(), socktest.Peer4(3).String(), "0.0.0.0/0"}
	g.Hosts6 = []string{"::1", "::/0", "fd00::/8", "::ffff:127.0.0.0/104", socktest.Peer6(1).String()}
	g.Devices = []string{"lo", "0"}
	states := []string{"all", "established", "connected", "synchronized", "bucket", "big", "listening", "time-wait", "close-wait", "syn-sent", "fin-wait-2", "closed"}
	skipped := map[string]int{}
	namespace.Do(func() {
		for i := range expressions {
			words := []string{"state", states[i%len(states)]}
			expression := g.Expression(3)
			for _, protocol := range []sock.Protocol{sock.TCP, sock.UDP} {
				compare(t, protocol, words, expression, skipped)
			}
		}
	})
	t.Logf("could not be compared: %v", skipped)
	for reason, n := range skipped {
		if n > expressions {
			t.Errorf("%d of %d comparisons left out: %s", n, 2*expressions, reason)
		}
	}
}

func needSS(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ss"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ss is not installed (package iproute2)")
		}
		t.Skip("ss is not installed (package iproute2)")
	}
}

// compare checks one selection by every way.
func compare(t *testing.T, protocol sock.Protocol, words []string, expression string, skipped map[string]int) {
	t.Helper()
	text := strings.Join(words, " ") + " " + expression
	f, err := filter.Parse(text, &names.Resolver{Protocol: protocol.String()})
	if err != nil {
		t.Errorf("Parse(%q): %v", text, err)
		return
	}
	query := scan.Query{Tables: []scan.Table{{Protocol: protocol, States: f.States}}, Filter: f.Expr}
	ways := []struct {
		name   string
		listed func() ([]string, error)
	}{
		{"bytecode", func() ([]string, error) { return byScan(query, scan.Netlink) }},
		{"user space", func() ([]string, error) { return byMatching(query) }},
		{"proc", func() ([]string, error) { return byScan(query, scan.Proc) }},
	}
	for attempt := 1; ; attempt++ {
		want, err := bySS(protocol, words, expression)
		if err != nil {
			skipped["ss: "+err.Error()]++
			return
		}
		differences := ""
		for _, way := range ways {
			got, err := way.listed()
			var undecidable *sock.UndecidableError
			switch {
			case errors.As(err, &undecidable):
				skipped[way.name+": "+undecidable.What]++
			case err != nil:
				t.Errorf("%s %s by %s: %v", protocol, text, way.name, err)
			default:
				differences += difference(way.name, got, want)
			}
		}
		if differences == "" {
			return
		}
		if attempt == 3 { // a minisocket may have passed in between, once or twice
			t.Errorf("%s %s:\n%s", protocol, text, differences)
			return
		}
	}
}

// difference tells what two sorted lists do not share, shortened.
func difference(name string, got, want []string) string {
	if slices.Equal(got, want) {
		return ""
	}
	only := func(a, b []string) []string {
		var lines []string
		for _, l := range a {
			if !slices.Contains(b, l) && len(lines) < 5 {
				lines = append(lines, l)
			}
		}
		return lines
	}
	return fmt.Sprintf("by %s %d sockets, by ss %d; only here: %q; only by ss: %q\n",
		name, len(got), len(want), only(got, want), only(want, got))
}

// byScan lists what a query selects, each socket as a line.
func byScan(query scan.Query, source scan.Source) ([]string, error) {
	query.Source = source
	scanner, err := scan.Open(query)
	if err != nil {
		return nil, err
	}
	defer scanner.Close()
	var lines []string
	err = scanner.Each(context.Background(), func(s *sock.Socket) error {
		lines = appendLine(lines, s)
		return nil
	})
	slices.Sort(lines)
	return lines, err
}

// byMatching has the kernel send every socket and decides here.
func byMatching(query scan.Query) ([]string, error) {
	conn, err := sockdiag.Dial(0)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var lines []string
	_, err = conn.Dump(context.Background(), sockdiag.Request{
		Protocol: query.Tables[0].Protocol, States: query.Tables[0].States, Filter: query.Filter, NoBytecode: true,
	}, func(s *sock.Socket) error {
		lines = appendLine(lines, s)
		return nil
	})
	slices.Sort(lines)
	return lines, err
}

// appendLine leaves out what ss 6.1 does not ask the kernel for.
func appendLine(lines []string, s *sock.Socket) []string {
	if s.State == sock.BoundInactive {
		return lines
	}
	return append(lines, line(s.State.String(), s.Local.AddrPort, s.Peer.AddrPort))
}

// line is a socket as both sides of the comparison spell it: the peer of a
// listener that is bound to a v4-mapped address is :: to ss and 0.0.0.0 here.
func line(state string, local, peer netip.AddrPort) string {
	if peer.Addr().IsUnspecified() && peer.Port() == 0 {
		return fmt.Sprintf("%s %s *", state, local)
	}
	return fmt.Sprintf("%s %s %s", state, local, peer)
}

// bySS lists what the real ss shows.
func bySS(protocol sock.Protocol, words []string, expression string) ([]string, error) {
	args := append([]string{"-Hn", "--" + protocol.String()}, words...)
	out, err := exec.Command("ss", append(args, expression)...).CombinedOutput()
	if err != nil {
		first, _, _ := strings.Cut(string(out), "\n")
		return nil, errors.New(first)
	}
	var lines []string
	for row := range strings.Lines(string(out)) {
		fields := strings.Fields(row)
		state := words[1]
		if states, err := sock.ParseStates(fields[0]); err == nil {
			state, fields = states.String(), fields[1:]
		}
		local, localErr := endpoint(fields[2])
		peer, peerErr := endpoint(fields[3])
		if localErr != nil || peerErr != nil {
			return nil, fmt.Errorf("cannot read %q", row)
		}
		lines = append(lines, line(state, local, peer))
	}
	slices.Sort(lines)
	return lines, nil
}

// endpoint reads an address as ss -n shows it.
func endpoint(text string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		i := strings.LastIndexByte(text, ':')
		if i < 0 {
			return netip.AddrPort{}, err
		}
		host, port = text[:i], text[i+1:]
	}
	host, _, _ = strings.Cut(host, "%")
	if host == "*" {
		host = "::"
	}
	if port == "*" {
		port = "0"
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	var n uint16
	if _, err := fmt.Sscan(port, &n); err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(address.Unmap(), n), nil
}

// TestStatesByCounters compares the counts that lean on the kernel's counters
// with those of a full walk, and asks that the cheap way was taken.
func TestStatesByCounters(t *testing.T) {
	scan.CountFew(t)
	namespace := socktest.NewNamespace(t)
	namespace.Populate()
	namespace.Connect(socktest.Connections{Port: 4711, IPv4: 50, IPv6: 30, Mapped: 20})
	namespace.Do(func() {
		for attempt := 1; ; attempt++ {
			cheap, plan := states(t, scan.Query{})
			full, _ := states(t, scan.Query{Keep: func(*sock.Socket) bool { return true }})
			if cheap == full {
				if len(plan.Notes) > 0 || !strings.Contains(strings.Join(plan.Steps(), "\n"), "counters") {
					t.Errorf("the counters were not used: %+v", plan)
				}
				if cheap.Of(sock.Established) < 200 {
					t.Errorf("%d established, want 200 or more", cheap.Of(sock.Established))
				}
				return
			}
			if attempt == 3 {
				t.Errorf("by counters %v, by a full walk %v", cheap, full)
				return
			}
		}
	})
}

func states(t *testing.T, query scan.Query) (scan.StateCounts, scan.Plan) {
	t.Helper()
	query.Source = scan.Netlink
	scanner, err := scan.Open(query)
	if err != nil {
		t.Fatal(err)
	}
	defer scanner.Close()
	counts, err := scanner.States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counts, scanner.Plan()
}

// A socket that is bound and nothing more is counted, whatever the shortcuts
// say.
func TestBoundInactiveIsCounted(t *testing.T) {
	namespace := socktest.NewNamespace(t)
	namespace.Do(func() {
		if counts, _ := states(t, scan.Query{}); counts.Of(sock.BoundInactive) != 0 {
			t.Errorf("%d bound sockets in an empty namespace", counts.Of(sock.BoundInactive))
		}
	})
	namespace.Populate()
	namespace.Do(func() {
		full, _ := states(t, scan.Query{Keep: func(*sock.Socket) bool { return true }})
		cheap, _ := states(t, scan.Query{})
		if full.Of(sock.BoundInactive) == 0 {
			t.Skip("this kernel does not list bound-inactive sockets (Linux 6.8)")
		}
		if cheap.Of(sock.BoundInactive) != full.Of(sock.BoundInactive) {
			t.Errorf("%d bound sockets by counters, %d by a full walk", cheap.Of(sock.BoundInactive), full.Of(sock.BoundInactive))
		}
	})
}
