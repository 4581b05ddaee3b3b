package socktest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

func TestSource(t *testing.T) {
	source := socktest.Source{
		socktest.TCP(sock.Established, "192.0.2.1:443", "198.51.100.1:5000"),
		socktest.TCP(sock.TimeWait, "[2001:db8::1]:443", "[2001:db8::2]:5001"),
	}
	var copies []sock.Socket
	var kept []*sock.Socket
	err := source.Each(context.Background(), func(s *sock.Socket) error {
		copies, kept = append(copies, *s), append(kept, s)
		return nil
	})
	if err != nil || len(copies) != 2 || copies[0] != source[0] || copies[1] != source[1] {
		t.Errorf("%v, %v", copies, err)
	}
	if kept[0] != kept[1] || *kept[0] == source[1] {
		t.Error("a row that was kept still looks like a socket")
	}
	if s := source[0]; s.Family != sock.IPv4 || !s.HasOwner() {
		t.Errorf("%+v", s)
	}
	if s := source[1]; s.Family != sock.IPv6 || s.HasOwner() || s.Cookie == source[0].Cookie {
		t.Errorf("%+v", s)
	}
}

func TestSourceStops(t *testing.T) {
	source := socktest.Source{{}, {}}
	enough := errors.New("enough")
	rows := 0
	if err := source.Each(context.Background(), func(*sock.Socket) error { rows++; return enough }); err != enough || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := source.Each(ctx, func(*sock.Socket) error { rows++; cancel(); return nil }); err != context.Canceled || rows != 2 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

func TestWalks(t *testing.T) {
	walks := socktest.Walks{{[]byte("one"), []byte("two")}, {[]byte("three")}}
	b := walks.Bytes()
	got, err := socktest.ParseWalks(b)
	if err != nil || len(got) != 2 || string(got[0][1]) != "two" || string(got[1][0]) != "three" {
		t.Errorf("%q, %v", got, err)
	}
	ends := map[int]bool{0: true, len(walks[:1].Bytes()): true}
	for n := range b {
		if _, err := socktest.ParseWalks(b[:n]); (err == nil) != ends[n] {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func TestDumps(t *testing.T) {
	names := socktest.Dumps()
	if len(names) < 6 {
		t.Errorf("only %v", names)
	}
	for _, name := range names {
		if walks, err := socktest.Dump(name); err != nil || len(walks) == 0 {
			t.Errorf("%s: %d walks, %v", name, len(walks), err)
		}
	}
	if _, err := socktest.Dump("vsock"); err == nil {
		t.Error("a dump that does not exist")
	}
}
