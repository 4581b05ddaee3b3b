package scan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// A Plan tells how the sockets were found.
type Plan struct {
	// Source is "netlink" or "proc", or both joined by "+" where protocols
	// were answered by different ones; empty before anything was read.
	Source string
	// Notes are things the reader of the answer ought to know, such as a
	// fall-back to /proc.
	Notes []string
	// Untold are states that were asked for and that the source does not tell:
	// their sockets are in no number, and no number of them is known.
	Untold sock.StateSet

	// steps find their words only when somebody asks: a check rarely does, and
	// to format them takes a fiftieth of its time on an idle host.
	steps []fmt.Stringer
}

// Steps returns the walks that were made, in words.
func (p Plan) Steps() []string {
	var steps []string
	for _, step := range p.steps {
		if text := step.String(); !slices.Contains(steps, text) {
			steps = append(steps, text)
		}
	}
	return steps
}

// Add takes in the plan of another enumeration, for an answer that needs
// several.
func (p *Plan) Add(other Plan) {
	for source := range strings.SplitSeq(other.Source, "+") {
		p.answered(source)
	}
	for _, note := range other.Notes {
		p.note(note)
	}
	p.Untold |= other.Untold
	p.steps = append(p.steps, other.steps...)
}

func (p *Plan) answered(source string) {
	switch {
	case source == "":
	case p.Source == "":
		p.Source = source
	case !slices.Contains(strings.Split(p.Source, "+"), source):
		p.Source += "+" + source
	}
}

func (p *Plan) step(s fmt.Stringer) { p.steps = append(p.steps, s) }

// A remark is a step that is no walk by netlink.
type remark string

func (r remark) String() string { return string(r) }

func (p *Plan) note(text string) {
	if !slices.Contains(p.Notes, text) {
		p.Notes = append(p.Notes, text)
	}
}
