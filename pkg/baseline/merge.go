package baseline

import (
	"cmp"
	"slices"
	"strings"
)

// Header begins a new file.
const Header = `# Listening sockets that are expected on this host, for check_listeners.
#
#   tcp 0.0.0.0:443 nginx   # comment
#
# A protocol (tcp, udp), an address and port, and the program that listens.
#   *            as address: the wildcard address, 0.0.0.0 or [::]
#   10.0.0.0/8   any address of a network; 0.0.0.0/0 and [::]/0 any at all
#   8000-8080    a range of ports
#   php-fpm*     as program: a pattern; * is any program, - the kernel itself;
#                several are joined by commas, odd ones stand in "quotes"
# "listeners baseline write" keeps comments and order, adds what is new, and puts
# #- before lines whose listener is gone.

`

// A Change is a line that bringing the file up to date adds or switches off.
type Change struct {
	// Added tells a line that comes from one that goes.
	Added bool
	// Line is its number in the file as it was, 0 for a new line.
	Line int
	Text string
}

// Merge brings the file up to date with what listens, and returns what that
// changes. Every line stays where it is with its comment; one whose listener is
// gone is switched off by a mark before it, and on again when the listener is
// back. New lines are put where the order by protocol, port and address has them.
func (f *File) Merge(listeners []Listener) []Change {
	if len(f.rows) == 0 {
		for text := range strings.Lines(Header) {
			f.rows = append(f.rows, row{text: strings.TrimSuffix(text, "\n")})
		}
	}
	changes := f.switchLines(listeners)
	for _, line := range newLines(f.uncovered(listeners)) {
		f.insert(line)
		changes = append(changes, Change{Added: true, Text: line.text})
	}
	return changes
}

// switchLines switches lines off whose listener is gone, and on where one that no
// other line allows is back.
func (f *File) switchLines(listeners []Listener) []Change {
	var changes []Change
	back := f.uncovered(listeners)
	for i := range f.rows {
		r := &f.rows[i]
		switch {
		case r.line == nil:
		case r.off && r.line.fulfilledByAny(back):
			r.off, r.text = false, strings.TrimPrefix(r.text, offMark)
			changes = append(changes, Change{Added: true, Line: r.line.Number, Text: r.text})
		case !r.off && !r.line.fulfilledByAny(listeners):
			changes = append(changes, Change{Line: r.line.Number, Text: r.text})
			r.off, r.text = true, offMark+r.text
		}
	}
	return changes
}

// fulfilledByAny reports whether a listener is, or may be, what the line names.
func (l *Line) fulfilledByAny(listeners []Listener) bool {
	for i := range listeners {
		if l.Place.fulfilledBy(&listeners[i]) && held(l.Programs, &listeners[i]) != differs {
			return true
		}
	}
	return false
}

// uncovered are the listeners that no line allows.
func (f *File) uncovered(listeners []Listener) []Listener {
	var left []Listener
	for _, n := range Compare(f.Rules(), listeners).Unexpected {
		left = append(left, listeners[n])
	}
	return left
}

// newLines makes lines for listeners, one a place, in order.
func newLines(listeners []Listener) []row {
	byPlace := map[Place]*Line{}
	unseen := map[Place]bool{}
	var lines []*Line
	for i := range listeners {
		l := &listeners[i]
		place := l.Place()
		line := byPlace[place]
		if line == nil {
			line = &Line{Place: place}
			byPlace[place] = line
			lines = append(lines, line)
		}
		program := Kernel
		switch {
		case len(l.Programs) > 0:
			program = pattern(l.Programs[0])
		case l.Unseen:
			program, unseen[place] = AnyProgram, true
		}
		if !slices.Contains(line.Programs, program) {
			line.Programs = append(line.Programs, program)
		}
	}
	slices.SortFunc(lines, compareLines)
	rows := make([]row, len(lines))
	for i, line := range lines {
		slices.Sort(line.Programs)
		rows[i] = row{text: line.String(), line: line}
		if unseen[line.Place] {
			rows[i].text += "   # the program could not be seen"
		}
	}
	return rows
}

// compareLines is the order by protocol, port and address.
func compareLines(a, b *Line) int {
	return cmp.Or(
		cmp.Compare(a.Place.Protocol, b.Place.Protocol),
		cmp.Compare(a.Place.Low, b.Place.Low),
		cmp.Compare(b.Place.Scope, a.Place.Scope),
		a.Place.Network.Addr().Compare(b.Place.Network.Addr()),
		cmp.Compare(a.Place.High, b.Place.High),
	)
}

// insert puts a line behind the last one that comes before it in order. Without
// one it goes before the first line and the comment directly above that, but
// behind a comment with which the file begins.
func (f *File) insert(r row) {
	first := -1
	for i := len(f.rows) - 1; i >= 0; i-- {
		line := f.rows[i].line
		if line == nil {
			continue
		}
		if compareLines(line, r.line) <= 0 {
			f.rows = slices.Insert(f.rows, i+1, r)
			return
		}
		first = i
	}
	at := first
	if first < 0 {
		at = len(f.rows)
	}
	for at > 0 && first >= 0 && isComment(&f.rows[at-1]) {
		at--
	}
	if at == 0 && first > 0 {
		at = first
	}
	f.rows = slices.Insert(f.rows, at, r)
}

func isComment(r *row) bool {
	return r.line == nil && strings.HasPrefix(strings.TrimLeft(r.text, " \t"), "#")
}
