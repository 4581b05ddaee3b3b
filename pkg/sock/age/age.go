package age

import (
	"math"
	"time"
)

// Unbounded is the greatest age where nothing limits it.
const Unbounded time.Duration = math.MaxInt64

// An Age is what is proven about an age: it is at least Min and less than Max, or
// at most Max. The zero value is not useful; [Unknown] is the age of which nothing
// is known.
type Age struct {
	Min, Max time.Duration
}

// Unknown is an age of which nothing is known.
func Unknown() Age { return Age{Max: Unbounded} }

// And joins two proofs about the same connection. Where they contradict each
// other, that it is older counts: a greatest age comes from not having been seen,
// and a table that changes while it is read can hide a connection.
func (a Age) And(b Age) Age {
	both := Age{Min: max(a.Min, b.Min), Max: min(a.Max, b.Max)}
	if both.Min > both.Max {
		both.Max = Unbounded
	}
	return both
}

// A Verdict is the answer to the question whether a connection is old enough.
type Verdict uint8

// The verdicts. Undecided is the zero value.
const (
	Undecided Verdict = iota
	Older
	Younger
)

// String returns "older", "younger" or "undecided".
func (v Verdict) String() string {
	switch v {
	case Older:
		return "older"
	case Younger:
		return "younger"
	}
	return "undecided"
}

// AtLeast decides whether the connection is at least limit old.
func (a Age) AtLeast(limit time.Duration) Verdict { return a.AtLeastAbout(limit, 0) }

// AtLeastAbout is AtLeast where a connection may be called younger although it is
// older than limit by less than tolerance.
//
// It is for two looks of which the second is limit after the first. A look takes
// time, and nobody knows when it came by the place where a connection was not yet:
// so one that the first did not see is younger than limit and the time that the
// first look took, and no second look can prove less. With that time as the
// tolerance, two looks decide about every connection.
func (a Age) AtLeastAbout(limit, tolerance time.Duration) Verdict {
	switch {
	case a.Min >= limit:
		return Older
	case a.Max < limit || a.Max-limit < tolerance:
		return Younger
	}
	return Undecided
}
