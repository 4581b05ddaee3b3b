package opens

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

// A SYN+ACK each, as tcpdump -x shows them.
const (
	synAck4 = "4500003c0000400040063cb9" + "c0000201" + "c6336407" + "1267d431" + "deadbeef" + "00000001" + "a012fe88" + "00000000020405b40402080a0000000000000000010303070000000000000000"
	synAck6 = "6000000000280640" + "20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "1267d431" + "deadbeef" + "00000001" + "a012fe88" + "00000000"
)

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParsePacket(t *testing.T) {
	for name, test := range map[string]struct {
		data     []byte
		from, to string
	}{
		"IPv4": {bytesOf(t, synAck4), "192.0.2.1:4711", "198.51.100.7:54321"},
		"IPv6": {bytesOf(t, synAck6), "[2001:db8::1]:4711", "[2001:db8::2]:54321"},
	} {
		p, ok := parsePacket(test.data)
		want := packet{netip.MustParseAddrPort(test.from), netip.MustParseAddrPort(test.to), 0xdeadbeef}
		if !ok || p != want {
			t.Errorf("%s: got %+v, %v", name, p, ok)
		}
		for i := range 40 {
			if _, ok := parsePacket(test.data[:i]); ok {
				t.Errorf("%s: %d bytes are no packet", name, i)
			}
		}
	}
}

func TestParsePacketRefuses(t *testing.T) {
	for name, change := range map[string]struct {
		at    int
		value byte
	}{
		"UDP": {9, 17}, "fragment": {7, 1}, "short head": {0, 0x44}, "long head": {0, 0x4f},
		"version": {0, 0x55}, "SYN": {33, 0x02}, "RST": {33, 0x16}, "ACK": {33, 0x10},
	} {
		data := bytesOf(t, synAck4)
		data[change.at] = change.value
		if p, ok := parsePacket(data[:len(data)-20]); ok {
			t.Errorf("%s: accepted as %+v", name, p)
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	f.Add(bytesOf(f, synAck4))
	f.Add(bytesOf(f, synAck6))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, ok := parsePacket(data); ok && (!p.from.IsValid() || !p.to.IsValid()) {
			t.Errorf("accepted %+v", p)
		}
	})
}
