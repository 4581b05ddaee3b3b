package sockdiag

import (
	"context"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// BenchmarkDecode decodes the captured TCP dump, without the kernel.
func BenchmarkDecode(b *testing.B) {
	for name, want := range map[string]sock.Fields{"plain": 0, "everything": everything} {
		b.Run(name, func(b *testing.B) {
			walks := corpus(b, sock.TCP)
			r := &replay{}
			c, _ := replayConn(r)
			rows := 0
			b.ReportAllocs()
			for b.Loop() {
				r.walks = walks
				if _, err := c.Dump(context.Background(), Request{Want: want}, func(*sock.Socket) error { rows++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
		})
	}
}

// BenchmarkRow decodes one established connection.
func BenchmarkRow(b *testing.B) {
	body := inetRow(familyInet, 1, testLocal, testPeer)
	var s sock.Socket
	b.ReportAllocs()
	for b.Loop() {
		if err := parseInet(body, &s, sock.TCP, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKernel lists the sockets of 3,000 connections.
func BenchmarkKernel(b *testing.B) {
	ns := socktest.NewHashedNamespace(b, 16384)
	ns.Connect(socktest.Connections{Port: 443, IPv4: 1500, Mapped: 750, IPv6: 750, Peers: 50})
	c := dialTest(b, ns)
	established := sock.StatesOf(sock.Established)
	for _, test := range []struct {
		name string
		r    Request
	}{
		{"established", Request{States: established}},
		{"everything", Request{States: established, Want: everything}},
		{"port", Request{States: established, LocalPort: 443}},
		{"ports", Request{States: established, Filter: filter.Ports(filter.Local, 443, 444)}},
		{"user space", Request{States: established, Filter: filter.Ports(filter.Local, 443, 444), NoBytecode: true}},
		{"listening", Request{States: sock.StatesOf(sock.Listen)}},
		{"not bound", Request{States: sock.AllStates &^ sock.StatesOf(sock.BoundInactive)}},
		{"bound", Request{States: sock.StatesOf(sock.BoundInactive)}},
	} {
		b.Run(test.name, func(b *testing.B) {
			rows := 0
			b.ReportAllocs()
			for b.Loop() {
				rows = 0
				if _, err := c.Dump(context.Background(), test.r, func(*sock.Socket) error { rows++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows), "rows")
			if rows > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
			}
		})
	}
}

// BenchmarkDial is what a short run pays before the first dump.
func BenchmarkDial(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		c, err := Dial(0)
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
