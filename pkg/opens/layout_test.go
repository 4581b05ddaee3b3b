package opens

import (
	"net/netip"
	"testing"
	"time"
)

func TestKeysAreSharedBeginnings(t *testing.T) {
	for _, addr := range []string{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "::"} {
		want := Peer{Service: Service{Port: 4711, Direction: Out}, Addr: netip.MustParseAddr(addr).Unmap()}
		key := encodePeerKey(77, want.Service, want.Addr)
		namespace, got := decodePeer(&key, &[peerSize]byte{})
		if namespace != 77 || got != want {
			t.Errorf("%s: got %d %+v", addr, namespace, got)
		}
		if ns, s := keyService(key[:serviceKeySize]); ns != 77 || s != want.Service {
			t.Errorf("%s: service key %d %v", addr, ns, s)
		}
		if order.Uint64(key[:namespaceKeySize]) != 77 {
			t.Errorf("%s: the key does not begin with the namespace", addr)
		}
	}
	// The address lies where the program puts it: mapped, in network order.
	key := encodePeerKey(1, Service{}, netip.MustParseAddr("192.0.2.1"))
	if want := "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01"; string(key[16:]) != want {
		t.Errorf("address % x", key[16:])
	}
}

func TestValues(t *testing.T) {
	var service [serviceSize]byte
	for i, n := range []uint64{10, 3, 100, 200} {
		order.PutUint64(service[8*i:], n)
	}
	key := [serviceKeySize]byte{}
	order.PutUint16(key[8:], 443)
	_, total := decodeService(&key, &service)
	if want := (Total{Service: Service{Port: 443}, Mark: Mark{Opens: 10, First: 100}, Overflow: 3, Last: 200}); total != want {
		t.Errorf("got %+v", total)
	}
	var flows [namespaceSize]byte
	for i, n := range []uint64{1, 2, 3, 4} {
		order.PutUint64(flows[8*i:], n)
	}
	in, out := decodeFlows(&flows)
	if in != (Flow{Opens: 1, Rest: 2}) || out != (Flow{Opens: 3, Rest: 4}) {
		t.Errorf("got %v %v", in, out)
	}
}

func TestMeta(t *testing.T) {
	want := meta{layout: layoutVersion, generation: 1 << 63, since: time.Hour, size: 100, program: 7, namespace: 3, passive: 4, active: 5}
	if got, ok := decodeMeta(want.encode()); !ok || got != want {
		t.Errorf("got %+v, %v", got, ok)
	}
	newer := want
	newer.layout = 9
	if got, ok := decodeMeta(newer.encode()); !ok || got.layout != 9 {
		t.Errorf("newer: %+v, %v", got, ok)
	}
	for name, data := range map[string][]byte{"empty": nil, "zeros": make([]byte, metaSize), "short": want.encode()[:metaSize-1]} {
		if _, ok := decodeMeta(data); ok {
			t.Errorf("%s was taken for a meta", name)
		}
	}
}

func TestMounts(t *testing.T) {
	const hybrid = `tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup2 /sys/fs/cgroup/uni\040fied cgroup2 rw 0 0
sockcensus /run/sockcensus/bpf bpf rw 0 0
none /run/sockcensus/bpf bpf rw 0 0
broken
`
	if got := findCgroup2([]byte(hybrid)); got != "/sys/fs/cgroup/uni fied" {
		t.Errorf("cgroup2 at %q", got)
	}
	if got := findCgroup2([]byte("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n")); got != "" {
		t.Errorf("cgroup2 at %q", got)
	}
	if m, ok := mountedAt([]byte(hybrid), "/run/sockcensus/bpf"); !ok || m.source != "none" {
		t.Errorf("the upper mount is %+v, %v", m, ok)
	}
	if _, ok := mountedAt([]byte(hybrid), "/run"); ok {
		t.Error("nothing is mounted on /run")
	}
}

func FuzzMounts(f *testing.F) {
	f.Add([]byte("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"))
	f.Add([]byte(`a \040\134\777\04 cgroup2`))
	f.Fuzz(func(t *testing.T, data []byte) {
		point := findCgroup2(data)
		if len(point) > len(data) {
			t.Errorf("%q is longer than its source", point)
		}
	})
}

func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"boot":"b","generation":1,"namespace":2,"since_ns":3,"size":100,"reason":"r"}`))
	f.Add([]byte(`{"size":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		note, err := parseNote(data)
		if err == nil && (note.Size < MinSize || note.Size > MaxSize || note.Since < 0) {
			t.Errorf("accepted %+v", note)
		}
	})
}

func TestWords(t *testing.T) {
	for _, d := range []Direction{In, Out} {
		if got, err := ParseDirection(d.String()); err != nil || got != d {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
	for _, m := range []Method{Auto, SockOps, NFT} {
		if got, err := ParseMethod(string(m)); err != nil || got != m {
			t.Errorf("%v: %v, %v", m, got, err)
		}
	}
	epoch := Epoch{Boot: "0a1b-2c", Generation: 1<<64 - 1, Namespace: 4026531840}
	if got, err := ParseEpoch(epoch.String()); err != nil || got != epoch {
		t.Errorf("%v: %v, %v", epoch, got, err)
	}
	for _, text := range []string{"", "a/b", "a/1/x", "a/-1/1", "a/1/1/1"} {
		if _, err := ParseEpoch(text); err == nil {
			t.Errorf("%q is no epoch", text)
		}
	}
	if _, err := ParseDirection("up|`\n"); err == nil || err.Error() != `bad direction "up\x7c\x60\x0a": allowed are in and out` {
		t.Errorf("got %v", err)
	}
}
