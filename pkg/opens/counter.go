package opens

import (
	"time"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// Method is how connections are counted.
type Method string

// The methods. Auto chooses SockOps where the kernel lets it load, else NFT.
const (
	Auto    Method = "auto"
	SockOps Method = "sockops"
	NFT     Method = "nft"
)

// ParseMethod reads "auto", "sockops" or "nft".
func ParseMethod(text string) (Method, error) {
	switch m := Method(text); m {
	case Auto, SockOps, NFT:
		return m, nil
	}
	return "", failure(ErrInput, nil, "bad method ", quote.Text(text), ": allowed are auto, sockops and nft")
}

// A Counter is where the numbers are: live in the kernel, or in the snapshot that
// was published last.
type Counter interface {
	// Read streams the counters. Totals come before peers, and both are as of a
	// moment after Summary.Taken: a connection that opens meanwhile may be in the
	// peers and not in the totals, never the other way round.
	Read(Query, Visitor) (Summary, error)
	// Status describes the counters as a whole.
	Status() (*Status, error)
	Close() error
}

// A Query selects counters. The zero value is all of the caller's namespace.
type Query struct {
	// Namespace is the cookie of a network namespace (netns.Cookie); 0 is that of
	// the calling thread.
	Namespace uint64
	// Want picks services; nil picks all. Summary is not affected by it.
	Want func(Service) bool
}

func (q *Query) wants(s Service) bool { return q.Want == nil || q.Want(s) }

// A Visitor is handed what Read finds, in no order. A nil function saves the walk.
// An error that it returns ends Read and is returned by it.
type Visitor struct {
	Total func(Total) error
	Peer  func(Peer) error
}

// A Summary is the head of a reading.
type Summary struct {
	Epoch  Epoch
	Method Method
	Since  time.Duration // when counting was switched on, since boot
	Taken  time.Duration // when the reading began, since boot
	In     Flow          // incoming connections of the namespace
	Out    Flow          // outgoing ones; NFT does not count them
	// Lost are connections that found no room even for their namespace: of all
	// namespaces, since counting was switched on, in both directions.
	Lost uint64
	// Snapshot is set where the numbers come from the published snapshot; Taken
	// tells their age.
	Snapshot bool
}

// Flow counts the connections of one direction.
type Flow struct {
	Opens uint64
	Rest  uint64 // of Opens, those whose port found no room in the table
}

// Flow is In or Out.
func (s *Summary) Flow(d Direction) *Flow {
	if d == Out {
		return &s.Out
	}
	return &s.In
}

// Length is how long the counters have counted up to the reading.
func (s *Summary) Length() time.Duration { return s.Taken - s.Since }

// A Status is what `status` tells about counters.
type Status struct {
	Summary
	Reason     string // why this method: "" where it was the first choice
	Counting   bool   // false when a part is missing and the numbers stand still
	Peers      Usage  // the table of ports and peers, of all namespaces
	Services   Usage  // the table of ports, of all namespaces
	Namespaces Usage  // the table of namespaces
	Overflow   uint64 // connections of this namespace in no peer's counter
	Memory     uint64 // bytes of kernel memory that the tables take; 0 unknown
	// Kernel is the kernel's own count over the same time; nil where it was not
	// noted at the beginning, as in another namespace than that of `on`.
	Kernel *Comparison
	Place  string // directory of the pins, or the name of the table
}

// Usage is how full a table is.
type Usage struct{ Entries, Size int }

// Full reports whether new keys find no room.
func (u Usage) Full() bool { return u.Size > 0 && u.Entries >= u.Size }

// Comparison holds PassiveOpens and ActiveOpens of /proc/net/snmp, counted from
// the moment of switching on. PassiveOpens equals the incoming connections;
// ActiveOpens counts attempts, so it is at least the outgoing ones.
type Comparison struct{ PassiveOpens, ActiveOpens uint64 }
