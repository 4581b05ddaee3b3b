package kernfs

import (
	"bytes"
	"errors"
	"io"
)

// bufferSize is how much is read at once, and so the longest line.
const bufferSize = 64 << 10

// Lines reads a file of any length line by line through one buffer, which it
// keeps across files. Lines are never copied and nothing is allocated per line.
//
//	lines := kernfs.NewLines(file)
//	for lines.Next() {
//		use(lines.Bytes())
//	}
//	if err := lines.Err(); err != nil { ... }
type Lines struct {
	r          io.Reader
	buf        []byte
	start, end int // what is read and not handed out
	line       []byte
	number     int
	err        error
}

// NewLines reads the lines of r. A line may have up to 64 KiB.
func NewLines(r io.Reader) *Lines {
	return newLines(r, bufferSize)
}

func newLines(r io.Reader, size int) *Lines {
	return &Lines{r: r, buf: make([]byte, size)}
}

// Reset begins anew with another file and the same buffer.
func (l *Lines) Reset(r io.Reader) {
	*l = Lines{r: r, buf: l.buf}
}

// Next goes to the next line and reports whether there is one. A last line
// without a newline is a line.
func (l *Lines) Next() bool {
	searched := 0
	for {
		unread := l.buf[l.start:l.end]
		if i := bytes.IndexByte(unread[searched:], '\n'); i >= 0 {
			return l.hand(searched+i, 1)
		}
		searched = len(unread)
		if l.err != nil {
			break
		}
		l.fill()
	}
	if l.start < l.end && errors.Is(l.err, io.EOF) {
		return l.hand(l.end-l.start, 0)
	}
	l.line = nil
	return false
}

// hand makes the next n bytes the current line and skips what ends it.
func (l *Lines) hand(n, skip int) bool {
	l.line = l.buf[l.start : l.start+n : l.start+n]
	l.start += n + skip
	l.number++
	return true
}

// fill reads once more, after moving what is left to the buffer's beginning.
func (l *Lines) fill() {
	l.end = copy(l.buf, l.buf[l.start:l.end])
	l.start = 0
	if l.end == len(l.buf) {
		l.err = ErrTooLarge
		return
	}
	for range 100 {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		l.err = err
		if n > 0 || err != nil {
			return
		}
	}
	l.err = io.ErrNoProgress
}

// Bytes is the current line without its newline. It is valid until Next.
func (l *Lines) Bytes() []byte { return l.line }

// Number is the current line's number in the file, from 1.
func (l *Lines) Number() int { return l.number }

// Err is what ended the lines, nil at the end of the file. [ErrTooLarge] is a
// line that did not fit.
func (l *Lines) Err() error {
	if errors.Is(l.err, io.EOF) {
		return nil
	}
	return l.err
}
