package scan

import (
	"fmt"
	"slices"
	"strings"
)

// A Plan tells how the sockets were found.
type Plan struct {
	// Source is "netlink" or "proc", or both joined by "+" where protocols
	// were answered by different ones; empty before anything was read.
	Source string
	// Notes are things the reader of the answer ought to know, such as a
	// fall-back to /proc.
	Notes []string

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

func (p *Plan) answered(source string) {
	switch {
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
