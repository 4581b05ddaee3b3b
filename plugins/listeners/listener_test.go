package main

import (
	"net/netip"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// Two sockets of one program on one port of two devices are two listeners.
func TestDevicesTellListenersApart(t *testing.T) {
	var sockets []*socket
	for cookie, device := range []uint32{2, 3, 3} {
		sockets = append(sockets, &socket{
			protocol: sock.UDP, local: netip.MustParseAddrPort("0.0.0.0:53"), device: device, cookie: uint64(cookie),
		})
	}
	if listed := group(sockets); len(listed) != 2 || len(listed[0].sockets) != 1 || len(listed[1].sockets) != 2 {
		t.Errorf("%d listeners", len(listed))
	}
}
