package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
)

// result is what the sides of one question cost.
type result struct {
	question
	size    int    // connections or flows
	unit    string // what the size counts, where it is not connections
	missing string // program that is not installed, nothing was measured
	err     error
	costs   []cost // as the sides
}

// cost is what one side cost, over the rounds.
type cost struct {
	missing string // program that is not installed, this side was left out
	samples []sample
	peak    int64 // largest resident size in bytes
}

// host is one of the two namespaces of a comparison.
type host struct {
	*namespace
	holders []*holder
}

func newHost(p population, buckets int) (*host, error) {
	ns, err := newNamespace(buckets)
	if err != nil {
		return nil, err
	}
	holders, err := openSockets(p)
	if err != nil {
		ns.close()
		return nil, err
	}
	return &host{ns, holders}, nil
}

func (h *host) close() {
	closeSockets(h.holders)
	h.namespace.close()
}

// bench measures in the two namespaces.
type bench struct {
	*settings
	busy, idle *host
}

// measure asks the question of every side in turn, one round after another.
func (b *bench) measure(ctx context.Context, r *result) {
	q := r.question
	r.costs = make([]cost, len(q.sides))
	for i, s := range q.sides {
		r.costs[i].missing = b.missing(s)
	}
	if r.missing = r.costs[0].missing; r.missing != "" {
		return
	}
	// The round before the first one warms up and is not counted.
	for round := -1; round < b.roundsFor(q, r.size); round++ {
		for i, s := range q.sides {
			if r.costs[i].missing != "" {
				continue
			}
			cost, err := b.ask(ctx, s, q.truth)
			if err != nil {
				r.err = err
				return
			}
			if round >= 0 {
				r.costs[i].samples = append(r.costs[i].samples, cost)
			}
		}
	}
	r.err = b.measureMemory(ctx, q, r.costs)
}

// ask runs one side once and checks its answer.
func (b *bench) ask(ctx context.Context, s side, truth answer) (sample, error) {
	if err := b.host(s).enter(); err != nil {
		return sample{}, err
	}
	ctx, cancel := b.limit(ctx)
	defer cancel()
	out, err := run(ctx, s.argv)
	if err != nil {
		return sample{}, err
	}
	found, err := s.read(out.output)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", s.name, err)
	}
	if truth != nil && !maps.Equal(found, truth) {
		return sample{}, fmt.Errorf("wrong answer: %s found %s, open are %s", s.name, found, truth)
	}
	return out.sample, nil
}

func (b *bench) measureMemory(ctx context.Context, q question, costs []cost) error {
	for i, s := range q.sides {
		if costs[i].missing != "" {
			continue
		}
		if err := b.host(s).enter(); err != nil {
			return err
		}
		limited, cancel := b.limit(ctx)
		peak, err := peakMemory(limited, s.argv)
		cancel()
		if err != nil {
			return err
		}
		costs[i].peak = peak
	}
	return nil
}

func (b *bench) host(s side) *host {
	if s.idle {
		return b.idle
	}
	return b.busy
}

func (b *bench) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, b.timeout, fmt.Errorf("it took longer than %v", b.timeout))
}

// missing names the first program of the side that is not there.
func (b *bench) missing(s side) string {
	if _, err := exec.LookPath(s.argv[0]); err != nil {
		return s.argv[0]
	}
	for _, name := range s.needs {
		_, err := exec.LookPath(name)
		if _, ours := os.Stat(filepath.Join(b.bin, name)); err != nil && errors.Is(ours, os.ErrNotExist) {
			return name
		}
	}
	return ""
}
