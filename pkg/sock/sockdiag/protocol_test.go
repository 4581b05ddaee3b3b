package sockdiag

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

var compareAddr = cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})

// TestDCCP decodes rows as kernels before 6.16 sent them.
func TestDCCP(t *testing.T) {
	b := inetRow(familyInet, 1, testLocal, testPeer)
	b[2], b[3] = byte(sock.TimerRetransmit), 2
	c, r := replayConn(&replay{sequence: testSequence, walks: [][][]byte{
		answer(row(getByFamily, b), done()),
		answer(row(getByFamily, inetRow(familyInet6, 10, netip.MustParseAddrPort("[::]:5001"), netip.MustParseAddrPort("[::]:0"),
			5, 0, attrV6Only, 0, 1, 0, 0, 0)), done()),
	}})
	got := replayed(t, c, Request{Protocol: sock.DCCP})
	known := sock.FieldCookie | sock.FieldInterface | sock.FieldTimer | sock.FieldUID | sock.FieldQueues
	common := sock.Socket{Protocol: sock.DCCP, RecvQ: 10, SendQ: 20, UID: 1000, Inode: 0xffff_0001, Cookie: 0x55_11223344, Interface: 3}
	connection, listener := common, common
	connection.Family, connection.State, connection.Known = sock.IPv4, sock.Established, known
	connection.Timer = sock.Timer{Kind: sock.TimerRetransmit, Expires: 1500 * time.Millisecond, Retransmits: 2}
	connection.Local.AddrPort, connection.Peer.AddrPort = testLocal, testPeer
	listener.Family, listener.State = sock.IPv6, sock.Listen
	listener.Known, listener.V6Only = known|sock.FieldAcceptQueue|sock.FieldV6Only, true
	listener.Local.AddrPort, listener.Peer.AddrPort = netip.MustParseAddrPort("[::]:5001"), netip.MustParseAddrPort("[::]:0")
	if diff := cmp.Diff([]sock.Socket{connection, listener}, got, compareAddr); diff != "" {
		t.Error(diff)
	}
	for _, s := range r.sent {
		if s.kind != getByFamily || s.body[1] != 33 {
			t.Errorf("request of type %d for protocol %d", s.kind, s.body[1])
		}
	}
}

