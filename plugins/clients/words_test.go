package main

import (
	"net/netip"
	"testing"
	"time"
)

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Millisecond: "30ms", 5 * time.Second: "5s", 5900 * time.Millisecond: "5.9s", 59990 * time.Millisecond: "59.9s",
		90 * time.Second: "1m30s", 60 * time.Second: "1m", time.Hour + 59*time.Second: "1h", 25*time.Hour + time.Minute: "1d1h", 400 * 24 * time.Hour: "400d",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestShortBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 99_400: "99.4 kB", 99_500: "100 kB", 999_499: "999 kB", 999_500: "1.0 MB", 18446744073709551615: "18.4 EB",
	} {
		if got := shortBytes(n); got != want {
			t.Errorf("%d bytes are written %q, want %q", n, got, want)
		}
	}
}

func TestGrouping(t *testing.T) {
	network := grouping{network: true, v4: 24, v6: 64}
	for _, tt := range []struct {
		g             grouping
		address, want string
	}{
		{grouping{}, "10.1.2.3", "10.1.2.3"},
		{grouping{}, "2001:db8::1", "2001:db8::1"},
		{network, "10.1.2.3", "10.1.2.0/24"},
		{network, "2001:db8:1:2:3::1", "2001:db8:1:2::/64"},
		{grouping{network: true}, "10.1.2.3", "0.0.0.0/0"},
	} {
		if got := tt.g.text(tt.g.of(netip.MustParseAddr(tt.address))); got != tt.want {
			t.Errorf("%s belongs to %s, want %s", tt.address, got, tt.want)
		}
	}
}
