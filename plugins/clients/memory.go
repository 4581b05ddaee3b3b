package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock/age"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// A memory is what was seen in earlier runs and where it is kept.
type memory struct {
	store    state.Store
	identity age.Identity
	book     *age.Book
	// first tells that there is no earlier run to go by.
	first bool
	// err is why nothing can be remembered.
	err error
	// notes are words to people about what was found there.
	notes []string
}

// stateFormat names what is remembered.
const stateFormat = "clients-1"

// recall reads what earlier runs with the same selection saw.
func recall(on host, call *plugin.Call, s *selection.Selected, o *selection.Options) *memory {
	m := &memory{first: true, book: age.New(age.Identity{})}
	m.identity.Selection = fingerprint(s, o)
	name := fmt.Sprintf("clients.%016x", m.identity.Selection)
	var err error
	if m.store, err = state.Open(call.Common().StateDir, name, stateFormat, call.Env.Getenv); err != nil {
		return m.without(err)
	}
	if m.identity.Boot, err = on.boot(s.Query); err != nil {
		return m.without(err)
	}
	if m.identity.Namespace, err = on.namespace(s.Query); err != nil {
		return m.without(err)
	}
	m.read()
	return m
}

func (m *memory) read() {
	m.book = age.New(m.identity)
	data, err := m.store.Read()
	if err == nil {
		m.book, err = age.Decode(data, m.identity)
	}
	m.first = m.book.Empty()
	var missing *state.DirError
	if err != nil && !errors.Is(err, state.ErrNone) && !errors.As(err, &missing) {
		m.beginAnew(err)
	}
}

// beginAnew says that what was remembered is of no use.
func (m *memory) beginAnew(why error) {
	m.first = true
	text := why.Error()
	if !strings.Contains(text, m.store.Path()) {
		text = m.store.Path() + ": " + text
	}
	m.say(text + "; begun anew")
}

// without says why nothing can be remembered. That no directory is named is
// nothing to complain about until one is needed.
func (m *memory) without(why error) *memory {
	m.err = why
	var dir *state.DirError
	if !errors.As(why, &dir) || dir.Dir != "" {
		m.say("nothing is remembered: " + why.Error())
	}
	return m
}

func (m *memory) say(note string) {
	if !slices.Contains(m.notes, note) {
		m.notes = append(m.notes, note)
	}
}

// keep writes what this run saw. Another run may have written meanwhile: the
// book that is kept is the later one, with the earliest times of both.
func (m *memory) keep(ctx context.Context, on host, book *age.Book) {
	if m.err != nil {
		return
	}
	err := m.store.Update(ctx, func(old []byte, oldErr error) ([]byte, error) {
		if other, err := age.Decode(old, m.identity); err == nil && oldErr == nil && !fromFuture(on, other) {
			book = age.Join(book, other)
		}
		return book.Append(nil), nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%s: %w, and --timeout leaves no time to wait", m.store.Path(), state.ErrBusy)
	}
	if err != nil {
		m.without(err)
	}
}

func fromFuture(on host, book *age.Book) bool {
	now, _, err := on.clock()
	if err == nil {
		_, err = book.Begin(now, 0)
	}
	return err != nil
}

// hopeless reports whether later runs will know as little as this one.
func (m *memory) hopeless() bool { return m.err != nil && m.first }

// fingerprint tells selections apart: a book of one holds nothing of another.
func fingerprint(s *selection.Selected, o *selection.Options) uint64 {
	hash := fnv.New64a()
	fmt.Fprintln(hash, s.NetNS, s.Tables, s.Families, strings.Join(plugin.Unsplit(o.Process), "\x00"))
	if s.Filter != nil {
		fmt.Fprint(hash, s.Filter.String())
	}
	return hash.Sum64()
}
