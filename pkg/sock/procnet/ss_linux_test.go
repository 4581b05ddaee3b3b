package procnet_test

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/procnet"
)

// dump lists sockets in the form that ss makes comparable.
func dump(t *testing.T, r procnet.Request) []string {
	t.Helper()
	var rows []string
	err := procnet.Open("/proc/thread-self/net").Dump(context.Background(), r, func(s *sock.Socket) error {
		if s.State == sock.BoundInactive {
			return nil // not in ss 6.1
		}
		rows = append(rows, describe(s))
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", r.Protocol, err)
	}
	slices.Sort(rows)
	return rows
}

func describe(s *sock.Socket) string {
	switch s.Protocol {
	case sock.Unix:
		return fmt.Sprintf("%s %s %s %d", s.NetID(), s.State, s.Local.Name, s.Inode)
	case sock.Packet:
		return fmt.Sprintf("%s %s %d %s uid:%d ino:%d", s.NetID(), s.State, s.RecvQ, s.Local.Name, s.UID, s.Inode)
	}
	if s.Protocol == sock.Raw { // ss does not show their inodes
		return fmt.Sprintf("%s %d %d %s %s", s.State, s.RecvQ, s.SendQ, s.Local.AddrPort, s.Peer.AddrPort)
	}
	sendQ := s.SendQ
	if s.State == sock.Listen {
		sendQ = 0 // ss shows the limit of the accept queue
	}
	return fmt.Sprintf("%s %d %d %s %s ino:%d timer:%s", s.State, s.RecvQ, sendQ, s.Local.AddrPort, s.Peer.AddrPort, s.Inode, s.Timer.Kind)
}

// compare lists sockets both ways until both agree, as timers may run out and
// handshakes end between the two.
func compare(t *testing.T, what string, r procnet.Request, options, expression string) int {
	t.Helper()
	var ours, theirs []string
	for range 5 {
		ours, theirs = dump(t, r), ss(t, r.Protocol, options, expression)
		if slices.Equal(ours, theirs) {
			return len(ours)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s: %d sockets, ss has %d", what, len(ours), len(theirs))
	for _, row := range ours {
		if !slices.Contains(theirs, row) {
			t.Errorf("  only ours:  %s", row)
		}
	}
	for _, row := range theirs {
		if !slices.Contains(ours, row) {
			t.Errorf("  only in ss: %s", row)
		}
	}
	return len(ours)
}

// ss runs the real one and turns its rows into what describe makes.
func ss(t *testing.T, p sock.Protocol, options, expression string) []string {
	t.Helper()
	args := []string{"-H", "-O", "-n", "-a", "-e", "-o", options}
	if strings.HasPrefix(expression, "state ") {
		args = []string{"-H", "-O", "-n", "-e", "-o", options}
	}
	out, err := exec.Command("ss", append(args, strings.Fields(expression)...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ss %s %s: %v: %s", options, expression, err, out)
	}
	var rows []string
	for line := range strings.Lines(string(out)) {
		if p.Internet() && p != sock.Raw && strings.HasPrefix(expression, "state ") && expression != "state " {
			line = strings.TrimPrefix(expression, "state ") + " " + line
		}
		rows = append(rows, normalize(t, p, line))
	}
	slices.Sort(rows)
	return rows
}

func normalize(t *testing.T, p sock.Protocol, line string) string {
	t.Helper()
	switch p {
	case sock.Unix:
		// u_str LISTEN 0 5 /tmp/a stream 123 * 0 <->
		f := strings.Fields(line)
		last := len(f) - 1
		for f[last] != "*" && last > 5 {
			last--
		}
		name := strings.Join(f[4:last-1], " ")
		return fmt.Sprintf("%s %s %s %s", f[0], state(t, f[1]), strings.TrimPrefix(name, "*"), f[last-1])
	case sock.Packet:
		f := strings.Fields(line)
		name, _, _ := strings.Cut(f[4], ":")
		name = map[string]string{"[2054]": "0x0806", "*": "*"}[name]
		return fmt.Sprintf("%s %s %s %s uid:%s ino:%s", f[0], state(t, f[1]), f[2], name, or(tagged(line, "uid:"), "0"), tagged(line, "ino:"))
	}
	f := strings.Fields(line)
	sendQ := f[2]
	if state(t, f[0]) == sock.Listen {
		sendQ = "0"
	}
	local, peer := endpoint(t, f[3]), endpoint(t, f[4])
	if local.Addr().Is6() != peer.Addr().Is6() {
		peer = netip.AddrPortFrom(netip.IPv4Unspecified(), peer.Port())
	}
	if p == sock.Raw {
		return fmt.Sprintf("%s %s %s %s %s", state(t, f[0]), f[1], sendQ, local, peer)
	}
	timer, _, _ := strings.Cut(tagged(line, "timer:("), ",")
	return fmt.Sprintf("%s %s %s %s %s ino:%s timer:%s", state(t, f[0]), f[1], sendQ, local, peer, or(tagged(line, "ino:"), "0"), or(timer, "off"))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func tagged(line, tag string) string {
	_, rest, _ := strings.Cut(line, " "+tag)
	value, _, _ := strings.Cut(rest, " ")
	return strings.TrimSpace(value)
}

func state(t *testing.T, word string) sock.State {
	t.Helper()
	set, err := sock.ParseStates(word)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sock.States() {
		if set.Only(s) {
			return s
		}
	}
	t.Fatalf("%q is no single state", word)
	return 0
}

// endpoint reads ADDR[%DEVICE]:PORT, "*" being any address of IPv6.
func endpoint(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	i := strings.LastIndexByte(text, ':')
	host, _, _ := strings.Cut(strings.Trim(text[:i], "[]"), "%")
	host = strings.TrimSuffix(host, "]")
	if host == "*" {
		host = "::"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var number uint16
	switch p := text[i+1:]; p {
	case "*":
	case "icmp":
		number = 1
	case "ipv6-icmp":
		number = 58
	default:
		if _, err := fmt.Sscan(p, &number); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	return netip.AddrPortFrom(addr.Unmap(), number)
}
