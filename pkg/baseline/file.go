package baseline

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// A File is a baseline as it was read, every line of it.
type File struct {
	// Problems are what its author will want to change, in the order of lines.
	Problems []Problem
	rows     []row
}

// A row is a line of text. Rows without line are comments, empty, or typos.
type row struct {
	text string
	line *Line
	off  bool // line is switched off
}

// offMark stands before a line whose listener was gone when the file was last
// brought up to date.
const offMark = "#- "

// Parse reads a baseline. Lines that cannot be read are among the Problems.
func Parse(data []byte) *File {
	f := new(File)
	for text := range bytes.Lines(data) {
		f.add(strings.TrimRight(string(text), "\r\n"))
	}
	f.findDoubles()
	return f
}

func (f *File) add(text string) {
	number := len(f.rows) + 1
	r := row{text: text}
	if rest, ok := strings.CutPrefix(text, offMark); ok {
		if line, bad := parseLine(rest); bad == nil && line != nil {
			r.line, r.off = line, true
		}
	} else if line, bad := parseLine(text); bad != nil {
		f.Problems = append(f.Problems, Problem{Kind: Typo, Line: number, Column: column(text, bad.at), Reason: bad.reason})
	} else {
		r.line = line
	}
	if r.line != nil {
		r.line.Number = number
	}
	f.rows = append(f.rows, r)
}

// findDoubles looks for lines about the place of an earlier one.
func (f *File) findDoubles() {
	first := map[Place]*Line{}
	for line := range f.lines() {
		earlier := first[line.Place]
		if earlier == nil {
			first[line.Place] = line
			continue
		}
		p := Problem{Line: line.Number, Column: 1, Kind: Duplicate}
		p.Reason = line.Place.String() + " is on line " + strconv.Itoa(earlier.Number) + " already"
		if !sameSet(earlier.Programs, line.Programs) {
			p.Kind = Contradiction
			p.Reason += ", with program " + programText(earlier.Programs) + " instead of " + programText(line.Programs) + ": join programs by commas in one line, or remove one line"
		}
		f.insertProblem(p)
	}
}

// sameSet reports whether two lists without doubles hold the same.
func sameSet(a, b []string) bool {
	for _, item := range a {
		if !slices.Contains(b, item) {
			return false
		}
	}
	return len(a) == len(b)
}

// union returns the items of both lists, in a list of its own.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, item := range b {
		if !slices.Contains(all, item) {
			all = append(all, item)
		}
	}
	return all
}

// insertProblem keeps the problems in the order of lines.
func (f *File) insertProblem(p Problem) {
	at := len(f.Problems)
	for at > 0 && f.Problems[at-1].Line > p.Line {
		at--
	}
	f.Problems = slices.Insert(f.Problems, at, p)
}

// lines yields the lines that count.
func (f *File) lines() func(yield func(*Line) bool) {
	return func(yield func(*Line) bool) {
		for i := range f.rows {
			if r := &f.rows[i]; r.line != nil && !r.off && !yield(r.line) {
				return
			}
		}
	}
}

// Rules returns what the file requires, one rule a place. Lines that contradict
// each other make one rule that accepts the programs of all of them.
func (f *File) Rules() []Rule {
	var rules []Rule
	at := map[Place]int{}
	for line := range f.lines() {
		i, ok := at[line.Place]
		if !ok {
			at[line.Place] = len(rules)
			rules = append(rules, Rule{
				Place: line.Place, Programs: line.Programs, Required: true,
				Origin: "line " + strconv.Itoa(line.Number), Line: line.Number,
			})
			continue
		}
		rules[i].Programs = union(rules[i].Programs, line.Programs)
	}
	return rules
}

// Bytes returns the text of the file.
func (f *File) Bytes() []byte {
	var b []byte
	for i := range f.rows {
		b = append(append(b, f.rows[i].text...), '\n')
	}
	return b
}
