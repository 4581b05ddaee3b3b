package baseline

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sockcensus/sockcensus/pkg/quote"
)

// A Line is one line of the file that says what may listen.
type Line struct {
	// Number counts from 1.
	Number int
	Place  Place
	// Programs are patterns of the names of programs that may hold the socket.
	Programs []string
}

// String returns the line as it is written anew: without its comment.
func (l *Line) String() string { return l.Place.String() + " " + programText(l.Programs) }

// A lineError is what is wrong with a line, and where.
type lineError struct {
	at     int // offset in bytes
	reason string
}

// A words cuts a line into its words.
type words struct {
	text string
	at   int
}

func (w *words) skipBlanks() {
	for w.at < len(w.text) && (w.text[w.at] == ' ' || w.text[w.at] == '\t') {
		w.at++
	}
}

// end reports whether nothing but a comment is left.
func (w *words) end() bool {
	w.skipBlanks()
	return w.at == len(w.text) || w.text[w.at] == '#'
}

// next cuts off a word up to a blank or a comment.
func (w *words) next() (word string, at int) {
	w.skipBlanks()
	at = w.at
	for w.at < len(w.text) && w.text[w.at] != ' ' && w.text[w.at] != '\t' && w.text[w.at] != '#' {
		w.at++
	}
	return w.text[at:w.at], at
}

// parseLine reads a line. It returns nil for one without content.
func parseLine(text string) (*Line, *lineError) {
	w := &words{text: text}
	if w.end() {
		return nil, nil
	}
	line := new(Line)
	word, at := w.next()
	if protocol, _, ok := strings.Cut(word, "/"); ok {
		return nil, &lineError{at + len(protocol), "a blank stands between protocol and address here, as in tcp 0.0.0.0:443 nginx"}
	}
	var err error
	if line.Place.Protocol, err = parseProtocol(word); err != nil {
		return nil, &lineError{at, err.Error()}
	}
	if w.end() {
		return nil, &lineError{w.at, "the address and port are missing, as in tcp 0.0.0.0:443 nginx"}
	}
	word, at = w.next()
	if bad := line.setSocket(word, at); bad != nil {
		return nil, bad
	}
	if w.end() {
		return nil, &lineError{w.at, "the program is missing: write its name, or * for any"}
	}
	if bad := line.setPrograms(w); bad != nil {
		return nil, bad
	}
	if !w.end() {
		word, at = w.next()
		return nil, &lineError{at, "unexpected " + quote.Text(word) + " after the program: join programs by commas, and put # before a comment"}
	}
	return line, nil
}

func (l *Line) setSocket(word string, at int) *lineError {
	colon := strings.LastIndexByte(word, ':')
	if colon < 0 {
		return &lineError{at, quote.Text(word) + " has no port: write ADDRESS:PORT, such as 0.0.0.0:443 or *:443"}
	}
	if err := l.Place.setAddress(word[:colon]); err != nil {
		return &lineError{at, err.Error()}
	}
	if err := l.Place.setPorts(word[colon+1:], nil); err != nil {
		return &lineError{at + colon + 1, err.Error()}
	}
	return nil
}

// setPrograms reads patterns that commas join.
func (l *Line) setPrograms(w *words) *lineError {
	for {
		begin := w.at
		pattern, err := w.pattern()
		if err != nil {
			return &lineError{w.at, err.Error()}
		}
		if slices.Contains(l.Programs, pattern) {
			return &lineError{begin, "program " + quote.Text(pattern) + " is named twice"}
		}
		l.Programs = append(l.Programs, pattern)
		if w.at == len(w.text) || w.text[w.at] != ',' {
			return nil
		}
		w.at++
	}
}

// pattern cuts off one pattern.
func (w *words) pattern() (string, error) {
	begin := w.at
	if begin < len(w.text) && w.text[begin] == '"' {
		value, length, reason := unquote(w.text[begin:])
		w.at += length
		if reason != "" {
			return "", errors.New(reason)
		}
		return value, nil
	}
	for w.at < len(w.text) && !endsBare(w.text[w.at]) {
		if c := w.text[w.at]; c < ' ' || c == 0x7f {
			return "", errors.New("a control character has to be written between quotation marks, as in \"\\x1b\"")
		}
		w.at++
	}
	if w.at == begin {
		return "", errors.New("a program's name is missing beside the comma")
	}
	return w.text[begin:w.at], nil
}

// column is the number of the character at an offset, from 1.
func column(text string, at int) int { return utf8.RuneCountInString(text[:at]) + 1 }
