package main

import "fmt"

// population is what a namespace's holders open together.
type population struct {
	connections int // established, with both ends in the namespace
	matching    int // of these, to port 443
	halfClosed  int // more connections to port 443, one end in FIN_WAIT2, the other in CLOSE_WAIT
	holders     int
}

// ownDescriptors are those of a holder beside its connections: the listeners and
// what the runtime opens.
const ownDescriptors = 100

// maxPerHolder and maxHolders bound a holder's connections and the number of
// holders by the addresses that they have.
const (
	maxPerHolder = 100_000
	maxHolders   = 200
)

// otherPorts are where the connections go that are not to port 443.
var otherPorts = []uint16{22, 25, 80, 3306}

// newPopulation plans size connections, share percent of whose sockets have the
// local port 443, for holders that may have so many descriptors each. Another 1 %
// is half closed, which is usual on a web server.
func newPopulation(size, share int, descriptors uint64) (population, error) {
	p := population{
		connections: size,
		matching:    size * 2 * share / 100,
		halfClosed:  size / 100,
	}
	perHolder := int(min(descriptors, 2*maxPerHolder+ownDescriptors)-min(descriptors, ownDescriptors)) / 2
	if perHolder > 0 {
		p.holders = (size + p.halfClosed + perHolder - 1) / perHolder
	}
	if p.holders == 0 || p.holders > maxHolders {
		return p, fmt.Errorf("%d descriptors a process (ulimit -Hn) are too few to hold them with %d processes", descriptors, maxHolders)
	}
	return p, nil
}

// descriptors is what the holder of this share needs.
func (p population) descriptors() uint64 {
	return uint64(2*(p.connections+p.halfClosed) + ownDescriptors)
}

// listenersOnly is an idle host: the same listening sockets, no connection.
func (p population) listenersOnly() population {
	return population{holders: p.holders}
}

// share is the part of holder number i; the parts add up to the population.
func (p population) share(i int) population {
	part := func(n int) int { return n*(i+1)/p.holders - n*i/p.holders }
	return population{part(p.connections), part(p.matching), part(p.halfClosed), 1}
}

// sockets is how many there are, the listening ones included.
func (p population) sockets() int {
	return 2*(p.connections+p.halfClosed) + p.listeners()
}

// listeners is how many sockets listen: an IPv4 and a dual-stack one for each
// port and holder.
func (p population) listeners() int {
	return p.holders * 2 * (1 + len(otherPorts))
}

// states is what a count of all sockets by state has to say.
func (p population) states() answer {
	return answer{
		"established": int64(2 * p.connections),
		"fin_wait_2":  int64(p.halfClosed),
		"close_wait":  int64(p.halfClosed),
		"listening":   int64(p.listeners()),
	}.withoutZeros()
}
