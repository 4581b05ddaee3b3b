package selection

import (
	"context"
	"slices"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// mostServed bounds how many ports are suggested.
const mostServed = 20

// ServedPorts returns the local TCP ports that listen beyond loopback and are
// none that the kernel gave away by itself, in order, at most 20. /proc does not
// tell devices: a port that listens on lo under another address is among them.
func (o *Options) ServedPorts(ctx context.Context, call *plugin.Call) ([]uint16, error) {
	selected, err := (&Options{}).Query(ctx, call, Defaults{Stateful: sock.StatesOf(sock.Listen)})
	if err != nil {
		return nil, err
	}
	low, high, err := selected.portRange()
	if err != nil {
		low, high = 32768, 60999 // the kernel's own default
	}
	scanner, err := scan.Open(selected.Query)
	if err != nil {
		return nil, err
	}
	defer scanner.Close()
	var ports []uint16
	err = scanner.Each(ctx, func(s *sock.Socket) error {
		port := s.Local.Port()
		if !s.OnLoopback() && (port < low || port > high) && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
		return nil
	})
	slices.Sort(ports)
	return ports[:min(len(ports), mostServed)], err
}
