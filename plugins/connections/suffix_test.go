package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

func TestParseSuffix(t *testing.T) {
	tests := []struct {
		suffix   string
		kind     graphKind
		protocol sock.Protocol
		ports    []uint16
	}{
		{"443", portGraph, sock.TCP, []uint16{443}},
		{"443_80", portGraph, sock.TCP, []uint16{443, 80}},
		{"65535", portGraph, sock.TCP, []uint16{65535}},
		{"udp_53", portGraph, sock.UDP, []uint16{53}},
		{"states", statesGraph, sock.TCP, nil},
		{"states_443", statesGraph, sock.TCP, []uint16{443}},
		{"summary", summaryGraph, sock.TCP, nil},
		{"web", selectionGraph, sock.TCP, nil},
		{"viewers_inside", selectionGraph, sock.TCP, nil},
	}
	for _, tt := range tests {
		got, err := parseSuffix(tt.suffix)
		if err != nil || got.kind != tt.kind || got.protocol != tt.protocol || !slices.Equal(got.ports, tt.ports) {
			t.Errorf("parseSuffix(%q) = %+v, %v, want %+v", tt.suffix, got, err, tt)
		}
	}
	for _, suffix := range []string{
		"", "0", "080", "65536", "99999999999999999999", "80_80", "80_", "_80", "8000-8080", "+80", "80_x", "x_80",
		"udp", "udp_", "udp_53_54", "udp_x", "states_", "states_x", "states_80_443", "summary_x", "tcp", "tcp_80",
		"config", "fetch", "autoconf", "suggest", "Web", "we-b", "we.b", "web\n", "web x",
	} {
		if got, err := parseSuffix(suffix); err == nil {
			t.Errorf("parseSuffix(%q) = %+v, want an error", suffix, got)
		} else if !strings.Contains(err.Error(), "connections_PORT") {
			t.Errorf("parseSuffix(%q): %q does not list the forms", suffix, err)
		}
	}
}

// No suffix may make a graph of something else than it says.
func FuzzParseSuffix(f *testing.F) {
	for _, seed := range []string{"443", "443_80", "udp_53", "states_443", "summary", "web", "0443", "config"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, suffix string) {
		name, err := parseSuffix(suffix)
		if err != nil {
			return
		}
		seen := map[uint16]bool{}
		for _, p := range name.ports {
			if p == 0 || seen[p] {
				t.Errorf("parseSuffix(%q) has port %d twice or as zero", suffix, p)
			}
			seen[p] = true
		}
		if name.kind == selectionGraph && strings.Trim(suffix, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			t.Errorf("parseSuffix(%q) took a word that Munin cannot", suffix)
		}
	})
}
