package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/baseline"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
	"github.com/sockcensus/sockcensus/pkg/state"
)

// hold looks for the processes that hold sockets: with all for every one, else
// for the one with the lowest id.
func (s *survey) hold(ctx context.Context, sockets []*socket, all bool) error {
	if len(sockets) == 0 {
		return nil
	}
	wanted := new(owner.Inodes)
	for _, one := range sockets {
		wanted.Add(one.inode)
	}
	owners, err := owner.Find(ctx, s.selected.Root, wanted, owner.Options{AllHolders: all, Listeners: true})
	if err != nil {
		return err
	}
	s.owners = owners
	for _, one := range sockets {
		_, one.visibility = owners.Lookup(one.inode)
		one.looked, one.holders = true, slices.Collect(owners.Holders(one.inode))
	}
	return s.confirm(ctx, sockets)
}

// confirm looks again at sockets that nobody holds. Most often that is a listener
// which went away between the look at the sockets and the one at the processes;
// what is still there is the kernel's own.
func (s *survey) confirm(ctx context.Context, sockets []*socket) error {
	if !slices.ContainsFunc(sockets, unheld) {
		return nil
	}
	plan := s.plan
	again, err := s.read(ctx, s.everyone())
	s.plan = plan
	if err != nil {
		return err
	}
	there := map[identity]bool{}
	for _, one := range again {
		there[one.identity()] = true
	}
	s.sockets = slices.DeleteFunc(s.sockets, func(one *socket) bool { return unheld(one) && !there[one.identity()] })
	return nil
}

func unheld(s *socket) bool { return s.looked && s.visibility == owner.None }

// blindness says why programs could not be seen, "" where all were.
func (s *survey) blindness() string {
	if s.owners == nil || s.owners.Missing() == 0 || !s.owners.Blind() {
		return ""
	}
	return s.owners.Reason()
}

// name is a listener in a few words: "tcp 0.0.0.0:443 nginx".
func (l *listener) name() string {
	place := l.Place().String()
	switch {
	case len(l.Programs) > 0:
		return place + " " + baseline.Word(l.Programs[0])
	case l.Unseen:
		return place
	default:
		return place + " " + baseline.Kernel
	}
}

// describe is a listener with its program, user, command line and age.
func (s *survey) describe(l *listener, now time.Time) string {
	var about []string
	if n := len(l.sockets); n > 1 {
		about = append(about, fmt.Sprintf("%d instances", n))
	}
	command := ""
	holders := l.holders()
	switch {
	case len(holders) > 0:
		about = append(about, fmt.Sprintf("pid %d", holders[0].PID))
	case l.Unseen:
		about = append(about, "program not seen")
	default:
		about = append(about, "no process: the kernel's own")
	}
	if user := s.user(l); user != "" {
		about = append(about, "user "+user)
	}
	if len(holders) > 0 {
		if details, started, ok := s.process(holders[0], now); ok {
			about = append(about, "since "+started.Format("2006-01-02 15:04:05"))
			command = ": " + commandLine(details)
		}
	}
	return l.name() + " (" + strings.Join(about, ", ") + ")" + command
}

// process reads about a holder. ok is false when it has ended.
func (s *survey) process(p owner.Process, now time.Time) (details owner.Details, started time.Time, ok bool) {
	details, err := owner.ReadDetails(s.selected.Root, p.PID)
	if err != nil {
		return details, started, false
	}
	uptime, err := state.BootClock()
	if err != nil {
		return details, started, false
	}
	return details, now.Add(details.Started - uptime), true
}

func commandLine(d owner.Details) string {
	words := make([]string, len(d.Command))
	for i, word := range d.Command {
		words[i] = word
		if word == "" || strings.ContainsAny(word, " \t\"") {
			words[i] = baseline.Word(word)
		}
	}
	return strings.Join(words, " ")
}

// user is the name of the user that the sockets belong to, "" where none is known.
func (s *survey) user(l *listener) string {
	one := l.sockets[0]
	if one.inode == 0 {
		return ""
	}
	return s.selected.Host.Users.Name(one.uid)
}
