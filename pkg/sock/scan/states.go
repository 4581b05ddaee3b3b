package scan

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// StateCounts is how many sockets are in each state.
type StateCounts [16]uint64

// Of returns the number of sockets in a state.
func (c *StateCounts) Of(s sock.State) uint64 { return c[s] }

// Total returns the number of sockets in the states of a set.
func (c *StateCounts) Total(set sock.StateSet) uint64 {
	var total uint64
	for _, s := range sock.States() {
		if set.Has(s) {
			total += c[s]
		}
	}
	return total
}

// States counts the sockets that the query selects by state.
//
// Nearly all sockets of a busy host are established, and a walk costs what it
// emits. So where every TCP socket is wanted, only the others are listed; the
// established ones follow from the kernel's own counters. These are read
// before and after the walk and must agree with it, else the whole table is
// listed. On a host where connections come and go meanwhile the two readings
// and the walk are of three moments, and what was in CLOSE_WAIT at one of them
// may miss among the established: a few sockets of thousands, as a dump, which
// is no snapshot either, has them twice or not at all. Where there are only
// few, listing them costs less than that error is worth.
func (s *Scanner) States(ctx context.Context) (StateCounts, error) {
	if s.countable() {
		before, err := s.readCounters()
		if err == nil && cheaper(before, s.tables[0].States) {
			counts, ok, err := s.statesByCounters(ctx, before)
			if ok || err != nil {
				return counts, err
			}
			s.plan.step(remark("the kernel's counters did not agree with the walk: every socket was listed"))
		}
	}
	var counts StateCounts
	err := s.Count(ctx,
		func() { counts = StateCounts{} },
		func(row *sock.Socket) error { counts[row.State&15]++; return nil })
	return counts, err
}

// countable reports whether the counters count what the query selects: every
// TCP socket that is established, of both families, listed by netlink.
func (s *Scanner) countable() bool {
	return s.conn != nil && len(s.tables) == 1 && s.tables[0].Protocol == sock.TCP &&
		s.tables[0].States.Has(sock.Established) &&
		s.query.Families == 0 && s.query.Filter == nil && s.query.Keep == nil
}

// few is how many established sockets are always listed: to receive so many
// takes about three milliseconds.
var few uint64 = 4096

// cheaper reports whether it costs less to list what is not established. What
// a busy server has more of than connections is TIME_WAIT; where these are not
// wanted either, it is the established ones that are few.
func cheaper(c counters, wanted sock.StateSet) bool {
	return c.current > few && (wanted.Has(sock.TimeWait) || c.timeWait <= c.current)
}

// counters are the kernel's own numbers of TCP sockets.
type counters struct {
	// inUse is every TCP socket from LISTEN on, without TIME_WAIT and the
	// half-open ones (sockstat, both families).
	inUse uint64
	// current is CurrEstab: ESTABLISHED, and CLOSE_WAIT with them since about
	// Linux 6.11.
	current uint64
	// timeWait is how many are in TIME_WAIT or, timed by it, in FIN_WAIT2.
	timeWait uint64
	// allocated is every TCP socket of the whole host, whether it is in use or
	// not, of all network namespaces.
	allocated uint64
}

// readCounters reads the counters of the query's namespace.
func (s *Scanner) readCounters() (c counters, err error) {
	err = s.inNamespace(func(dir string) error {
		c, err = countersIn(dir)
		return err
	})
	return c, err
}

func countersIn(dir string) (counters, error) {
	snmp, err := kernfs.SNMP(dir)
	if err != nil {
		return counters{}, err
	}
	v4, err := kernfs.Sockstat(dir)
	if err != nil {
		return counters{}, err
	}
	v6, err := kernfs.Sockstat6(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return counters{}, err
	}
	return parseCounters(snmp, v4, v6)
}

var errNoCounters = errors.New("this kernel does not count its TCP sockets")

func parseCounters(snmp, v4, v6 kernfs.Counters) (counters, error) {
	current, known := snmp.Uint("Tcp", "CurrEstab")
	inUse4, known4 := v4.Uint("TCP", "inuse")
	inUse6, _ := v6.Uint("TCP6", "inuse")
	if !known || !known4 {
		return counters{}, errNoCounters
	}
	allocated, _ := v4.Uint("TCP", "alloc")
	timeWait, _ := v4.Uint("TCP", "tw")
	return counters{inUse: inUse4 + inUse6, current: current, timeWait: timeWait, allocated: allocated}, nil
}

