package sockdiag_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/sockdiag"
)

// Who is connected to the web server of this host?
func ExampleConn_Dump() {
	c, err := sockdiag.Dial(0)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	clients := map[netip.Addr]int{}
	request := sockdiag.Request{States: sock.StatesOf(sock.Established), LocalPort: 443}
	_, err = c.Dump(context.Background(), request, func(s *sock.Socket) error {
		clients[s.Peer.Addr()]++
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	for addr, connections := range clients {
		fmt.Println(addr, connections)
	}
}
