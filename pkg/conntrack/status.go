package conntrack

import (
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// Status is the set of status bits of a flow
// (include/uapi/linux/netfilter/nf_conntrack_common.h).
type Status uint32

// Status bits.
const (
	StatusExpected     Status = 1 << 0  // a helper foresaw it (FTP data ...)
	StatusSeenReply    Status = 1 << 1  // packets went both ways
	StatusAssured      Status = 1 << 2  // is not dropped early when the table is full
	StatusConfirmed    Status = 1 << 3  // is in the table
	StatusSrcNAT       Status = 1 << 4  // its source is translated
	StatusDstNAT       Status = 1 << 5  // its destination is translated
	StatusDying        Status = 1 << 9  // is being removed
	StatusFixedTimeout Status = 1 << 10 // its timeout is not renewed
	StatusHelper       Status = 1 << 13 // a helper was attached by a rule
	StatusOffload      Status = 1 << 14 // its packets pass a flow table
	StatusHWOffload    Status = 1 << 15 // its packets pass in hardware
)

// A StatusTerm is a condition on status bits: those in Mask are as in Value.
type StatusTerm struct {
	Value Status
	Mask  Status
}

// Matches says whether the bits satisfy the condition.
func (t StatusTerm) Matches(s Status) bool { return s&t.Mask == t.Value&t.Mask }

// And is the condition that both hold. It fails where no flow could satisfy
// both.
func (t StatusTerm) And(other StatusTerm) (StatusTerm, error) {
	both := t.Mask & other.Mask
	if t.Value&both != other.Value&both {
		return t, fmt.Errorf("no flow can have both status %s and %s", t, other)
	}
	return StatusTerm{Value: t.Value | other.Value, Mask: t.Mask | other.Mask}, nil
}

// String is the names of the condition's parts, joined by commas.
func (t StatusTerm) String() string {
	var parts []string
	for _, n := range statusNames() {
		if t.Mask&n.term.Mask == n.term.Mask && n.term.Mask&t.Value == n.term.Value {
			parts = append(parts, n.name)
		}
	}
	return strings.Join(parts, ",")
}

type statusName struct {
	name string
	term StatusTerm
}

// statusNames lists what can be selected and shown, in the order of display.
// unreplied is the absence of seen_reply.
func statusNames() []statusName {
	return []statusName{
		{"assured", StatusTerm{StatusAssured, StatusAssured}},
		{"seen_reply", StatusTerm{StatusSeenReply, StatusSeenReply}},
		{"unreplied", StatusTerm{0, StatusSeenReply}},
		{"expected", StatusTerm{StatusExpected, StatusExpected}},
		{"fixed_timeout", StatusTerm{StatusFixedTimeout, StatusFixedTimeout}},
		{"offload", StatusTerm{StatusOffload, StatusOffload}},
	}
}

// StatusNames lists the names that ParseStatus knows.
func StatusNames() []string {
	var names []string
	for _, n := range statusNames() {
		names = append(names, n.name)
	}
	return names
}

// Names lists the names of a flow's status, in a fixed order. Every flow is
// either seen_reply or unreplied.
func (s Status) Names() []string {
	names := make([]string, 0, 3)
	for _, n := range statusNames() {
		if n.term.Matches(s) {
			names = append(names, n.name)
		}
	}
	return names
}

// ParseStatus reads one status name, in either case, as a condition.
func ParseStatus(s string) (StatusTerm, error) {
	name := strings.ReplaceAll(strings.ToLower(s), "-", "_")
	for _, n := range statusNames() {
		if n.name == name {
			return n.term, nil
		}
	}
	return StatusTerm{}, fmt.Errorf("unknown status %s: use one of %s", quote.Text(s), strings.Join(StatusNames(), " "))
}