// statesByCounters lists what is not established and derives the rest. It
// reports whether the result holds; without it nothing was counted.
func (s *Scanner) statesByCounters(ctx context.Context, before counters) (StateCounts, bool, error) {
	wanted := s.tables[0].States
	var listed StateCounts
	var minisockets uint64
	list := func(states sock.StateSet) error {
		request := s.request(Table{sock.TCP, states})
		request.Want |= sock.FieldMemory // tells sockets from minisockets
		return s.dump(ctx, request, func(row *sock.Socket) error {
			listed[row.State&15]++
			if !counted(row) {
				minisockets++
			}
			return nil
		})
	}
	// Every state has to be listed, wanted or not, because the sum is
	// subtracted. Only sockets that are bound and nothing more are in no sum,
	// and to the kernel they are one more walk over every socket.
	bound := sock.StatesOf(sock.BoundInactive)
	listing := sock.AllStates &^ sock.StatesOf(sock.Established)
	skipped := !wanted.Has(sock.BoundInactive) || s.allInUse(before)
	if skipped {
		listing &^= bound
	}
	err := list(listing)
	if errors.Is(err, sock.ErrInterrupted) {
		return StateCounts{}, false, nil
	}
	if err != nil {
		return StateCounts{}, false, err
	}
	after, err := s.readCounters()
	if err != nil {
		return StateCounts{}, false, nil
	}
	if skipped && wanted.Has(sock.BoundInactive) && !s.allInUse(after) {
		switch err := list(bound); {
		case errors.Is(err, sock.ErrInterrupted):
			return StateCounts{}, false, nil
		case err != nil:
			return StateCounts{}, false, err
		}
	}
	others := listed.Total(sock.AllStates) - minisockets
	established, ok := derive(before, after, others, listed[sock.CloseWait])
	if !ok {
		return StateCounts{}, false, nil
	}
	listed[sock.Established] = established
	for _, state := range sock.States() {
		if !wanted.Has(state) {
			listed[state] = 0
		}
	}
	s.plan.step(remark("established: the kernel's counters, in agreement before and after the walk"))
	return listed, true, nil
}

// allInUse reports whether every TCP socket of the host is in use, here or in
// the namespace of process 1, so that none is bound and nothing more.
func (s *Scanner) allInUse(here counters) bool {
	if here.allocated == here.inUse {
		return true
	}
	first, err := s.firstNamespace()
	return err == nil && here.allocated == here.inUse+first.inUse
}

// firstNamespace reads the counters of process 1's namespace, if it is another
// one. Which it is shows without rights in its files: each namespace has files
// of its own.
func (s *Scanner) firstNamespace() (counters, error) {
	first := s.query.Root.NetDirOf(1)
	theirs, err := os.Stat(filepath.Join(first, "sockstat"))
	if err != nil {
		return counters{}, err
	}
	err = s.inNamespace(func(dir string) error {
		ours, err := os.Stat(filepath.Join(dir, "sockstat"))
		if err == nil && os.SameFile(ours, theirs) {
			err = errNoCounters
		}
		return err
	})
	if err != nil {
		return counters{}, err
	}
	return countersIn(first)
}

// counted reports whether sockstat's "inuse" has the socket: not the
// minisockets of TIME_WAIT (some of which show as FIN_WAIT2) and of SYN_RECV,
// which have no memory of their own, and not what is bound without being
// hashed. A connection that TCP fast open began is in SYN_RECV too and is a
// whole socket: were it taken for a minisocket, and were there as many in
// CLOSE_WAIT, the two counters would agree on a wrong number.
func counted(row *sock.Socket) bool {
	return row.Known.Has(sock.FieldMemory) && row.State != sock.BoundInactive
}

// derive returns the number of established sockets where two counters that
// have nothing to do with each other tell the same: "inuse" less the sockets
// that were listed, and CurrEstab, with or without CLOSE_WAIT as kernels
// differ. Each was read twice and may have moved in between, so intervals have
// to meet.
func derive(before, after counters, others, closeWait uint64) (uint64, bool) {
	low, high := ordered(before.inUse, after.inUse)
	if low < others {
		return 0, false
	}
	low, high = low-others, high-others
	for _, included := range []uint64{closeWait, 0} {
		from, to := ordered(before.current, after.current)
		if from < included {
			continue
		}
		from, to = max(from-included, low), min(to-included, high)
		if from <= to {
			return latest(after.inUse-others, from, to), true
		}
	}
	return 0, false
}

func ordered(a, b uint64) (low, high uint64) { return min(a, b), max(a, b) }

// latest returns the newer reading if both counters allow it, else the nearest
// number that they do.
func latest(newer, from, to uint64) uint64 { return min(max(newer, from), to) }
