package main

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/age"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// manyTable is a table of connections from n addresses, four from each.
type manyTable struct{ n int }

func (m manyTable) Plan() scan.Plan { return scan.Plan{} }
func (m manyTable) Close()          {}

func (m manyTable) Count(_ context.Context, reset func(), yield func(*sock.Socket) error) error {
	reset()
	s := viewer{peer: "10.0.0.1:1024"}.socket(time.Hour, 1)
	for i := range 4 * m.n {
		address := netip.AddrFrom4([4]byte{10, byte(i >> 18), byte(i >> 10), byte(i >> 2)})
		s.Peer.AddrPort = netip.AddrPortFrom(address, 1024)
		s.Cookie = uint64(i*7 + 1)
		if err := yield(&s); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkLook is what we add to the kernel's part of a walk: two looks, with
// the book between them.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{1000, 25000} {
		b.Run(fmt.Sprintf("connections=%d", 4*n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := &census{host: newFakeHost(), table: manyTable{n}, minAge: 5 * time.Second, lasting: true}
				first, err := c.look(b.Context(), age.New(age.Identity{}), 0)
				if err != nil {
					b.Fatal(err)
				}
				second, err := c.look(b.Context(), first.book, time.Second)
				if err != nil {
					b.Fatal(err)
				}
				if len(second.tally.clients) != n {
					b.Fatalf("%d clients, want %d", len(second.tally.clients), n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(8*n), "ns/socket")
		})
	}
}
