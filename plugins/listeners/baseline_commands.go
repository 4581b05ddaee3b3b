package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/sockcensus/sockcensus/pkg/baseline"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/selection"
)

// filing are the options of the commands on a baseline.
type filing struct {
	plugin.Common
	plugin.Output
	wide
}

// survey lists every listener.
func (f *filing) survey(ctx context.Context, call *plugin.Call) (*survey, error) {
	c := &choice{wide: f.wide}
	selected, err := c.query(ctx, call)
	if err != nil {
		return nil, err
	}
	return c.take(ctx, selected, true)
}

// table begins the answer of a command.
func (f *filing) table(call *plugin.Call, s *survey, noun string) *report.Table {
	t := &report.Table{
		Noun: noun, Time: call.Env.Now(), Source: func() string { return s.plan.Source }, Notes: s.details(),
	}
	if reason := s.blindness(); reason != "" {
		t.Notes = append(t.Notes, "programs that may not be seen are taken for what the baseline names: "+reason)
	}
	t.Notes = append(t.Notes, selection.Trace(call, s.plan)...)
	return t
}

// A problemsError is a baseline with lines that cannot be used.
type problemsError struct {
	path     string
	problems []baseline.Problem
}

func (e *problemsError) Error() string {
	text := fmt.Sprintf("baseline %s, %v", baseline.Word(e.path), &e.problems[0])
	if n := len(e.problems) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// problems splits what is wrong with a file into what has to be mended and what
// merely is worth a word.
func problems(path string, f *baseline.File) (notes []string, err error) {
	var bad []baseline.Problem
	for i := range f.Problems {
		if p := f.Problems[i]; p.Kind == baseline.Duplicate {
			notes = append(notes, fmt.Sprintf("baseline %s, %v", baseline.Word(path), &p))
		} else {
			bad = append(bad, p)
		}
	}
	if len(bad) > 0 {
		return notes, &problemsError{path, bad}
	}
	return notes, nil
}

// baselineCheck holds the options of "listeners baseline check".
type baselineCheck struct{ filing }

// List shows what is new, missing or moved.
func (b *baselineCheck) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	f, _, err := readBaseline(call.Operand)
	if err != nil {
		return nil, err
	}
	s, err := b.survey(ctx, call)
	if err != nil {
		return nil, err
	}
	c, err := s.compare(ctx, f.Rules(), true)
	if err != nil {
		return nil, err
	}
	t := b.table(call, s, "differences")
	notes, bad := problems(call.Operand, f)
	t.Notes = append(t.Notes, notes...)
	if n := len(c.result.Unverified); n > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d listeners are unverified: their programs may not be seen", n))
	}
	t.Differs = c.result.Differs()
	t.Columns = []report.Column{
		{Key: "change", Title: "CHANGE"},
		{Key: "line", Title: "LINE", Right: true},
		{Key: "expected", Title: "EXPECTED"},
		{Key: "listener", Title: "LISTENS"},
		{Key: "reach", Title: "REACH"},
		{Key: "user", Title: "USER"},
		{Key: "process", Title: "PROCESS"},
		{Key: "since", Title: "SINCE"},
		{Key: "command", Title: "COMMAND"},
	}
	t.Rows = func(yield func([]report.Cell, error) bool) {
		for _, d := range c.differences() {
			if !yield(d.cells(c.survey, call.Env.Now()), nil) {
				return
			}
		}
		if bad != nil {
			yield(nil, bad)
		}
	}
	return t, nil
}

// cells is a difference as a row.
func (d *difference) cells(s *survey, now time.Time) []report.Cell {
	row := make([]report.Cell, 9)
	row[0] = report.Text(d.change)
	if d.rule != nil {
		row[1], row[2] = report.Uint(d.rule.Line), report.Text(d.rule.String())
	}
	if d.listener == nil {
		return row
	}
	row[3], row[4] = report.Text(d.listener.name()), d.listener.reach()
	if user := s.user(d.listener); user != "" {
		row[5] = report.Text(user)
	}
	holders := d.listener.holders()
	if len(holders) == 0 {
		return row
	}
	row[6] = processCell(holders)
	if details, started, ok := s.process(holders[0], now); ok {
		row[7], row[8] = report.Text(started.Format(time.RFC3339)), report.Text(commandLine(details))
	}
	return row
}

// baselineDiff holds the options of "listeners baseline diff".
type baselineDiff struct{ filing }

// List shows which lines of the file baseline write would add or switch off.
func (b *baselineDiff) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	f, _, err := readBaseline(call.Operand)
	if err != nil {
		return nil, err
	}
	changes, s, err := b.merge(ctx, call, f)
	if err != nil {
		return nil, err
	}
	t := b.table(call, s, "changes")
	notes, bad := problems(call.Operand, f)
	t.Notes = append(t.Notes, notes...)
	t.Differs = len(changes) > 0
	changeRows(t, changes, bad)
	return t, nil
}

// merge brings a file up to date in memory.
func (f *filing) merge(ctx context.Context, call *plugin.Call, file *baseline.File) ([]baseline.Change, *survey, error) {
	s, err := f.survey(ctx, call)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.compare(ctx, file.Rules(), true)
	if err != nil {
		return nil, nil, err
	}
	return file.Merge(bare(c.listed)), s, nil
}

func changeRows(t *report.Table, changes []baseline.Change, bad error) {
	t.Columns = []report.Column{
		{Key: "change", Title: "CHANGE"},
		{Key: "line", Title: "LINE", Right: true},
		{Key: "text", Title: "TEXT"},
	}
	t.Rows = func(yield func([]report.Cell, error) bool) {
		for _, change := range changes {
			row := []report.Cell{report.Text("-"), report.Null(), report.Text(change.Text)}
			if change.Added {
				row[0] = report.Text("+")
			}
			if change.Line > 0 {
				row[1] = report.Uint(change.Line)
			}
			if !yield(row, nil) {
				return
			}
		}
		if bad != nil {
			yield(nil, bad)
		}
	}
}

// baselineWrite holds the options of "listeners baseline write".
type baselineWrite struct{ filing }

// List writes the file and shows which of its lines that changed. A file with
// lines that cannot be read is left alone: what they mean would be written anew.
func (b *baselineWrite) List(ctx context.Context, call *plugin.Call) (*report.Table, error) {
	f, info, err := readBaseline(call.Operand)
	if errors.Is(err, fs.ErrNotExist) {
		f, info, err = baseline.Parse(nil), nil, nil
	}
	if err != nil {
		return nil, err
	}
	notes, bad := problems(call.Operand, f)
	if bad != nil {
		return nil, fmt.Errorf("%w; mend it first: nothing was written", bad)
	}
	changes, s, err := b.merge(ctx, call, f)
	if err != nil {
		return nil, err
	}
	t := b.table(call, s, "changes")
	t.Notes = append(t.Notes, notes...)
	changeRows(t, changes, nil)
	if info != nil && len(changes) == 0 {
		t.Notes = append(t.Notes, baseline.Word(call.Operand)+" is up to date")
		return t, nil
	}
	if err := writeBaseline(call.Operand, f.Bytes(), info); err != nil {
		return nil, err
	}
	t.Notes = append(t.Notes, written(call.Operand, changes))
	return t, nil
}

// written says in a sentence what was done.
func written(path string, changes []baseline.Change) string {
	added := 0
	for _, change := range changes {
		if change.Added {
			added++
		}
	}
	return baseline.Word(path) + " is written: " + strconv.Itoa(added) + " lines added, " + strconv.Itoa(len(changes)-added) + " switched off"
}
