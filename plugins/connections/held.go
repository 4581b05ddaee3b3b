package main

import (
	"context"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// A heldTally counts by process. Who holds the sockets can be found out only
// when it is known which they are, so they are kept until then: in 16 bytes
// each, because what else they are grouped by is the same for many. A second
// walk instead would meet sockets that came meanwhile, and take their owners
// for unseen.
type heldTally struct {
	tally   *tally
	groups  []group // all but the process
	places  map[group]uint32
	sockets []heldSocket
}

type heldSocket struct {
	inode uint64
	group uint32
}

// countHeld counts what the scanner selects, and then looks for the holders.
func countHeld(ctx context.Context, scanner *scan.Scanner, root kernfs.FS, t *tally) error {
	h := &heldTally{tally: t}
	if err := scanner.Count(ctx, h.reset, h.add); err != nil {
		return err
	}
	wanted := new(owner.Inodes)
	for _, s := range h.sockets {
		wanted.Add(s.inode)
	}
	found, err := owner.Find(ctx, root, wanted, owner.Options{})
	if err != nil {
		return err
	}
	t.grouper.owners.found = found
	h.assign()
	return nil
}

func (h *heldTally) reset() {
	h.tally.reset()
	h.groups, h.places, h.sockets = h.groups[:0], map[group]uint32{}, h.sockets[:0]
}

func (h *heldTally) add(s *sock.Socket) error {
	key := h.tally.grouper.of(s)
	place, ok := h.places[key]
	if !ok {
		place = uint32(len(h.groups))
		h.places[key], h.groups = place, append(h.groups, key)
	}
	h.sockets = append(h.sockets, heldSocket{s.Inode, place})
	return nil
}

// assign moves every socket to the group of its process.
func (h *heldTally) assign() {
	for _, s := range h.sockets {
		key := h.groups[s.group]
		key.process, key.holder = h.tally.grouper.owners.process(s.inode)
		h.tally.total++
		h.tally.groups[key]++
	}
}
