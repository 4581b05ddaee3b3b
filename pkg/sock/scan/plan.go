package scan

import (
	"slices"
	"strings"
)

// A Plan tells how the sockets were found.
type Plan struct {
	// Source is "netlink" or "proc", or both joined by "+" where protocols
	// were answered by different ones; empty before anything was read.
	Source string
	// Steps are the walks that were made, in words.
	Steps []string
	// Notes are things the reader of the answer ought to know, such as a
	// fall-back to /proc.
	Notes []string
}

func (p *Plan) answered(source string) {
	switch {
	case p.Source == "":
		p.Source = source
	case !slices.Contains(strings.Split(p.Source, "+"), source):
		p.Source += "+" + source
	}
}

func (p *Plan) step(text string) {
	if !slices.Contains(p.Steps, text) {
		p.Steps = append(p.Steps, text)
	}
}

func (p *Plan) note(text string) {
	if !slices.Contains(p.Notes, text) {
		p.Notes = append(p.Notes, text)
	}
}
