package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// A memory holds the readings of earlier runs of the same check, as far apart
// as the period asks for.
type memory struct {
	store   state.Store
	samples []*opens.Sample // the oldest first
	// err is why nothing can be remembered.
	err error
	// notes are words to people about what was found there.
	notes []string
}

const (
	// samplesFormat names what is remembered.
	samplesFormat = "opens-samples-1"
	// mostSamples are kept of a period, fewer where they are large.
	mostSamples = 12
	// budget is what all samples together should take, limit what a file may.
	budget = 8 << 20
	limit  = 64 << 20
)

// recall reads what earlier runs with the same question remember.
func recall(call *plugin.Call, question string) *memory {
	hash := fnv.New64a()
	hash.Write([]byte(question))
	m := new(memory)
	m.store, m.err = state.Open(call.Common().StateDir, fmt.Sprintf("opens.%016x", hash.Sum64()), samplesFormat, call.Env.Getenv)
	if m.err != nil {
		return m
	}
	m.store.Limit = limit
	data, err := m.store.Read()
	if err == nil {
		m.samples, err = decodeSamples(data)
	}
	var dir *state.DirError
	switch {
	case err == nil || errors.Is(err, state.ErrNone):
	case errors.As(err, &dir):
		m.err = err
	default:
		m.notes = append(m.notes, err.Error()+"; begun anew")
	}
	return m
}

// keep remembers a reading for later runs.
func (m *memory) keep(ctx context.Context, s *opens.Sample, period time.Duration) {
	if m.err != nil {
		return
	}
	m.err = m.store.Update(ctx, func(old []byte, oldErr error) ([]byte, error) {
		var samples []*opens.Sample
		if oldErr == nil {
			samples, _ = decodeSamples(old) // recall has spoken of a broken file
		}
		data := encodeSample(s)
		if samples = thinned(samples, s, period, len(data)); samples[len(samples)-1] != s {
			return nil, nil
		}
		var all []byte
		for _, one := range samples[:len(samples)-1] {
			all = append(all, encodeSample(one)...)
		}
		return append(all, data...), nil
	})
}

// thinned adds a sample to others, unless the last is too close to it, and
// drops those that no later run needs: of another life of the counters, and
// older than one that is old enough.
func thinned(samples []*opens.Sample, s *opens.Sample, period time.Duration, size int) []*opens.Sample {
	spacing := period / time.Duration(max(2, min(mostSamples, budget/max(size, 1))))
	var kept []*opens.Sample
	for _, one := range samples {
		if one.Epoch != s.Epoch || one.Taken > s.Taken {
			continue
		}
		if s.Taken-one.Taken >= period {
			kept = kept[:0]
		}
		kept = append(kept, one)
	}
	if len(kept) > 0 && s.Taken-kept[len(kept)-1].Taken < spacing {
		return kept
	}
	return append(kept, s)
}

// Samples follow one another, each behind its length.
func encodeSample(s *opens.Sample) []byte {
	var b bytes.Buffer
	b.Write([]byte{0, 0, 0, 0})
	_, _ = s.WriteTo(&b) // a buffer takes everything
	data := b.Bytes()
	binary.BigEndian.PutUint32(data, uint32(len(data)-4))
	return data
}

func decodeSamples(data []byte) ([]*opens.Sample, error) {
	var samples []*opens.Sample
	for len(data) > 0 {
		if len(data) < 4 || uint64(len(data)-4) < uint64(binary.BigEndian.Uint32(data)) {
			return nil, errors.New("what was remembered is damaged")
		}
		end := 4 + int(binary.BigEndian.Uint32(data))
		s, err := opens.ReadSample(bytes.NewReader(data[4:end]))
		if err != nil {
			return nil, err
		}
		samples, data = append(samples, s), data[end:]
	}
	slices.SortStableFunc(samples, func(a, b *opens.Sample) int { return int(min(1, max(-1, a.Taken-b.Taken))) })
	return samples, nil
}
