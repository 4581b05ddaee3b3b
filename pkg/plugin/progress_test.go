package plugin

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// slow is a command that finds its rows after some time, and takes a second
// for each.
type slow struct {
	Common
	Output
	before time.Duration
	live   bool
}

func (s *slow) List(ctx context.Context, _ *Call) (*report.Table, error) {
	if !s.live {
		time.Sleep(s.before)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &report.Table{
		Noun: "things", Live: s.live, Columns: []report.Column{{Key: "name", Title: "NAME"}}, Notes: []string{"that was all"},
		Rows: func(yield func([]report.Cell, error) bool) {
			for _, name := range []string{"one", "two", "three", "four"} {
				time.Sleep(time.Second + time.Millisecond)
				if !yield([]report.Cell{report.Text(name)}, nil) {
					return
				}
			}
		},
	}, nil
}

func TestProgress(t *testing.T) {
	const rows, note = "NAME\none\ntwo\nthree\nfour\n", "fake: that was all\n"
	tests := []struct {
		name                string
		command             slow
		width, stderrWidth  int
		wantStderr, wantOut string
	}{
		{"a terminal", slow{before: 500 * time.Millisecond}, 80, 80,
			"\rfake: at work for 2 s, 1 rows\x1b[K\rfake: at work for 3 s, 2 rows\x1b[K\rfake: at work for 4 s, 3 rows\x1b[K\r\x1b[K" + note, rows},
		{"into a file", slow{before: 3500 * time.Millisecond}, 0, 80,
			"\rfake: at work for 2 s\x1b[K\rfake: at work for 3 s\x1b[K\rfake: at work for 4 s\x1b[K\rfake: at work for 5 s, 1 rows\x1b[K\rfake: at work for 6 s, 2 rows\x1b[K\rfake: at work for 7 s, 3 rows\x1b[K\r\x1b[K" + note, rows},
		{"narrow", slow{before: 500 * time.Millisecond}, 0, 11,
			"\rfake: at w\x1b[K\rfake: at w\x1b[K\rfake: at w\x1b[K\r\x1b[K" + note, rows},
		{"no terminal", slow{before: 9 * time.Second}, 0, 0, note, rows},
		{"live", slow{live: true}, 80, 80, note, rows},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			p := fakePlugin()
			p.Commands = []Command{{Name: "list", New: func() Lister { command := tt.command; return &command }}}
			var stdout, stderr bytes.Buffer
			code := Run(t.Context(), p, Env{
				Args: []string{"fake", "list", "--color", "never"}, Stdout: &stdout, Stderr: &stderr,
				Width: tt.width, StderrWidth: tt.stderrWidth, Now: time.Now,
			})
			if code != 0 || stderr.String() != tt.wantStderr || stdout.String() != tt.wantOut {
				t.Errorf("%s: exit %d, stdout %q, stderr %q, want %q", tt.name, code, &stdout, &stderr, tt.wantStderr)
			}
		})
	}
}

// Whoever gives up says so on a line of its own.
func TestProgressOfACommandThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fakePlugin()
		p.Commands = []Command{{Name: "list", New: func() Lister { return &slow{before: time.Minute} }}}
		var stdout, stderr bytes.Buffer
		code := Run(t.Context(), p, Env{
			Args: []string{"fake", "list", "-t", "2500ms"}, Stdout: &stdout, Stderr: &stderr, StderrWidth: 80, Now: time.Now,
		})
		const end = "\r\x1b[Kfake: gave up after 2.5s without an answer: narrow the selection or raise --timeout\n"
		got := stderr.String()
		time.Sleep(time.Minute) // until the goroutine that hung is gone, too
		if code != 2 || !bytes.HasSuffix([]byte(got), []byte(end)) {
			t.Errorf("exit %d, stderr %q, want %q at its end", code, got, end)
		}
	})
}
