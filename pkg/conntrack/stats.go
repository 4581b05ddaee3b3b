package conntrack

import (
	"context"
	"encoding/binary"
)

// A Counter is one of the tracker's statistics, named as conntrack -S does.
type Counter uint8

// Counters. All of them only rise, each as a 32-bit number per CPU that wraps.
const (
	InsertFailed  Counter = iota // entries that lost a race or found no free tuple
	Drop                         // packets dropped because no entry could be made
	EarlyDrop                    // entries given up to make room in a full table
	Invalid                      // packets that fit no connection
	ErrorCounter                 // packets, mostly ICMP, that could not be read
	SearchRestart                // lookups begun again because the table was resized
	ClashResolve                 // clashes of two entries that were resolved
	ChainTooLong                 // entries refused because a hash chain was full
	Found                        // lookups that found an entry; stays 0 on newer kernels
	Insert                       // entries made over ctnetlink; on older kernels all of them

	numCounters
)

// Counters lists every counter, the telling ones first.
func Counters() []Counter {
	all := make([]Counter, numCounters)
	for i := range all {
		all[i] = Counter(i)
	}
	return all
}

// String is the counter's name in conntrack -S.
func (c Counter) String() string {
	switch c {
	case InsertFailed:
		return "insert_failed"
	case Drop:
		return "drop"
	case EarlyDrop:
		return "early_drop"
	case Invalid:
		return "invalid"
	case ErrorCounter:
		return "error"
	case SearchRestart:
		return "search_restart"
	case ClashResolve:
		return "clash_resolve"
	case ChainTooLong:
		return "chaintoolong"
	case Found:
		return "found"
	case Insert:
		return "insert"
	}
	return ""
}

// counterFromAttr maps CTA_STATS_* (enum ctattr_stats_cpu).
func counterFromAttr(typ uint16) (Counter, bool) {
	switch typ {
	case 2:
		return Found, true
	case 4:
		return Invalid, true
	case 8:
		return Insert, true
	case 9:
		return InsertFailed, true
	case 10:
		return Drop, true
	case 11:
		return EarlyDrop, true
	case 12:
		return ErrorCounter, true
	case 13:
		return SearchRestart, true
	case 14:
		return ClashResolve, true
	case 15:
		return ChainTooLong, true
	}
	return 0, false
}

// Stats are the tracker's counters, of one CPU or summed. A counter that the
// kernel does not have is not known, which is not the same as 0.
type Stats struct {
	values [numCounters]uint64
	known  uint16
}

// Get returns a counter's value and whether the kernel has it.
func (s *Stats) Get(c Counter) (uint64, bool) {
	if c >= numCounters {
		return 0, false
	}
	return s.values[c], s.known&(1<<c) != 0
}

func (s *Stats) add(c Counter, v uint64) {
	s.values[c] += v
	s.known |= 1 << c
}

// isZero says that nothing was counted since the namespace was made.
func (s *Stats) isZero() bool { return s.values == [numCounters]uint64{} }

// Sum adds the counters of all CPUs.
func Sum(cpus []Stats) Stats {
	var sum Stats
	for i := range cpus {
		for _, c := range Counters() {
			if v, ok := cpus[i].Get(c); ok {
				sum.add(c, v)
			}
		}
	}
	return sum
}

// Stats asks ctnetlink for the counters of each CPU. It needs CAP_NET_ADMIN;
// ReadStats does not.
func (c *Client) Stats(ctx context.Context) ([]Stats, error) {
	s, err := c.open(ctx, "statistics")
	if err != nil {
		return nil, err
	}
	defer s.close()

	var cpus []Stats
	marshal := func(b []byte, seq uint32) []byte {
		return appendMessage(b, messageStatsCPU, flagRequest|flagDump, seq, AnyFamily, nil)
	}
	err = s.request(marshal, func(m message) error {
		_, _, attrs, err := m.payload()
		if err != nil {
			return err
		}
		stats, err := decodeStats(attrs)
		cpus = append(cpus, stats)
		return err
	})
	if err != nil {
		return nil, s.fail(err)
	}
	return cpus, nil
}

func decodeStats(b []byte) (Stats, error) {
	var stats Stats
	err := decodeNumbers(b, func(typ uint16, n uint32) {
		if c, ok := counterFromAttr(typ); ok {
			stats.add(c, uint64(n))
		}
	})
	return stats, err
}

// decodeNumbers calls fn with every attribute that is a 32-bit number.
func decodeNumbers(b []byte, fn func(typ uint16, n uint32)) error {
	attrs := attributes{rest: b, of: "statistics"}
	for attrs.next() {
		if len(attrs.data) == 4 {
			fn(attrs.typ, binary.BigEndian.Uint32(attrs.data))
		}
	}
	return attrs.err()
}

// Table asks ctnetlink how full the table is. Unlike ReadTable it can look
// into another network namespace and knows the limit that holds there, which
// may be lower than the namespace's own setting; it needs CAP_NET_ADMIN. An
// older kernel does not send the limit: MaxKnown is false then.
func (c *Client) Table(ctx context.Context) (Table, error) {
	s, err := c.open(ctx, "count")
	if err != nil {
		return Table{}, err
	}
	defer s.close()

	var table Table
	marshal := func(b []byte, seq uint32) []byte {
		return appendMessage(b, messageStats, flagRequest, seq, AnyFamily, nil)
	}
	err = s.request(marshal, func(m message) error {
		_, _, attrs, err := m.payload()
		if err != nil {
			return err
		}
		if table, err = decodeTable(attrs); err != nil {
			return err
		}
		return errStop
	})
	if err != nil {
		return Table{}, s.fail(err)
	}
	return table, nil
}

// decodeTable reads CTA_STATS_GLOBAL_* (enum ctattr_stats_global).
func decodeTable(b []byte) (Table, error) {
	var table Table
	err := decodeNumbers(b, func(typ uint16, n uint32) {
		switch typ {
		case 1:
			table.Used = uint64(n)
		case 2:
			table.Max, table.MaxKnown = uint64(n), true
		}
	})
	return table, err
}
