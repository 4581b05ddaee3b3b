package conntrack

import "errors"

// The kernel compares tuples only within one family, so to have it skip what is
// not wanted takes two walks over the table. A walk costs about 0.24 us an
// entry and sending an entry 1.33 us (Linux 6.18), and an empty walk some
// milliseconds, so one walk that sends everything is cheaper in a small table
// and where more than four fifths of the entries are wanted anyway. The table
// is a hash, so its first entries are a fair sample.
const (
	sampleSize  = 128
	sampleShare = 0.8
)

// errAbandon says that the sample speaks for other dumps.
var errAbandon = errors.New("abandoned for cheaper dumps")

// A sampler takes the first entries of a dump and holds back what they select
// until it knows whether the dump goes on.
type sampler struct {
	*dumper
	requests []request
	seen     int
	passed   int // would have been sent by the filtered dumps
	held     []Flow
	decided  bool
}

// sample makes the one dump, or returns errAbandon before it has delivered
// anything.
func (d *dumper) sample(one request, filtered []request) error {
	s := sampler{dumper: d, requests: filtered}
	if err := d.dump(one, s.entry); err != nil {
		return err
	}
	return s.flush()
}

func (s *sampler) entry(m message) error {
	if s.decided {
		return s.dumper.entry(m)
	}
	selected, err := s.decode(m)
	if err != nil {
		return err
	}
	if selected {
		s.held = append(s.held, s.flow)
	}
	s.seen++
	if s.wanted() {
		s.passed++
	}
	if s.seen < sampleSize {
		return nil
	}
	if float64(s.passed) < sampleShare*float64(s.seen) {
		return errAbandon
	}
	return s.flush()
}

// flush delivers what was held back.
func (s *sampler) flush() error {
	s.decided = true
	for i := range s.held {
		if err := s.deliver(&s.held[i]); err != nil {
			return err
		}
	}
	s.held = nil
	return nil
}

// wanted says whether the kernel would have sent the flow in a filtered dump.
func (s *sampler) wanted() bool {
	for i := range s.requests {
		r := &s.requests[i]
		if r.family == s.flow.Family {
			return r.orig.matches(s.flow.Protocol, &s.flow.Original) && r.reply.matches(s.flow.Protocol, &s.flow.Reply)
		}
	}
	return false
}

// matches is the kernel's comparison.
func (c *tupleCondition) matches(protocol Protocol, t *Tuple) bool {
	return (c.flags&compareSrc == 0 || c.src == t.Src) &&
		(c.flags&compareDst == 0 || c.dst == t.Dst) &&
		(c.flags&compareProtocol == 0 || c.protocol == protocol) &&
		(c.flags&compareSrcPort == 0 || c.srcPort == t.SrcPort) &&
		(c.flags&compareDstPort == 0 || c.dstPort == t.DstPort)
}
