package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/selection"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/owner"
)

// Every heading of the table and every key of JSON can be sorted by, where it
// is shown.
func TestSortByEveryColumn(t *testing.T) {
	all := &listing{Processes: true, Timers: true}
	for _, detailed := range []bool{false, true} {
		format := "table"
		if detailed {
			format = "json"
		}
		for _, column := range all.columns(detailed) {
			for _, name := range []string{column.Key, column.Title} {
				if name == "" {
					continue
				}
				l := &listing{Processes: true, Timers: true, Sort: name}
				l.Format = format
				if got, err := l.sortColumn(); err != nil || got == nil {
					t.Errorf("%s --sort %s: %v", format, name, err)
				}
			}
		}
	}
}

func TestSortErrors(t *testing.T) {
	for name, want := range map[string]string{
		"nonsense": `--sort "nonsense": use one of netid, state, recv_q, send_q, local, local_address, local_port, peer, peer_address, peer_port, ` +
			`interface, timer, uid, user, inode, cookie, process (with --processes), mark (with --format json or csv), cgroup (with --format json or csv)`,
		"process": "--sort process needs --processes, which shows that column",
		"MARK":    "--sort mark needs --format json or csv, which shows that column",
		"cgroup":  "--sort cgroup needs --format json or csv, which shows that column",
	} {
		if code, _, stderr := call(t, nil, "connections", "list", "--source", "proc", "--sort", name); code != 2 || stderr != "connections: "+want+"\n" {
			t.Errorf("%s: exit %d, %q", name, code, stderr)
		}
	}
}

// A heading sorts as its keys do.
func TestSortByHeading(t *testing.T) {
	for heading, key := range map[string]string{"peer": "peer_address", "LOCAL": "local_address", "Recv-Q": "recv_q"} {
		_, got, stderr := call(t, nil, "connections", "list", "--source", "proc", "--sort", heading)
		_, want, _ := call(t, nil, "connections", "list", "--source", "proc", "--sort", key)
		if got != want || got == "" || stderr != "" {
			t.Errorf("%s: %q\n%s, and %s:\n%s", heading, stderr, got, key, want)
		}
	}
}

// Names are in order, and sockets without one come last.
func TestSortByName(t *testing.T) {
	_, stdout, _ := call(t, nil, "connections", "list", "--source", "proc", "-a", "--sort", "user", "--format", "json")
	var answer struct {
		Sockets []struct{ User *string }
	}
	if err := json.Unmarshal([]byte(stdout), &answer); err != nil || len(answer.Sockets) == 0 {
		t.Fatalf("%v: %s", err, stdout)
	}
	var users []string
	for _, s := range answer.Sockets {
		name := "~ nobody's, after all letters"
		if s.User != nil {
			name = *s.User
		}
		users = append(users, name)
	}
	if !slices.IsSorted(users) || !strings.HasPrefix(users[len(users)-1], "~") || strings.HasPrefix(users[0], "~") {
		t.Errorf("%q", users)
	}
	o := &owners{host: &selection.Host{}, found: new(owner.Owners)}
	rows := func(yield func(*sock.Socket, error) bool) {
		for _, mark := range []uint32{3, 1, 2} {
			if !yield(&sock.Socket{Mark: mark, Known: sock.FieldMark}, nil) {
				return
			}
		}
	}
	l := &listing{Sort: "mark"}
	l.Format = "json"
	column, err := l.sortColumn()
	if err != nil {
		t.Fatal(err)
	}
	var marks []uint32
	for s := range o.sorted(rows, column) {
		marks = append(marks, s.Mark)
	}
	if !slices.Equal(marks, []uint32{1, 2, 3}) {
		t.Errorf("marks %v", marks)
	}
}