func replayed(t *testing.T, c *Conn, r Request) (all []sock.Socket) {
	t.Helper()
	if _, err := c.Dump(t.Context(), r, func(s *sock.Socket) error {
		all = append(all, *s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSCTP: endpoints that listen, and associations with states of their own.
func TestSCTP(t *testing.T) {
	peers := appendAttribute(nil, attrPeers, make([]byte, 128))
	message := func(state byte, attributes ...byte) []byte {
		return row(getByFamily, inetRow(familyInet, state, testLocal, testPeer, attributes...))
	}
	dump := answer(
		message(10),          // a listening endpoint
		message(1),           // an endpoint with one association
		message(3, peers...), // the association: ESTABLISHED
		message(7),           // a closed endpoint
		message(1, peers...), // COOKIE_WAIT
		message(4, peers...), message(5, peers...), message(6, peers...), message(7, peers...), message(0, peers...),
		done())
	want := []sock.State{sock.Listen, sock.Established, sock.Close, sock.SynSent, sock.FinWait1, sock.FinWait2, sock.CloseWait, sock.LastAck, sock.Close}
	empty := answer(done())
	c := Replay(dump, empty, dump, empty)
	states := func(r Request) (got []sock.State) {
		for _, s := range replayed(t, c, r) {
			got = append(got, s.State)
		}
		return got
	}
	if diff := cmp.Diff(want, states(Request{Protocol: sock.SCTP})); diff != "" {
		t.Error(diff)
	}
	got := states(Request{Protocol: sock.SCTP, States: sock.StatesOf(sock.Established), LocalPort: 443})
	if diff := cmp.Diff([]sock.State{sock.Established}, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnixNames(t *testing.T) {
	for in, want := range map[string]string{
		"":                 "",
		"/run/x\x00":       "/run/x",
		"/run/x":           "/run/x",
		"/run/x\x00rest":   "/run/x",
		"\x00abstract":     "@abstract",
		"\x00with\x00nul":  "@with@nul",
		"\x00":             "@",
		"\x00trailing\x00": "@trailing@",
	} {
		if got := unixPath([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestTCPInfoGrows decodes the structure in the sizes that it has had.
func TestTCPInfoGrows(t *testing.T) {
	value := make([]byte, 280)
	for i := 0; i < len(value); i += 4 {
		binary.NativeEndian.PutUint32(value[i:], uint32(i))
	}
	for _, size := range []int{0, 8, 103, 104, 120, 136, 148, 152, 168, 192, 208, 216, 232, 280} {
		var s sock.Socket
		setTCPInfo(&s, value[:size:size])
		if want := size >= 104; s.Known.Has(sock.FieldTCPInfo) != want {
			t.Errorf("%d bytes: known %v", size, !want)
		}
		info := s.TCPInfo
		if size >= 104 && (info.RTT != 68*time.Microsecond || info.Retransmits != 100 || info.LastDataSent != 44*time.Millisecond) {
			t.Errorf("%d bytes: %+v", size, info)
		}
		if (info.MinRTT != 0) != (size >= 152) || (info.BytesRetransmitted != 0) != (size >= 216) || (info.BytesAcked != 0) != (size >= 128) {
			t.Errorf("%d bytes: %+v", size, info)
		}
	}
}

func TestMemoryGrows(t *testing.T) {
	value := make([]byte, 40)
	for i := range value {
		value[i] = 1
	}
	const n = 0x01010101
	old := sock.Memory{
		RecvAllocated: n, RecvBuffer: n, SendAllocated: n, SendBuffer: n,
		Forward: n, SendQueued: n, Option: n, Backlog: n,
	}
	today := old
	today.Drops = n
	for size, want := range map[int]sock.Memory{0: {}, 3: {}, 4: {RecvAllocated: n}, 32: old, 36: today, 40: today} {
		var s sock.Socket
		setMemory(&s, value[:size:size])
		if s.Memory != want || s.Known.Has(sock.FieldMemory) != (size >= 4) {
			t.Errorf("%d bytes: %+v, known %s", size, s.Memory, s.Known)
		}
	}
}

// TestRequests compares requests with the bytes that the kernel's structures
// demand, on a little-endian machine.
func TestRequests(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("written down for a little-endian machine")
	}
	zeros := func(n int) string { return string(make([]byte, n)) }
	for name, test := range map[string]struct {
		request Request
		want    []string
	}{
		"tcp": {Request{LocalPort: 443, PeerPort: 0x1234, States: sock.StatesOf(sock.Listen), Want: sock.FieldMemory},
			[]string{"\x00\x00\x00\x40" + "\x01\xbb\x12\x34" + zeros(44) + "\x00\x04\x00\x00" + zeros(4)}},
		"udp": {Request{Protocol: sock.UDP, LocalPort: 53, Want: sock.FieldTCPInfo},
			[]string{"\x02\x11\x02\x00" + "\xfe\x3f\x00\x00" + "\x00\x35" + zeros(46), "\x0a\x11\x02\x00" + "\xfe\x3f\x00\x00" + "\x00\x35" + zeros(46)}},
		"mptcp": {Request{Protocol: sock.MPTCP, Families: sock.Families(0).Set(sock.IPv6), States: sock.StatesOf(sock.Established), NoBytecode: true},
			[]string{"\x0a\x00\x00\x00" + "\x02\x00\x00\x00" + zeros(48) + "\x08\x00\x03\x00\x06\x01\x00\x00"}},
		"unix": {Request{Protocol: sock.Unix, States: sock.StatesOf(sock.Close)},
			[]string{"\x01\x00\x00\x00" + "\x80\x00\x00\x00" + zeros(4) + "\x55\x00\x00\x00" + zeros(8)}},
		"packet": {Request{Protocol: sock.Packet},
			[]string{"\x11\x00\x00\x00" + zeros(4) + "\x11\x00\x00\x00" + zeros(8)}},
	} {
		empty := answer(done())
		c, r := replayConn(&replay{sequence: testSequence, walks: [][][]byte{empty, empty}})
		replayed(t, c, test.request)
		var got []string
		for _, s := range r.sent {
			got = append(got, string(s.body))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
