package plugin

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// endless is a command whose rows come as things happen: one, a note, another,
// and then nothing until the context ends.
type endless struct {
	Common
	Output
	printed *strings.Builder
	t       *testing.T
}

func (e *endless) List(ctx context.Context, _ *Call) (*report.Table, error) {
	t := &report.Table{Noun: "things", Live: true, Columns: []report.Column{{Key: "name", Title: "NAME"}}}
	t.Rows = func(yield func([]report.Cell, error) bool) {
		yield([]report.Cell{report.Text("first")}, nil)
		if !strings.Contains(e.printed.String(), "first\n") {
			e.t.Errorf("the first row waits for the second: %q", e.printed)
		}
		t.Notes = append(t.Notes, "something was lost")
		yield([]report.Cell{report.Text("second")}, nil)
		if !strings.Contains(e.printed.String(), "fake: something was lost\n") {
			e.t.Errorf("the note waits for the end: %q", e.printed)
		}
		<-ctx.Done()
		time.Sleep(2 * grace) // somebody slow reads
		yield([]report.Cell{report.Text("last")}, nil)
		t.Notes = append(t.Notes, "3 things")
	}
	return t, nil
}

func TestLiveRows(t *testing.T) {
	var printed strings.Builder
	p := fakePlugin()
	p.Commands = []Command{{Name: "watch", New: func() Lister { return &endless{printed: &printed, t: t} }}}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	code := Run(ctx, p, Env{Args: []string{"fake", "watch"}, Stdout: &printed, Stderr: io.MultiWriter(&printed), Now: time.Now})
	want := "NAME\nfirst\nfake: something was lost\nsecond\nlast\nfake: 3 things\n"
	if code != 0 || printed.String() != want {
		t.Errorf("exit %d, printed\n%s\nwant\n%s", code, &printed, want)
	}
}
