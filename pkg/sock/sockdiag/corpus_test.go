package sockdiag

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// corpus returns a captured dump, and skips the test where its byte order is
// not the machine's.
func corpus(t testing.TB, protocol sock.Protocol) socktest.Walks {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the captured dumps are of a little-endian machine")
	}
	walks, err := socktest.Dump(protocol.String())
	if err != nil {
		t.Fatal(err)
	}
	return walks
}

// captured are the protocols that there is a corpus of.
func captured(t testing.TB) []sock.Protocol {
	t.Helper()
	var protocols []sock.Protocol
	for _, name := range socktest.Dumps() {
		p, err := sock.ParseProtocol(name)
		if err != nil {
			t.Fatal(err)
		}
		protocols = append(protocols, p)
	}
	if len(protocols) < 6 {
		t.Fatalf("the corpus has only %v", protocols)
	}
	return protocols
}

// bodies returns the rows of a captured dump as they are on the wire.
func bodies(t testing.TB, p sock.Protocol) [][]byte {
	t.Helper()
	var all [][]byte
	for _, datagrams := range corpus(t, p) {
		for _, d := range datagrams {
			for len(d) > 0 {
				m, rest, err := nextMessage(d)
				if err != nil {
					t.Fatal(err)
				}
				if m.kind == getByFamily || m.kind == getTCP {
					all = append(all, m.body)
				}
				d = rest
			}
		}
	}
	return all
}

// parse decodes a row of any protocol.
func parse(b []byte, p sock.Protocol) (s sock.Socket, err error) {
	switch p {
	case sock.Unix:
		err = parseUnix(b, &s)
	case sock.Packet:
		err = parsePacket(b, &s)
	case sock.SCTP:
		_, err = parseSCTP(b, &s)
	default:
		err = parseInet(b, &s, p, true)
	}
	return s, err
}

func TestCapturedDumps(t *testing.T) {
	want := map[sock.Protocol]int{sock.TCP: 99, sock.UDP: 7, sock.UDPLite: 7, sock.Unix: 21, sock.MPTCP: 3, sock.Packet: 2}
	for _, p := range captured(t) {
		rows := 0
		stats, err := Replay(corpus(t, p)...).Dump(context.Background(), Request{Protocol: p, Want: everything}, func(s *sock.Socket) error {
			rows++
			if s.Protocol != p || s.Cookie == 0 || s.State == sock.UnknownState {
				t.Errorf("%s: odd socket %+v", p, *s)
			}
			return nil
		})
		if err != nil || rows != want[p] || stats.Rows != rows || stats.Received != rows {
			t.Errorf("%s: %d rows, want %d; %+v, %v", p, rows, want[p], stats, err)
		}
	}
}

