package procnet

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// testdata/net was captured on a little-endian machine (Linux 6.18), but for sctp,
// which is written after net/sctp/proc.c.
const captured = "testdata/net"

func openCaptured(dir string) *Source {
	s := Open(dir)
	s.bigEndian = false
	return s
}

func collect(t *testing.T, s *Source, r Request) ([]sock.Socket, error) {
	t.Helper()
	var all []sock.Socket
	err := s.Dump(context.Background(), r, func(row *sock.Socket) error {
		all = append(all, *row)
		return nil
	})
	return all, err
}

func mustCollect(t *testing.T, r Request) []sock.Socket {
	t.Helper()
	all, err := collect(t, openCaptured(captured), r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func end(text string) sock.Endpoint { return sock.Endpoint{AddrPort: netip.MustParseAddrPort(text)} }

func TestCapturedRows(t *testing.T) {
	for _, c := range []struct {
		protocol sock.Protocol
		count    int
		pick     func(*sock.Socket) bool
		want     sock.Socket
	}{
		{sock.TCP, 26, func(s *sock.Socket) bool { return s.State == sock.SynSent }, sock.Socket{
			Family: sock.IPv4, State: sock.SynSent, SendQ: 1, Inode: 175713,
			Local: end("10.99.0.1:41932"), Peer: end("10.99.1.2:81"),
			Known: sock.FieldUID | sock.FieldTimer | sock.FieldQueues, Timer: sock.Timer{Kind: sock.TimerRetransmit},
		}},
		{sock.TCP, 26, func(s *sock.Socket) bool { return s.State == sock.TimeWait }, sock.Socket{
			Family: sock.IPv6, State: sock.TimeWait, Local: end("[::1]:0"), Peer: end("[::1]:0"),
			Known: sock.FieldTimer | sock.FieldQueues, Timer: sock.Timer{Kind: sock.TimerTimeWait},
		}},
		{sock.TCP, 26, func(s *sock.Socket) bool { return s.Mapped && s.Known.Has(sock.FieldUID) }, sock.Socket{
			Family: sock.IPv4, Mapped: true, State: sock.Established, Local: end("127.0.0.1:0"), Peer: end("127.0.0.1:0"),
			Known: sock.FieldUID | sock.FieldTimer | sock.FieldQueues,
		}},
		{sock.SCTP, 6, func(s *sock.Socket) bool { return s.Inode == 27336 }, sock.Socket{
			Protocol: sock.SCTP, Family: sock.IPv4, State: sock.Established, SendQ: 12, RecvQ: 34, UID: 200, Inode: 27336,
			Local: end("10.0.0.102:11567"), Peer: end("10.0.0.109:11166"), Known: sock.FieldUID | sock.FieldQueues,
		}},
		{sock.SCTP, 6, func(s *sock.Socket) bool { return s.Mapped }, sock.Socket{
			Protocol: sock.SCTP, Family: sock.IPv4, Mapped: true, State: sock.Established, Inode: 27337,
			Local: end("10.0.0.1:7"), Peer: end("10.0.0.2:36105"), Known: sock.FieldUID | sock.FieldQueues,
		}},
		{sock.SCTP, 6, func(s *sock.Socket) bool { return s.Inode == 15423 }, sock.Socket{
			Protocol: sock.SCTP, Family: sock.IPv6, State: sock.Listen, Inode: 15423,
			Local: end("[::]:9"), Peer: end("[::]:0"), Known: sock.FieldUID,
		}},
		{sock.Unix, 7, func(s *sock.Socket) bool { return strings.HasPrefix(s.Local.Name, "@") }, sock.Socket{
			Protocol: sock.Unix, Type: sock.Seqpacket, State: sock.Listen, Local: sock.Endpoint{Name: "@abstract seqpacket"},
		}},
		{sock.Unix, 7, func(s *sock.Socket) bool { return strings.HasSuffix(s.Local.Name, "stream") }, sock.Socket{
			Protocol: sock.Unix, Type: sock.Stream, State: sock.Listen, Local: sock.Endpoint{Name: "/run/example/a stream"},
		}},
		{sock.Packet, 2, func(s *sock.Socket) bool { return s.Interface == 1 }, sock.Socket{
			Protocol: sock.Packet, Type: sock.Datagram, State: sock.Close, Interface: 1, Local: sock.Endpoint{Name: "0x0806"},
			Known: sock.FieldUID | sock.FieldInterface | sock.FieldQueues,
		}},
	} {
		all := mustCollect(t, Request{Protocol: c.protocol})
		if len(all) != c.count {
			t.Errorf("%s: %d sockets, want %d", c.protocol, len(all), c.count)
		}
		found := false
		for i := range all {
			if s := all[i]; c.pick(&s) && !found {
				found = true
				forget(&s, &c.want)
				if diff := cmp.Diff(c.want, s, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.protocol, diff)
				}
			}
		}
		if !found {
			t.Errorf("%s: no socket like %+v", c.protocol, c.want)
		}
	}
}

// forget takes out of got what differs from capture to capture, unless it is wanted.
func forget(got, want *sock.Socket) {
	if want.Inode == 0 && got.Protocol != sock.SCTP {
		got.Inode = 0
	}
	got.Timer.Expires = 0
	if want.Local.Port() == 0 {
		got.Local.AddrPort = netip.AddrPortFrom(got.Local.Addr(), 0)
		got.Peer.AddrPort = netip.AddrPortFrom(got.Peer.Addr(), 0)
	}
	if want.Timer.Kind == sock.TimerOff {
		got.Timer = sock.Timer{}
	}
}

// Read on a big-endian machine, the same bytes are the addresses turned around.
func TestByteOrder(t *testing.T) {
	const line = `   0: 7F000001:A09F 0A630001:0050 01 00000000:00000000 02:000005C0 00000003  1000        2 169917 2 0000000067c3e99d 100 0 0 10 0`
	for big, want := range map[bool]string{true: "127.0.0.1", false: "1.0.0.127"} {
		tab := tcpTable()
		tab.bigEndian = big
		var s sock.Socket
		c := cursor{rest: []byte(line)}
		if tab.parse(&c, &tab, &s); c.problem != "" || s.Local.Addr().String() != want {
			t.Errorf("big-endian %v: %s, %q, want %s", big, s.Local.Addr(), c.problem, want)
		}
		wantTimer := sock.Timer{Kind: sock.TimerKeepalive, Expires: 14720 * time.Millisecond, Retransmits: 2}
		if s.Timer != wantTimer || s.UID != 1000 {
			t.Errorf("timer %+v, uid %d, want %+v and 1000", s.Timer, s.UID, wantTimer)
		}
	}
}

func TestFamilies(t *testing.T) {
	v4, v6 := sock.Families(0).Set(sock.IPv4), sock.Families(0).Set(sock.IPv6)
	all, ipv4, ipv6 := mustCollect(t, Request{}), mustCollect(t, Request{Families: v4}), mustCollect(t, Request{Families: v6})
	if len(ipv4) == 0 || len(ipv6) == 0 || len(ipv4)+len(ipv6) != len(all) {
		t.Errorf("%d IPv4 and %d IPv6 of %d sockets", len(ipv4), len(ipv6), len(all))
	}
	mapped := 0
	for i := range ipv4 {
		if !ipv4[i].Local.Addr().Is4() || !ipv4[i].Peer.Addr().Is4() {
			t.Errorf("IPv4: %v %v", ipv4[i].Local, ipv4[i].Peer)
		}
		if ipv4[i].Mapped {
			mapped++
		}
	}
	if mapped != 2 {
		t.Errorf("%d mapped sockets, want 2", mapped)
	}
	if got := mustCollect(t, Request{Protocol: sock.Unix, Families: v4}); len(got) != 0 {
		t.Errorf("%d unix sockets are IPv4", len(got))
	}
}

func TestUndecidable(t *testing.T) {
	for _, c := range []struct {
		r    Request
		want string
	}{
		{Request{Filter: filter.Not{X: filter.Mark{Value: 1, Mask: 1}}}, "mark"},
		{Request{Filter: filter.And{Left: filter.Device{Index: 1}, Right: filter.Cgroup{ID: 3}}}, "interface, cgroup"},
		{Request{Filter: filter.Autobound{}}, "autobound"},
		{Request{Want: sock.FieldCookie | sock.FieldAcceptQueue}, "cookie, accept queue limit"},
		{Request{Protocol: sock.UDP, Want: sock.FieldTimer}, "timer"},
		{Request{Protocol: sock.Unix, Filter: filter.UID{}}, "user"},
		{Request{Protocol: sock.Unix, Filter: filter.Or{Left: filter.Any{}, Right: filter.Not{X: filter.UnixPath{Side: filter.Peer, Glob: "*"}}}}, "peer"},
	} {
		_, err := collect(t, openCaptured("testdata/nowhere"), c.r)
		var undecidable *sock.UndecidableError
		if !errors.As(err, &undecidable) || !strings.Contains(undecidable.What, c.want) {
			t.Errorf("%+v: %v, want one that names %q", c.r, err, c.want)
		}
	}
	for _, r := range []Request{
		{Filter: filter.UID{}, Want: sock.FieldTimer},
		{Protocol: sock.Packet, Filter: filter.Device{Index: 1}},
		{Protocol: sock.Unix, Filter: filter.Autobound{}},
		{Protocol: sock.Unix, Filter: filter.UnixPath{Glob: "/run/*"}},
	} {
		if _, err := collect(t, openCaptured(captured), r); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// without copies testdata but for some files.
func without(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(captured)); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWithoutIPv6(t *testing.T) {
	s := openCaptured(without(t, "tcp6", "udp6"))
	var stats Stats
	all, err := collect(t, s, Request{Stats: &stats})
	if err != nil || len(all) == 0 {
		t.Errorf("both families: %d sockets, %v", len(all), err)
	}
	if diff := cmp.Diff([]string{"tcp6"}, stats.Missing); diff != "" {
		t.Errorf("Missing: %s", diff)
	}
	var unsupported *sock.NotSupportedError
	_, err = collect(t, s, Request{Families: sock.Families(0).Set(sock.IPv6)})
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "IPv6") {
		t.Errorf("IPv6 alone: %v, want a NotSupportedError that names IPv6", err)
	}
}

func TestNotSupported(t *testing.T) {
	s := openCaptured(without(t, "tcp", "sctp", "udplite", "unix"))
	for _, p := range []sock.Protocol{sock.TCP, sock.SCTP, sock.UDPLite, sock.Unix, sock.MPTCP, sock.DCCP} {
		all, err := collect(t, s, Request{Protocol: p})
		var unsupported *sock.NotSupportedError
		if !errors.As(err, &unsupported) || unsupported.Protocol != p || len(all) > 0 {
			t.Errorf("%s: %d sockets, %v, want a NotSupportedError", p, len(all), err)
		}
	}
	// A process that has ended is not a kernel that cannot.
	_, err := collect(t, openCaptured("testdata/nowhere"), Request{})
	var unsupported *sock.NotSupportedError
	if errors.As(err, &unsupported) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v, want the system's own error", err)
	}
}

func TestYieldAndContextEndTheDump(t *testing.T) {
	stop := errors.New("enough")
	n := 0
	err := openCaptured(captured).Dump(context.Background(), Request{}, func(*sock.Socket) error {
		n++
		return stop
	})
	if n != 1 || !errors.Is(err, stop) {
		t.Errorf("%d rows, %v, want 1 and %v", n, err, stop)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	err = openCaptured(captured).Dump(ctx, Request{}, func(*sock.Socket) error {
		cancel(stop)
		return nil
	})
	if !errors.Is(err, stop) {
		t.Errorf("canceled at the first row: %v, want %v before the second table", err, stop)
	}
}
