package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// statusOf holds the options of "opens status".
type statusOf struct {
	plugin.Common
	plugin.Output
	place
	kernel *kernel
}

// List tells how connections are counted. It ends with 1 where they are not.
func (o *statusOf) List(_ context.Context, call *plugin.Call) (*report.Table, error) {
	h, err := openHost(call, o.kernel, &o.place)
	if err != nil {
		return nil, err
	}
	defer h.close()
	var status *opens.Status
	err = h.counter(func(counter opens.Counter) (err error) {
		status, err = counter.Status()
		return err
	})
	switch {
	case errors.Is(err, opens.ErrOff), errors.Is(err, opens.ErrBroken):
		table := statusTable(call, o.Format, nothing(statusItems(h, new(opens.Status))))
		table.Differs, table.Notes = true, []string{err.Error()}
		return table, nil
	case err != nil:
		return nil, err
	}
	table := statusTable(call, o.Format, statusItems(h, status))
	table.Source = func() string { return source(&status.Summary) }
	if !status.Counting {
		table.Differs = true
		table.Notes = append(table.Notes, "a part of the counters is missing and the numbers stand still: run sockcensus-opens on as root")
	}
	return table, nil
}

// An item is one thing that status tells, for scripts and for a person.
type item struct {
	key, title string
	cell       report.Cell
	text       string
}

// statusTable shows a line an item to a person, and one row with a column an
// item to a script.
func statusTable(call *plugin.Call, format string, items []item) *report.Table {
	table := &report.Table{Noun: "status", Time: call.Env.Now()}
	if !isDetailed(format) {
		table.Columns = []report.Column{{Key: "item", Title: "ITEM"}, {Key: "value", Title: "VALUE"}}
		table.Rows = func(yield func([]report.Cell, error) bool) {
			for _, i := range items {
				if i.text != "" && !yield([]report.Cell{report.Text(i.title), report.Text(i.text)}, nil) {
					return
				}
			}
		}
		return table
	}
	var row []report.Cell
	for _, i := range items {
		table.Columns = append(table.Columns, report.Column{Key: i.key})
		row = append(row, i.cell)
	}
	table.Rows = func(yield func([]report.Cell, error) bool) { yield(row, nil) }
	return table
}

func statusItems(h *host, s *opens.Status) []item {
	since := h.clock()(s.Since)
	items := []item{
		{"counting", "counting", report.Bool(s.Counting), map[bool]string{true: "yes", false: "no: a part is missing"}[s.Counting]},
		{"method", "method", report.Text(string(s.Method)), string(s.Method) + map[bool]string{true: ", read from the snapshot of the timer"}[s.Snapshot]},
		{"reason", "reason", orNull(s.Reason != "", report.Text(s.Reason)), s.Reason},
		{"place", "place", report.Text(s.Place), s.Place},
		{"since", "since", report.Text(since.UTC().Format(time.RFC3339)), fmt.Sprintf("%s, for %s", when(since), spell(s.Length()))},
	}
	for _, u := range []struct {
		key, title string
		opens.Usage
	}{{"peers", "pairs of port and peer", s.Peers}, {"services", "ports", s.Services}, {"namespaces", "namespaces", s.Namespaces}} {
		items = append(items,
			item{u.key, u.title, orNull(u.Size > 0, report.Uint(u.Entries)), usage(u.Usage)},
			item{u.key + "_size", "", orNull(u.Size > 0, report.Uint(u.Size)), ""})
	}
	items = append(items,
		item{"memory_bytes", "memory of the tables", orNull(s.Memory > 0, report.Uint(s.Memory)), bytesText(s.Memory)},
		item{"opens_in", "incoming", report.Uint(s.In.Opens), strconv.FormatUint(s.In.Opens, 10) + passive(s)},
		item{"opens_out", "outgoing", orNull(s.Method != opens.NFT, report.Uint(s.Out.Opens)), outgoing(s)},
		item{"passive_opens", "", orNull(s.Kernel != nil, report.Uint(comparison(s).PassiveOpens)), ""},
		item{"active_opens", "", orNull(s.Kernel != nil, report.Uint(comparison(s).ActiveOpens)), ""},
		item{"overflow", "overflow", report.Uint(s.Overflow), overflow(s.Overflow)},
		item{"lost", "lost", report.Uint(s.Lost), strconv.FormatUint(s.Lost, 10)})
	return items
}

// nothing is what there is to tell where nothing counts.
func nothing(items []item) []item {
	for i := range items {
		items[i].cell, items[i].text = report.Null(), ""
	}
	items[0].cell, items[0].text = report.Bool(false), "no"
	return items
}

func usage(u opens.Usage) string {
	switch {
	case u.Size == 0:
		return ""
	case u.Full():
		return fmt.Sprintf("%d of %d: full", u.Entries, u.Size)
	default:
		return fmt.Sprintf("%d of %d", u.Entries, u.Size)
	}
}

func bytesText(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

func comparison(s *opens.Status) opens.Comparison {
	if s.Kernel == nil {
		return opens.Comparison{}
	}
	return *s.Kernel
}

// passive holds the incoming connections against the kernel's own count.
func passive(s *opens.Status) string {
	switch {
	case s.Kernel == nil:
		return ""
	case s.Kernel.PassiveOpens == s.In.Opens:
		return ", as PassiveOpens has it"
	default:
		return fmt.Sprintf(" (PassiveOpens: %d)", s.Kernel.PassiveOpens)
	}
}

// outgoing holds the outgoing ones against the attempts.
func outgoing(s *opens.Status) string {
	switch {
	case s.Method == opens.NFT:
		return "not counted by this method"
	case s.Kernel == nil:
		return strconv.FormatUint(s.Out.Opens, 10)
	default:
		return fmt.Sprintf("%d (ActiveOpens, which has failed attempts too: %d)", s.Out.Opens, s.Kernel.ActiveOpens)
	}
}

func overflow(n uint64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%d in the totals, but in no peer's counter", n)
}
