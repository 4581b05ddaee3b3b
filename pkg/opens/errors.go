package opens

import (
	"strings"
)

// Kinds of failure, for errors.Is. Each comes as an *[Error] whose text is a
// sentence for people.
const (
	ErrOff        = kind("not switched on")
	ErrNewer      = kind("made by a newer version")
	ErrBroken     = kind("a part of the counters is missing")
	ErrPermission = kind("missing right")
	ErrNoBPFFS    = kind("no bpf file system")
	ErrNoCgroup2  = kind("no cgroup2")
	ErrRefused    = kind("the kernel cannot do this")
	ErrInput      = kind("bad input")
	ErrBusy       = kind("someone else is at it")
	ErrSnapshot   = kind("no usable snapshot")
)

type kind string

func (k kind) Error() string { return string(k) }

// An Error says in one sentence what went wrong and what to do. It matches its
// kind and its cause.
type Error struct {
	Kind error  // one of the kinds above
	Text string // one sentence
	Err  error  // the cause; nil where Text says it all
}

func (e *Error) Error() string { return e.Text }

// Unwrap is for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

func failure(kind, cause error, words ...string) error {
	return &Error{Kind: kind, Text: strings.Join(words, ""), Err: cause}
}
