package age

import (
	"cmp"
	"slices"
	"time"
)

// DefaultLimit is how many connections a book holds unless told otherwise. They
// take 16 bytes each in memory and 3 to 6 in a file.
const DefaultLimit = 1 << 20

// A Book remembers when connections were first seen, by socket cookie. It holds
// those of the last run only, so it grows with the connections that are there, not
// with time.
//
// A connection is recorded as first seen at the end of its run, or as much earlier
// as other evidence proves: it is at least that old. When there are more than the
// limit, those seen first are kept, and that others were not seen proves nothing.
type Book struct {
	identity Identity
	// began is when the last run began that saw every connection, zero for none.
	began time.Duration
	// last is when the last run ended, in whole milliseconds.
	last    time.Duration
	entries []entry // by rising cookie
	// foreign tells that the last run asked for other sockets.
	foreign bool
}

// An entry is a connection that was seen.
type entry struct {
	cookie uint64
	seen   uint64 // milliseconds since boot
}

// pending in the place of a time marks one that follows from the end of the run:
// the bits below it are the age in milliseconds that is proven then.
const pending = 1 << 63

// New is an empty book.
func New(identity Identity) *Book { return &Book{identity: identity} }

// Len is the number of connections in the book.
func (b *Book) Len() int { return len(b.entries) }

// Empty reports whether the book knows no earlier run that asked for the same
// sockets, so that what it lacks of them is unknown.
func (b *Book) Empty() bool { return b.last == 0 || b.foreign }

func (b *Book) find(cookie uint64) (entry, bool) {
	i, ok := slices.BinarySearchFunc(b.entries, cookie, func(e entry, c uint64) int {
		return cmp.Compare(e.cookie, c)
	})
	if !ok {
		return entry{}, false
	}
	return b.entries[i], true
}

// A Run is one look at the socket table with a book of earlier ones at hand.
type Run struct {
	book  *Book
	limit int
	began time.Duration
	seen  []entry // what the book knew has its time, the others are pending
}

// Begin starts a run at a time since boot (CLOCK_BOOTTIME), which has to be read
// before the table is. limit is how many connections may be kept, 0 for
// [DefaultLimit]. [ErrFuture] is a book that was written later than now; the run
// then goes on with an empty one.
func (b *Book) Begin(now time.Duration, limit int) (*Run, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	r := &Run{book: b, limit: limit, began: now}
	if b.last > roundUp(now) {
		r.book = New(b.identity)
		return r, ErrFuture
	}
	return r, nil
}

// See records a connection and returns what the book proves about its age at the
// time when the run began. A cookie of 0 is none.
//
// A cookie survives a change of state: the half-open connection has it already,
// and so has TIME_WAIT. See those states only whose age is asked for. It also stays
// when a program disconnects a socket and connects it anew (connect(2) to
// AF_UNSPEC), which the book takes for one connection; sockets that were accepted
// on a listening port are never used so.
func (r *Run) See(cookie uint64) Age { return r.SeeWith(cookie, Unknown()) }

// SeeWith is See for a connection about whose age something else is proven, as of
// now. It returns both proofs joined, and the book remembers the better one: what
// TCP_INFO tells of a connection that is idle is lost as soon as it is not.
func (r *Run) SeeWith(cookie uint64, proof Age) Age {
	if cookie == 0 {
		return proof
	}
	e, known := r.book.find(cookie)
	byBook := r.prove(e, known)
	if !known || proof.Min > byBook.Min {
		e = entry{cookie: cookie, seen: pending | uint64(max(0, proof.Min)/time.Millisecond)}
	}
	r.seen = append(r.seen, e)
	return byBook.And(proof)
}

func (r *Run) prove(e entry, known bool) Age {
	a := Unknown()
	switch {
	case known:
		a.Min = max(0, r.began-time.Duration(e.seen)*time.Millisecond)
	case r.book.began > 0:
		// It was not there when the earlier run looked, which was after that began.
		a.Max = max(0, r.began-r.book.began)
	}
	return a
}

// End returns the book for the next run. now is the time since boot, read after
// the table was. complete tells that the run saw every connection: an interrupted
// one drops nothing, and that it did not see a connection proves nothing.
func (r *Run) End(now time.Duration, complete bool) *Book {
	next := &Book{identity: r.book.identity, last: roundUp(max(now, r.began))}
	for i := range r.seen {
		r.settle(&r.seen[i], uint64(next.last/time.Millisecond))
	}
	if !complete {
		r.seen = append(r.seen, r.book.entries...)
	}
	next.entries = unique(r.seen)
	if complete && len(next.entries) <= r.limit {
		next.began = r.began
	}
	next.entries = keepOldest(next.entries, r.limit)
	return next
}

// settle gives a pending connection its time, now that the run has ended.
func (r *Run) settle(e *entry, last uint64) {
	if e.seen&pending == 0 {
		return
	}
	e.seen = last - min(last, e.seen&^pending)
	if earlier, known := r.book.find(e.cookie); known {
		e.seen = min(e.seen, earlier.seen)
	}
}

// WithoutYouth makes it prove nothing that the book did not see a connection. It is
// for selections that a connection can come into late: by process, by mark, by the
// state of a connection that is being closed.
func (b *Book) WithoutYouth() *Book {
	b.began = 0
	return b
}

// Join joins the books of two runs that overlapped: it is the one that ended later,
// with the earliest times of both. Both must have been decoded with, or made for,
// the same identity; one that was decoded as of another selection does not win.
func Join(a, b *Book) *Book {
	if a.foreign || a.last < b.last && !b.foreign {
		a, b = b, a
	}
	joined := *a
	joined.entries = slices.Clone(a.entries)
	for i := range joined.entries {
		e := &joined.entries[i]
		if other, known := b.find(e.cookie); known {
			e.seen = min(e.seen, other.seen)
		}
	}
	return &joined
}

// unique sorts by cookie; of several times the earliest counts.
func unique(entries []entry) []entry {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.cookie, b.cookie), cmp.Compare(a.seen, b.seen))
	})
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.cookie == b.cookie })
}

// keepOldest drops what was seen last where there are more than limit.
func keepOldest(entries []entry, limit int) []entry {
	if len(entries) <= limit {
		return entries
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.seen, b.seen), cmp.Compare(a.cookie, b.cookie))
	})
	return unique(slices.Clip(entries[:limit]))
}

func roundUp(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}
