package table

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// A brokenPipe takes some bytes and then none.
type brokenPipe struct{ left int }

func (w *brokenPipe) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, syscall.EPIPE
	}
	return len(b), nil
}

// endless yields rows for ever, or until it is told to stop.
func endless(count *int) iter.Seq2[[]report.Cell, error] {
	return func(yield func([]report.Cell, error) bool) {
		row := []report.Cell{report.Text("established"), report.Uint(7), report.Text("10.0.0.1:443"), report.Null(), report.Uint(0), report.Null()}
		for {
			*count++
			if !yield(row, nil) {
				return
			}
		}
	}
}

func TestWriteErrorStops(t *testing.T) {
	for _, format := range []Format{Table, JSON, CSV} {
		table, count := sockets(nil), 0
		table.Rows = endless(&count)
		if err := Write(&brokenPipe{left: 200_000}, table, Options{Format: format}); err != error(syscall.EPIPE) {
			t.Errorf("%v: %v", format, err)
		}
		if count > 50_000 {
			t.Errorf("%v: %d rows were made for nothing", format, count)
		}
	}
}

// A writer that is buffered already is not buffered again.
func TestSharesBuffer(t *testing.T) {
	var b bytes.Buffer
	out := bufio.NewWriterSize(&b, bufferSize)
	if err := Write(out, sockets(nil), Options{}); err != nil || b.Len() == 0 {
		t.Errorf("%v, %d bytes", err, b.Len())
	}
}

func TestLive(t *testing.T) {
	for _, format := range []Format{Table, JSON, CSV} {
		var b bytes.Buffer
		table := sockets(nil)
		table.Live = true
		rows, n := table.Rows, 0
		table.Rows = func(yield func([]report.Cell, error) bool) {
			for row, err := range rows {
				if n++; n > 1 && strings.Count(b.String(), "\n") < n-1 {
					t.Errorf("%v: row %d has not come when row %d is made: %q", format, n-1, n, &b)
				}
				if !yield(row, err) {
					return
				}
			}
		}
		if err := Write(&b, table, Options{Format: format}); err != nil {
			t.Error(err)
		}
	}
}

// A million rows need no more memory than a few.
func TestMillionRows(t *testing.T) {
	if testing.Short() {
		t.Skip("prints three million rows")
	}
	const rows = 1_000_000
	for _, format := range []Format{Table, JSON, CSV} {
		var most uint64
		table := sockets(nil)
		table.Rows = func(yield func([]report.Cell, error) bool) {
			row := []report.Cell{report.Text("established"), report.Uint(7), report.Text("10.0.0.1:443"), report.Null(), report.Uint(0), report.Null()}
			for i := range rows {
				row[1] = report.Uint(i)
				if i%100_000 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.TotalAlloc)
				}
				if !yield(row, nil) {
					return
				}
			}
		}
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		counter := &lineCounter{}
		if err := Write(counter, table, Options{Format: format}); err != nil {
			t.Fatal(err)
		}
		if used := most - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%v: %d bytes were allocated for %d rows", format, used, rows)
		}
		if counter.lines < rows {
			t.Errorf("%v: %d lines", format, counter.lines)
		}
	}
}

type lineCounter struct{ lines int }

func (c *lineCounter) Write(b []byte) (int, error) {
	c.lines += bytes.Count(b, []byte{'\n'})
	return len(b), nil
}

func BenchmarkWrite(b *testing.B) {
	for _, format := range []Format{Table, JSON, CSV} {
		b.Run(fmt.Sprint(format), func(b *testing.B) {
			table := sockets(nil)
			table.Rows = func(yield func([]report.Cell, error) bool) {
				row := []report.Cell{report.Text("established"), report.Uint(7), report.Text("10.0.0.1:443"), report.Null(), report.Uint(0), report.Null()}
				for range b.N {
					if !yield(row, nil) {
						return
					}
				}
			}
			b.ReportAllocs()
			if err := Write(io.Discard, table, Options{Format: format}); err != nil {
				b.Fatal(err)
			}
		})
	}
}
