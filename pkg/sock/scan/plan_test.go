package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// What /proc does not show is in the plan, where it was asked for.
func TestUntold(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"tcp", "tcp6", "udp", "udp6"} {
		if err := os.MkdirAll(filepath.Join(root, "net"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "net", name), []byte("  sl  local_address\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bound := sock.StatesOf(sock.BoundInactive)
	for _, tt := range []struct {
		name   string
		tables []Table
		want   sock.StateSet
	}{
		{"every tcp socket", nil, bound},
		{"among others", []Table{{sock.TCP, bound | sock.StatesOf(sock.Listen)}}, bound},
		{"not asked for", []Table{{sock.TCP, sock.Connected &^ bound}}, sock.NoStates},
		{"udp", []Table{{Protocol: sock.UDP}}, sock.NoStates},
	} {
		s, err := Open(Query{Tables: tt.tables, Source: Proc, Root: kernfs.New(root, "")})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Each(t.Context(), func(*sock.Socket) error { return nil }); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := s.Plan().Untold; got != tt.want {
			t.Errorf("%s: untold %s, want %s", tt.name, got, tt.want)
		}
		s.Close()
	}
}

func TestAddPlans(t *testing.T) {
	var sum Plan
	sum.Add(Plan{})
	sum.Add(Plan{Source: "netlink", steps: []fmt.Stringer{remark("a")}})
	sum.Add(Plan{Source: "proc", Notes: []string{"n"}, Untold: sock.StatesOf(sock.Listen), steps: []fmt.Stringer{remark("b")}})
	sum.Add(Plan{Source: "netlink+proc", Notes: []string{"n"}})
	if sum.Source != "netlink+proc" || !slices.Equal(sum.Notes, []string{"n"}) || !slices.Equal(sum.Steps(), []string{"a", "b"}) || sum.Untold != sock.StatesOf(sock.Listen) {
		t.Errorf("the plans are joined to %+v", sum)
	}
}
