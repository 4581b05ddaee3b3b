package selection

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
)

// Holders finds the processes that hold the sockets which a query selects.
// With all, every holder of each socket is found, else the one with the
// lowest process id.
func Holders(ctx context.Context, query scan.Query, all bool) (*owner.Owners, error) {
	scanner, err := scan.Open(query)
	if err != nil {
		return nil, err
	}
	defer scanner.Close()
	wanted := new(owner.Inodes)
	err = scanner.Count(ctx,
		func() { *wanted = owner.Inodes{} },
		func(s *sock.Socket) error { wanted.Add(s.Inode); return nil })
	if err != nil && !errors.Is(err, sock.ErrInterrupted) {
		return nil, err
	}
	return owner.Find(ctx, query.Root, wanted, owner.Options{AllHolders: all})
}

// An UnseenError reports that sockets may belong to a process that was asked
// for, but that the caller may not look.
type UnseenError struct {
	Processes []string
	Sockets   int
	Reason    string
}

func (e *UnseenError) Error() string {
	return fmt.Sprintf("--process %s: the holders of %d of the selected sockets may not be seen: %s",
		strings.Join(quoted(e.Processes), ", "), e.Sockets, e.Reason)
}

// ProcessNames returns the values of --process for a sentence: a comma in one
// does not divide it, and shows that it is meant.
func (o *Options) ProcessNames() []string { return quoted(plugin.Unsplit(o.Process)) }

// quoted puts names that would read like several into quotation marks.
func quoted(names []string) []string {
	clear := make([]string, len(names))
	for i, name := range names {
		if clear[i] = name; strings.ContainsAny(name, ", ") {
			clear[i] = quote.Text(name)
		}
	}
	return clear
}

// heldBy narrows the selection to sockets that a process of these names
// holds. Sockets whose holders may not be seen could be among them: those are
// counted in unseen.
func (s *Selected) heldBy(ctx context.Context, globs []string) (unseen *UnseenError, err error) {
	holders, err := Holders(ctx, s.Query, true)
	if err != nil {
		return nil, err
	}
	if n := holders.Missing(); n > 0 && holders.Blind() {
		unseen = &UnseenError{Processes: globs, Sockets: n, Reason: holders.Reason()}
	}
	s.Keep = func(row *sock.Socket) bool {
		for process := range holders.Holders(row.Inode) {
			for _, glob := range globs {
				if owner.Match(glob, process.Name) {
					return true
				}
			}
		}
		return false
	}
	return unseen, nil
}