func TestCapturedSocketsByState(t *testing.T) {
	got := map[sock.State]int{}
	mapped := 0
	_, err := Replay(corpus(t, sock.TCP)...).Dump(context.Background(), Request{Want: everything}, func(s *sock.Socket) error {
		got[s.State]++
		if s.Mapped {
			mapped++
			if s.Family != sock.IPv4 || !s.Local.Addr().Is4() || !s.Peer.Addr().Is4() {
				t.Errorf("mapped socket not unmapped: %+v", *s)
			}
		}
		bound := s.State == sock.BoundInactive // has no tcp_info
		full := s.State != sock.TimeWait && s.State != sock.SynRecv && !(s.State == sock.FinWait2 && s.Inode == 0)
		if full != s.Known.Has(sock.FieldMemory|sock.FieldCgroup) || full && !bound != s.Known.Has(sock.FieldTCPInfo) {
			t.Errorf("%s of port %d knows %s", s.State, s.Local.Port(), s.Known)
		}
		if s.Known.Has(sock.FieldTCPInfo) && s.State == sock.Established && (s.TCPInfo.RTT == 0 || s.TCPInfo.SendMSS == 0 || s.TCPInfo.CongestionWindow == 0) {
			t.Errorf("tcp_info of an established connection: %+v", s.TCPInfo)
		}
		if s.Known.Has(sock.FieldMemory) && s.Memory.RecvBuffer == 0 {
			t.Errorf("memory of a socket: %+v", s.Memory)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[sock.State]int{
		sock.TimeWait: 3, sock.SynRecv: 3, sock.SynSent: 6, sock.Closing: 3, sock.LastAck: 3,
		sock.CloseWait: 6, sock.FinWait2: 6, sock.BoundInactive: 2,
	} {
		if got[state] != want {
			t.Errorf("%d sockets in %s, want %d", got[state], state, want)
		}
	}
	if mapped == 0 {
		t.Error("no mapped socket in the corpus")
	}
}

// TestNothingIsLeftOfTheRowBefore decodes the rows of all protocols into one
// socket, as a dump does, and each into a fresh one.
func TestNothingIsLeftOfTheRowBefore(t *testing.T) {
	for _, p := range []sock.Protocol{sock.TCP, sock.UDP, sock.MPTCP} {
		var reused sock.Socket
		rows := bodies(t, p)
		random := rand.New(rand.NewPCG(3, 4))
		for range 5000 {
			b := rows[random.IntN(len(rows))]
			attributes := random.IntN(2) == 0
			var fresh sock.Socket
			if err := errors.Join(parseInet(b, &fresh, p, attributes), parseInet(b, &reused, p, attributes)); err != nil {
				t.Fatal(err)
			}
			if fresh != reused {
				t.Fatalf("%s: got %+v, want %+v", p, reused, fresh)
			}
		}
	}
}

// TestTruncatedRows cuts every captured row at every byte. What is left is
// either decoded or refused with a typed error.
func TestTruncatedRows(t *testing.T) {
	for _, p := range captured(t) {
		for _, body := range bodies(t, p) {
			for n := range len(body) {
				cut := body[:n:n]
				_, err := parse(cut, p)
				var bad *MalformedError
				if err != nil && !errors.As(err, &bad) {
					t.Fatalf("%s, %d bytes: %v (%T)", p, n, err, err)
				}
				if least := headOf(p); (n < least) && err == nil {
					t.Fatalf("%s: %d bytes are accepted, but the structure has %d", p, n, least)
				}
			}
		}
	}
}

func headOf(p sock.Protocol) int {
	switch p {
	case sock.Unix:
		return unixMsgSize
	case sock.Packet:
		return packetMsgSize
	default:
		return inetMsgSize
	}
}

// TestTruncatedDatagrams cuts captured datagrams at every byte: a dump that is
// cut short is never taken for a complete one.
func TestTruncatedDatagrams(t *testing.T) {
	for _, p := range captured(t) {
		for _, datagrams := range corpus(t, p) {
			last := datagrams[len(datagrams)-1]
			for n := range len(last) {
				cut := append([][]byte(nil), datagrams[:len(datagrams)-1]...)
				cut = append(cut, last[:n:n])
				walks := [][][]byte{cut, cut}
				_, err := Replay(walks...).Dump(context.Background(), Request{Protocol: p}, func(*sock.Socket) error { return nil })
				if err == nil {
					t.Fatalf("%s: a dump cut at byte %d of %d passes as complete", p, n, len(last))
				}
			}
		}
	}
}

// TestMutatedRows changes bytes of captured rows at random, always the same
// ones. Nothing panics and errors are typed.
func TestMutatedRows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, p := range captured(t) {
		for _, body := range bodies(t, p) {
			for range 200 {
				changed := append(make([]byte, 0, len(body)), body...)
				for range 1 + random.IntN(4) {
					changed[random.IntN(len(changed))] = byte(random.Uint32())
				}
				_, err := parse(changed, p)
				var bad *MalformedError
				if err != nil && !errors.As(err, &bad) {
					t.Fatalf("%s: %v (%T) for %x", p, err, err, changed)
				}
			}
		}
	}
}

func FuzzRow(f *testing.F) {
	for _, p := range captured(f) {
		for i, body := range bodies(f, p) {
			if i%10 == 0 {
				f.Add(uint8(p), body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, protocol uint8, b []byte) {
		p := sock.Protocol(protocol % uint8(len(sock.Protocols())))
		s, err := parse(b[:len(b):len(b)], p)
		var bad *MalformedError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%v (%T)", err, err)
		}
		if err == nil && s.Protocol != p {
			t.Fatalf("protocol %s became %s", p, s.Protocol)
		}
		if err == nil && p.Internet() && !(s.Local.Addr().IsValid() && s.Peer.Addr().IsValid()) {
			t.Fatalf("no address: %+v", s)
		}
	})
}

func FuzzDatagram(f *testing.F) {
	for _, p := range captured(f) {
		for _, datagrams := range corpus(f, p) {
			f.Add(uint8(p), datagrams[len(datagrams)-1])
		}
	}
	f.Fuzz(func(t *testing.T, protocol uint8, b []byte) {
		if len(b) > bufferSize {
			return
		}
		p := sock.Protocol(protocol % uint8(len(sock.Protocols())))
		walks := [][][]byte{{b}, {b}, {b}, {b}}
		rows := 0
		stats, err := Replay(walks...).Dump(context.Background(), Request{Protocol: p, Want: everything}, func(*sock.Socket) error {
			rows++
			return nil
		})
		if stats.Rows != rows || stats.Rows > stats.Received {
			t.Fatalf("%d rows were yielded: %+v", rows, stats)
		}
		if err == nil && len(b) < headerSize {
			t.Fatalf("%x is taken for a dump", b)
		}
	})
}
