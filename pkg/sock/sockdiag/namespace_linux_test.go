package sockdiag

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

var capture = flag.Bool("capture", false, "write the kernel's answers to socktest/testdata")

func dialTest(t testing.TB, ns *socktest.Namespace) *Conn {
	t.Helper()
	c, err := Dial(ns.Fd())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// collect returns copies of the sockets of a dump that has to succeed.
func collect(t testing.TB, c *Conn, r Request) []sock.Socket {
	t.Helper()
	var all []sock.Socket
	if _, err := c.Dump(context.Background(), r, func(s *sock.Socket) error {
		all = append(all, *s)
		return nil
	}); err != nil {
		t.Fatalf("dump of %s: %v", r.Protocol, err)
	}
	return all
}

func needSS(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ss"); err == nil {
		return
	}
	const reason = "this test needs ss (package iproute2)"
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// ss runs ss in a namespace and returns its lines.
func ss(t *testing.T, ns *socktest.Namespace, args ...string) []string {
	t.Helper()
	var out []byte
	var err error
	ns.Do(func() { out, err = exec.Command("ss", args...).CombinedOutput() })
	if err != nil {
		t.Fatalf("ss %s: %v: %s", args, err, out)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}

// ssRow puts a line of `ss -Han?e` into the form of ourRow.
func ssRow(t *testing.T, line string) string {
	t.Helper()
	f := strings.Fields(line)
	if len(f) < 5 {
		t.Fatalf("unexpected line of ss: %q", line)
	}
	state := strings.ToLower(f[0])
	switch state {
	case "estab":
		state = "established"
	case "listen":
		state = "listening"
	case "unconn":
		state = "closed"
	}
	row := []string{state, f[1], f[2], f[3], f[4]}
	extra := map[string]string{"uid": "0", "ino": "0", "fwmark": "0x0", "v6only": "-"}
	for _, word := range f[5:] {
		if key, value, ok := strings.Cut(word, ":"); ok {
			extra[key] = value
		}
	}
	for _, key := range []string{"uid", "ino", "sk", "fwmark", "v6only"} {
		row = append(row, key+":"+extra[key])
	}
	return strings.Join(row, " ")
}

// ourRow prints a socket as ss does, as far as that does not change with time.
func ourRow(s *sock.Socket) string {
	v6only := "-"
	if s.Known.Has(sock.FieldV6Only) {
		v6only = "0"
		if s.V6Only {
			v6only = "1"
		}
	}
	return fmt.Sprintf("%s %d %d %s %s uid:%d ino:%d sk:%x fwmark:0x%x v6only:%s", s.State, s.RecvQ, s.SendQ,
		ourEndpoint(s, s.Local, s.Interface), ourEndpoint(s, s.Peer, 0), s.UID, s.Inode, s.Cookie, s.Mark, v6only)
}

func ourEndpoint(s *sock.Socket, e sock.Endpoint, index uint32) string {
	addr, port := e.Addr(), "*"
	if e.Port() != 0 {
		port = strconv.Itoa(int(e.Port()))
	}
	text := addr.String()
	v6 := s.Mapped || s.Family == sock.IPv6
	switch {
	case v6 && s.Known.Has(sock.FieldV6Only) && !s.V6Only && addr.IsUnspecified(): // dual-stack
		text = "*"
	case s.Mapped:
		text = "[::ffff:" + text + "]"
	case v6:
		text = "[" + text + "]"
	}
	if index != 0 {
		text += "%lo"
	}
	return text + ":" + port
}

func compareWithSS(t *testing.T, lines []string, sockets []sock.Socket) {
	t.Helper()
	var want, got []string
	for _, line := range lines {
		want = append(want, ssRow(t, line))
	}
	for i := range sockets {
		got = append(got, ourRow(&sockets[i]))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ss and we disagree (-ss +ours):\n%s", diff)
	}
	if len(want) == 0 {
		t.Error("ss shows nothing, so that this proves nothing")
	}
}

func TestSameRowsAsSS(t *testing.T) {
	needSS(t)
	ns := socktest.NewNamespace(t)
	ns.Populate()
	c := dialTest(t, ns)
	for _, test := range []struct {
		protocol sock.Protocol
		option   string
	}{{sock.TCP, "-Htane"}, {sock.UDP, "-Huane"}, {sock.MPTCP, "-HMane"}} {
		t.Run(test.protocol.String(), func(t *testing.T) {
			r := Request{Protocol: test.protocol, Want: everything}
			if test.protocol == sock.TCP {
				// ss 6.1 does not know the state.
				r.States = sock.AllStates &^ sock.StatesOf(sock.BoundInactive)
			}
			compareWithSS(t, ss(t, ns, test.option), collect(t, c, r))
			c.twoWalks = true
			compareWithSS(t, ss(t, ns, test.option), collect(t, c, r))
			c.twoWalks = false
		})
	}
	t.Run("states", func(t *testing.T) {
		for _, state := range sock.States() {
			if state == sock.BoundInactive {
				continue
			}
			sockets := collect(t, c, Request{States: sock.StatesOf(state), Want: everything})
			lines := ss(t, ns, "-Htane", "state", state.String())
			for i, line := range lines { // ss leaves out the column
				lines[i] = state.String() + " " + line
			}
			if state == sock.Close {
				if len(lines)+len(sockets) != 0 {
					t.Errorf("closed TCP sockets: ss has %d, we have %d, want none", len(lines), len(sockets))
				}
				continue
			}
			compareWithSS(t, lines, sockets)
		}
	})
	t.Run("bound-inactive", func(t *testing.T) {
		for _, s := range collect(t, c, Request{States: sock.StatesOf(sock.BoundInactive)}) {
			if s.State != sock.BoundInactive || s.Local.Port() != socktest.PortBound {
				t.Errorf("want a bound socket of port %d, got %s", socktest.PortBound, ourRow(&s))
			}
		}
	})
	t.Run("unix", func(t *testing.T) { compareUnix(t, ns, c) })
	t.Run("packet", func(t *testing.T) { comparePacket(t, ns, c) })
}

func compareUnix(t *testing.T, ns *socktest.Namespace, c *Conn) {
	var want, got []string
	for _, line := range ss(t, ns, "-Hxa") {
		f := strings.Fields(line)
		// ss shows the address of the other end if there is one; the inodes
		// say it too.
		want = append(want, strings.Join([]string{f[0], strings.ToLower(f[1]), f[2], f[3], f[4], f[5], f[7]}, " "))
	}
	for _, s := range collect(t, c, Request{Protocol: sock.Unix}) {
		name := s.Local.Name
		if name == "" {
			name = "*"
		}
		state := map[sock.State]string{sock.Established: "estab", sock.Listen: "listen", sock.Close: "unconn"}[s.State]
		peer := s.PeerInode
		if peer != 0 && !slices.ContainsFunc(collect(t, c, Request{Protocol: sock.Unix}), func(o sock.Socket) bool { return o.Inode == peer }) {
			t.Errorf("peer %d of %d does not exist", peer, s.Inode)
		}
		got = append(got, fmt.Sprintf("%s %s %d %d %s %d %d", s.NetID(), state, s.RecvQ, s.SendQ, name, s.Inode, peer))
	}
	// A datagram socket that others are connected to: ss shows no peer for it
	// and for those connected to a socket with a name, when it has read the
	// other one first.
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ss and we disagree (-ss +ours):\n%s", diff)
	}
}

func comparePacket(t *testing.T, ns *socktest.Namespace, c *Conn) {
	var want, got []string
	for _, line := range ss(t, ns, "-H0an") {
		f := strings.Fields(line)
		want = append(want, strings.Join(f[:5], " "))
	}
	for _, s := range collect(t, c, Request{Protocol: sock.Packet}) {
		name := map[string]string{"*": "*", "0x0806": "[2054]"}[s.Local.Name] + map[uint32]string{0: ":*", 1: ":lo"}[s.Interface]
		got = append(got, fmt.Sprintf("%s UNCONN %d %d %s", s.NetID(), s.RecvQ, s.SendQ, name))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ss and we disagree (-ss +ours):\n%s", diff)
	}
}

func TestEveryStateIsReached(t *testing.T) {
	ns := socktest.NewNamespace(t)
	ns.Populate()
	c := dialTest(t, ns)
	count := map[sock.State]int{}
	for _, s := range collect(t, c, Request{}) {
		count[s.State]++
		// An orphan, such as a connection that waits to be accepted, has no
		// owner either, but these never have one.
		if ownerless := s.State == sock.TimeWait || s.State == sock.SynRecv; ownerless && s.HasOwner() {
			t.Errorf("%s has an owner", ourRow(&s))
		}
		if s.HasOwner() != s.Known.Has(sock.FieldUID) {
			t.Errorf("%s: uid known: %v", ourRow(&s), s.Known.Has(sock.FieldUID))
		}
	}
	for _, state := range sock.States() {
		if want := state != sock.Close; (count[state] > 0) != want {
			t.Errorf("%d sockets in state %s", count[state], state)
		}
	}
}

func TestSynRecvByEitherNumber(t *testing.T) {
	ns := socktest.NewNamespace(t)
	ns.Populate()
	c := dialTest(t, ns)
	all := collect(t, c, Request{States: sock.StatesOf(sock.SynRecv)})
	if len(all) != 3 {
		t.Errorf("%d half-open connections, want 3", len(all))
	}
	for _, mask := range []sock.StateSet{1 << 3, 1 << 12} {
		if diff := cmp.Diff(all, collect(t, c, Request{States: mask}), cmp.Comparer(sameCookie)); diff != "" {
			t.Errorf("mask %#x: %s", mask, diff)
		}
	}
}

func sameCookie(a, b sock.Socket) bool { return a.Cookie == b.Cookie }

// TestSelections asks for the same sockets in every way that there is: by the
// request, by bytecode, in user space, in one walk and in two.
func TestSelections(t *testing.T) {
	ns := socktest.NewNamespace(t)
	ns.Populate()
	c := dialTest(t, ns)
	v4, v6 := sock.Families(0).Set(sock.IPv4), sock.Families(0).Set(sock.IPv6)
	peers := filter.Address(filter.Peer, []netip.Prefix{netip.MustParsePrefix("127.1.0.0/28"), netip.MustParsePrefix("fd00::/125")})
	for name, r := range map[string]Request{
		"ipv4":             {Families: v4},
		"ipv6":             {Families: v6},
		"both":             {Families: v4 | v6},
		"udp ipv4":         {Protocol: sock.UDP, Families: v4},
		"udp ipv6":         {Protocol: sock.UDP, Families: v6},
		"listeners ipv4":   {States: sock.StatesOf(sock.Listen), Families: v4},
		"listeners ipv6":   {States: sock.StatesOf(sock.Listen), Families: v6},
		"local port":       {LocalPort: socktest.PortDual},
		"peer port":        {PeerPort: socktest.PortDual, Families: v4},
		"udp port":         {Protocol: sock.UDP, LocalPort: socktest.PortUDP},
		"peer addresses":   {Filter: peers},
		"peers, port":      {Filter: peers, LocalPort: socktest.PortDual, Families: v6},
		"ports":            {Filter: filter.Ports(filter.Local, 79, 444)},
		"mark":             {Filter: filter.Mark{Value: 0x2a, Mask: 0xff}},
		"mark or user":     {Filter: filter.Or{Left: filter.Mark{Value: 0x2a, Mask: 0xff}, Right: filter.And{Left: filter.User(0), Right: peers}}},
		"user":             {Filter: filter.User(0), States: sock.StatesOf(sock.Established)},
		"mptcp by address": {Protocol: sock.MPTCP, Filter: filter.Address(filter.Peer, []netip.Prefix{netip.MustParsePrefix("127.1.0.0/16")})},
	} {
		t.Run(name, func(t *testing.T) {
			everyone := r
			everyone.Filter, everyone.Families, everyone.LocalPort, everyone.PeerPort = nil, 0, 0, 0
			everyone.Want = everything
			var want []uint64
			for _, s := range collect(t, c, everyone) {
				if r.Families.Has(s.Family) && (r.LocalPort == 0 || s.Local.Port() == r.LocalPort) &&
					(r.PeerPort == 0 || s.Peer.Port() == r.PeerPort) && (r.Filter == nil || r.Filter.Match(&s)) {
					want = append(want, s.Cookie)
				}
			}
			slices.Sort(want)
			if len(want) == 0 {
				t.Error("nothing is selected, so that this proves nothing")
			}
			for variant := range 4 {
				r.NoBytecode, c.twoWalks = variant&1 != 0, variant&2 != 0
				var got []uint64
				for _, s := range collect(t, c, r) {
					got = append(got, s.Cookie)
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("without bytecode %t, in two walks %t: %s", r.NoBytecode, c.twoWalks, diff)
				}
			}
			c.twoWalks = false
		})
	}
}

func TestOnlyWantedIsSent(t *testing.T) {
	ns := socktest.NewNamespace(t)
	ns.Populate()
	c := dialTest(t, ns)
	for name, r := range map[string]Request{
		"listeners": {States: sock.StatesOf(sock.Listen)},
		// Linux 6.18 sends the sockets that are merely bound whatever their port.
		"port":       {LocalPort: socktest.PortV4, States: sock.AllStates &^ sock.StatesOf(sock.BoundInactive)},
		"ports":      {Filter: filter.Ports(filter.Local, 79, 444)},
		"ipv4":       {Families: sock.Families(0).Set(sock.IPv4)},
		"ipv6":       {Families: sock.Families(0).Set(sock.IPv6)},
		"unix state": {Protocol: sock.Unix, States: sock.StatesOf(sock.Listen)},
	} {
		stats, err := c.Dump(context.Background(), r, func(*sock.Socket) error { return nil })
		if err != nil || stats.Rows == 0 || stats.Received != stats.Rows || stats.Walks != 1 {
			t.Errorf("%s: %+v, %v; want one walk that sends only what is wanted", name, stats, err)
		}
	}
}

func TestProtocolsThatTheKernelLacks(t *testing.T) {
	ns := socktest.NewNamespace(t)
	c := dialTest(t, ns)
	for _, p := range sock.Protocols() {
		_, err := c.Dump(context.Background(), Request{Protocol: p}, func(*sock.Socket) error { return nil })
		var missing *sock.NotSupportedError
		switch {
		case err == nil:
		case !errors.As(err, &missing) || missing.Protocol != p || missing.Module != module(p) || missing.Err == nil:
			t.Errorf("%s: %v (%T)", p, err, err)
		}
		if p == sock.TCP && err != nil {
			t.Errorf("tcp after others: %v", err)
		}
	}
}

// TestCapture renews the corpus of package socktest.
func TestCapture(t *testing.T) {
	if !*capture {
		t.Skip("writes files only with -capture")
	}
	ns := socktest.NewNamespace(t)
	ns.Populate()
	for _, p := range []sock.Protocol{sock.TCP, sock.UDP, sock.UDPLite, sock.Unix, sock.MPTCP, sock.Packet} {
		c := dialTest(t, ns)
		recorded := c.Record()
		collect(t, c, Request{Protocol: p, Want: everything})
		file := filepath.Join("..", "socktest", "testdata", p.String()+".dump")
		if err := os.WriteFile(file, recorded().Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
