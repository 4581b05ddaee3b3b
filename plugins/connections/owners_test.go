package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
)

// A port has the name that its own protocol gives it.
func TestServiceNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(path, []byte("tftp 69/udp\nssh 22/tcp\nm3ua 2905/sctp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := &owners{host: &selection.Host{Resolver: names.Resolver{Services: names.NewServices(path)}}}
	for _, tt := range []struct {
		protocol sock.Protocol
		port     uint16
		want     string
	}{
		{sock.UDP, 69, "tftp"}, {sock.UDPLite, 69, "tftp"}, {sock.TCP, 69, "69"}, {sock.TCP, 22, "ssh"},
		{sock.MPTCP, 22, "ssh"}, {sock.UDP, 22, "22"}, {sock.SCTP, 2905, "m3ua"},
	} {
		if got := o.service(tt.protocol, tt.port); got != tt.want {
			t.Errorf("port %d of %s is %q, want %q", tt.port, tt.protocol, got, tt.want)
		}
	}
}
