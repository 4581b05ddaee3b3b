package opens

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// Direction tells who opened a connection.
type Direction uint16

// The directions. The numbers are those in the kernel's tables.
const (
	In  Direction = 0 // a peer connected to a local port
	Out Direction = 1 // this host connected to a port of a peer
)

// String is "in" or "out".
func (d Direction) String() string {
	switch d {
	case In:
		return "in"
	case Out:
		return "out"
	}
	return "direction " + strconv.Itoa(int(d))
}

// ParseDirection reads "in" or "out".
func ParseDirection(text string) (Direction, error) {
	switch text {
	case "in":
		return In, nil
	case "out":
		return Out, nil
	}
	return 0, failure(ErrInput, nil, "bad direction ", quote.Text(text), ": allowed are in and out")
}

// A Service is a port as the one who offers it knows it: the local port of an
// incoming connection, the remote one of an outgoing connection.
type Service struct {
	Port      uint16
	Direction Direction
}

// Less orders by direction, then port.
func (s Service) Less(o Service) bool {
	if s.Direction != o.Direction {
		return s.Direction < o.Direction
	}
	return s.Port < o.Port
}

// A Mark is a counter at one moment. First, when it began to count, tells a
// counter that was taken away and made anew from the one before; 0 where the
// method does not know it.
type Mark struct {
	Opens uint64
	First time.Duration
}

// A Total is what one service counted since its counter began.
type Total struct {
	Service
	Mark
	Overflow uint64        // of Opens, those whose peer found no room in the table
	Last     time.Duration // the newest connection; 0 where the method does not know it
}

// A Peer is what one service counted from (or to) one address.
type Peer struct {
	Service
	Addr netip.Addr // an IPv4 address is never in its mapped form
	Mark
	Last time.Duration // the newest connection; 0 where the method does not know it
}
