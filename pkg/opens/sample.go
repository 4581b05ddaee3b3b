package opens

import (
	"net/netip"
	"time"
)

// A Sample is a whole reading in memory: what is kept between runs, published for
// those who cannot read the kernel's tables, and compared with the next one.
type Sample struct {
	Summary
	Totals []Total
	Peers  []Peer
	// Wall is the time of day at Taken, for what outlives a boot. It may jump.
	Wall time.Time
}

// Take reads counters into a Sample. The wall clock is the caller's.
func Take(c Counter, q Query, wall time.Time) (*Sample, error) {
	s := &Sample{Wall: wall}
	summary, err := c.Read(q, Visitor{
		Total: func(t Total) error { s.Totals = append(s.Totals, t); return nil },
		Peer:  func(p Peer) error { s.Peers = append(s.Peers, p); return nil },
	})
	if err != nil {
		return nil, err
	}
	s.Summary = summary
	return s, nil
}

// Late is a sample with nothing but the last readings of counters that Evict took
// away after s was taken. Recorded after s, it adds what they counted in between.
func (s *Sample) Late(gone []Peer) *Sample {
	late := *s
	late.Taken++ // later than s, and no later than anything that came after it
	late.Totals, late.Peers = nil, gone
	return &late
}

// Delta is what a counter counted since prev was noted. What is not the same
// counter any more, or fell, has counted all of cur since.
func Delta(prev, cur Mark) uint64 {
	if prev.First != cur.First || cur.Opens < prev.Opens {
		return cur.Opens
	}
	return cur.Opens - prev.Opens
}

// A Difference is what was counted between two samples.
type Difference struct {
	// Reset is set where the counters of the two are not the same ones (a reboot,
	// counting switched off and on): then it counts from the later one's zero, and
	// what came between the earlier sample and that zero is unknown.
	Reset bool
	// Length is the time that the numbers are about, by the clock that nobody sets.
	Length time.Duration

	In, Out Flow
	Lost    uint64
	// Totals and Peers hold what changed, in the order of the later sample. First
	// and Last are those of the later sample.
	Totals []Total
	Peers  []Peer
}

type peerID struct {
	Service
	Addr netip.Addr
}

// After compares a sample with an earlier one; a nil prev is "nothing known yet",
// and the difference is everything since counting was switched on. It is never
// negative, and nothing is counted in two successive differences.
func (s *Sample) After(prev *Sample) *Difference {
	if prev == nil || prev.Epoch != s.Epoch || prev.Taken > s.Taken {
		return s.all()
	}
	totals := make(map[Service]Total, len(prev.Totals))
	for _, t := range prev.Totals {
		totals[t.Service] = t
	}
	peers := make(map[peerID]Mark, len(prev.Peers))
	for _, p := range prev.Peers {
		peers[peerID{p.Service, p.Addr}] = p.Mark
	}
	d := &Difference{
		Length: s.Taken - prev.Taken,
		In:     prev.In.until(s.In),
		Out:    prev.Out.until(s.Out),
		Lost:   fell(prev.Lost, s.Lost),
	}
	for _, t := range s.Totals {
		if old, ok := totals[t.Service]; ok {
			t = old.until(t)
		}
		if t.Opens > 0 || t.Overflow > 0 {
			d.Totals = append(d.Totals, t)
		}
	}
	for _, p := range s.Peers {
		if p.Opens = Delta(peers[peerID{p.Service, p.Addr}].or(p.First), p.Mark); p.Opens > 0 {
			d.Peers = append(d.Peers, p)
		}
	}
	return d
}

// or gives a mark that was never noted the beginning of the present counter, so
// that the delta is the count.
func (m Mark) or(first time.Duration) Mark {
	if m == (Mark{}) {
		m.First = first
	}
	return m
}

// all is the difference to nothing.
func (s *Sample) all() *Difference {
	return &Difference{
		Reset: true, Length: s.Length(),
		In: s.In, Out: s.Out, Lost: s.Lost,
		Totals: s.Totals, Peers: s.Peers,
	}
}

func (f Flow) until(now Flow) Flow {
	return Flow{Opens: fell(f.Opens, now.Opens), Rest: fell(f.Rest, now.Rest)}
}

func (t Total) until(now Total) Total {
	if t.First != now.First || now.Opens < t.Opens {
		return now
	}
	now.Opens -= t.Opens
	now.Overflow = fell(t.Overflow, now.Overflow)
	return now
}

// fell is the difference of two readings of a counter that may have begun anew.
func fell(prev, cur uint64) uint64 {
	if cur < prev {
		return cur
	}
	return cur - prev
}
