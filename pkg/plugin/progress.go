package plugin

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockcensus/sockcensus/pkg/report"
)

// A command that has said nothing for progressAfter tells that it is at work,
// and goes on to tell every progressEvery.
const (
	progressAfter = 2 * time.Second
	progressEvery = time.Second
)

// A progress is one line at the foot of a person's terminal: standard error,
// and only where that is a terminal. It is gone before anything else is
// printed. A nil progress does nothing.
type progress struct {
	name  string
	width int
	began time.Time
	now   func() time.Time
	rows  atomic.Uint64

	mu    sync.Mutex
	w     io.Writer
	shown bool
	timer *time.Timer // nil once stopped
}

// startProgress begins to watch a command, and leads what it prints past the
// line: where rows appear on a terminal they are progress enough.
func startProgress(env *Env, name string) *progress {
	if env.StderrWidth == 0 {
		return nil
	}
	p := &progress{name: name, width: env.StderrWidth, began: env.Now(), now: env.Now, w: env.Stderr}
	p.mu.Lock()
	p.timer = time.AfterFunc(progressAfter, p.tell)
	p.mu.Unlock()
	env.Stderr = &pastProgress{p, env.Stderr, p.erase}
	if env.Width > 0 {
		env.Stdout = &pastProgress{p, env.Stdout, p.end}
	}
	return p
}

func (p *progress) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return
	}
	line := fmt.Sprintf("%s: at work for %d s", p.name, int(p.now().Sub(p.began)/time.Second))
	if n := p.rows.Load(); n > 0 {
		line += fmt.Sprintf(", %d rows", n)
	}
	// The last column stays empty: a full line would move the cursor down.
	io.WriteString(p.w, "\r"+line[:min(len(line), p.width-1)]+"\x1b[K")
	p.shown = true
	p.timer.Reset(progressEvery)
}

// erase takes the line away until it is told again. The caller holds mu.
func (p *progress) erase() {
	if p.shown {
		io.WriteString(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// end takes the line away for good. The caller holds mu.
func (p *progress) end() {
	p.erase()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// stop takes the line away for good.
func (p *progress) stop() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
}

// follow counts the rows of a table as they are printed. Live rows come when
// they come: waiting for them is no work.
func (p *progress) follow(t *report.Table) {
	switch {
	case p == nil:
	case t.Live:
		p.stop()
	default:
		rows := t.Rows
		t.Rows = func(yield func([]report.Cell, error) bool) {
			for row, err := range rows {
				p.rows.Add(1)
				if !yield(row, err) {
					return
				}
			}
		}
	}
}

// pastProgress writes once the line is out of the way.
type pastProgress struct {
	p     *progress
	w     io.Writer
	clear func()
}

func (w *pastProgress) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	w.clear()
	return w.w.Write(b)
}
