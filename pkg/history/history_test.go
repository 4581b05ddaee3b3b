package history_test

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sockcensus/sockcensus/pkg/history"
	"github.com/sockcensus/sockcensus/pkg/opens"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A kernel is counters that a test can move.
type kernel struct {
	t       testing.TB
	boot    string
	gen     uint64
	up      time.Duration
	wall    time.Time
	rest    uint64
	ports   map[opens.Service]*opens.Total
	peers   map[opens.Service]map[string]*opens.Peer
	started time.Duration
}

func newKernel(t testing.TB) *kernel {
	k := &kernel{t: t, wall: noon}
	k.reboot("boot-1")
	return k
}

func (k *kernel) reboot(boot string) {
	k.boot, k.up = boot, time.Minute
	k.reload()
}

// reload is `opens off` and `opens on`.
func (k *kernel) reload() {
	k.gen++
	k.started, k.rest = k.up, 0
	k.ports, k.peers = map[opens.Service]*opens.Total{}, map[opens.Service]map[string]*opens.Peer{}
}

func (k *kernel) pass(d time.Duration) { k.up += d; k.wall = k.wall.Add(d) }

// open counts n connections; an empty address finds no room.
func (k *kernel) open(s opens.Service, addr string, n uint64) {
	if k.ports[s] == nil {
		k.ports[s] = &opens.Total{Service: s, Mark: opens.Mark{First: k.up}}
		k.peers[s] = map[string]*opens.Peer{}
	}
	total := k.ports[s]
	total.Opens, total.Last = total.Opens+n, k.up
	if addr == "" {
		total.Overflow += n
		return
	}
	if k.peers[s][addr] == nil {
		k.peers[s][addr] = &opens.Peer{Service: s, Addr: netip.MustParseAddr(addr), Mark: opens.Mark{First: k.up}}
	}
	peer := k.peers[s][addr]
	peer.Opens, peer.Last = peer.Opens+n, k.up
}

func (k *kernel) sample() *opens.Sample {
	s := &opens.Sample{Wall: k.wall}
	s.Epoch = opens.Epoch{Boot: k.boot, Generation: k.gen, Namespace: 1}
	s.Method, s.Since, s.Taken = opens.SockOps, k.started, k.up
	s.In.Rest, s.In.Opens = k.rest, k.rest
	for service, total := range k.ports {
		s.Totals = append(s.Totals, *total)
		s.Flow(service.Direction).Opens += total.Opens
	}
	for _, peers := range k.peers {
		for _, peer := range peers {
			s.Peers = append(s.Peers, *peer)
		}
	}
	return s
}

func create(t testing.TB, o history.Options) (*history.DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "opens.db")
	db, err := history.Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, path
}

func record(t testing.TB, db *history.DB, s *opens.Sample) history.Outcome {
	t.Helper()
	outcome, err := db.Record(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func report(t testing.TB, db *history.DB, q history.Query) ([]history.Row, history.Coverage) {
	t.Helper()
	rows, coverage, err := db.Report(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return rows, coverage
}

func sum(rows []history.Row) (n uint64) {
	for _, row := range rows {
		n += row.Opens
	}
	return n
}

var (
	web      = opens.Service{Port: 443}
	mail     = opens.Service{Port: 25}
	upstream = opens.Service{Port: 443, Direction: opens.Out}
	equate   = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}
)

func TestNothingIsDoubledOrLost(t *testing.T) {
	db, _ := create(t, history.Options{})
	k := newKernel(t)
	var truth uint64
	step := func(n uint64) {
		t.Helper()
		truth += n
		k.pass(5 * time.Minute)
		if got := record(t, db, k.sample()).Opens; got != n {
			t.Errorf("step added %d, want %d", got, n)
		}
		rows, _ := report(t, db, history.Query{})
		if sum(rows) != truth {
			t.Errorf("history has %d, want %d", sum(rows), truth)
		}
	}
	k.open(web, "192.0.2.1", 7)
	k.open(web, "", 3)
	step(10)
	step(0)
	k.open(web, "192.0.2.1", 1)
	k.open(upstream, "2001:db8::1", 2)
	k.rest += 4
	step(7)
	k.reload()
	k.open(web, "192.0.2.1", 5) // less than before
	step(5)
	k.reboot("boot-2")
	k.open(web, "192.0.2.1", 100) // more than before
	step(100)
	// A counter that was taken away and made anew, and has overtaken its mark.
	delete(k.peers[web], "192.0.2.1")
	k.open(web, "192.0.2.1", 150)
	step(150)
}

func TestRepeatedAndLateSamplesAddNothing(t *testing.T) {
	db, _ := create(t, history.Options{})
	k := newKernel(t)
	k.open(web, "192.0.2.1", 7)
	early := k.sample()
	k.pass(time.Minute)
	k.open(web, "192.0.2.1", 1)
	late := k.sample()
	for i, s := range []*opens.Sample{late, late, early} {
		if outcome := record(t, db, s); outcome.Recorded != (i == 0) {
			t.Errorf("sample %d: %+v", i, outcome)
		}
	}
	if rows, _ := report(t, db, history.Query{}); sum(rows) != 8 {
		t.Errorf("got %d, want 8", sum(rows))
	}
}

func TestTakenAwayCountersAreRecordedToTheirEnd(t *testing.T) {
	db, _ := create(t, history.Options{})
	k := newKernel(t)
	k.open(web, "192.0.2.1", 7)
	k.open(web, "192.0.2.2", 1)
	k.pass(time.Minute)
	taken := k.sample()
	record(t, db, taken)
	k.open(web, "192.0.2.1", 2) // after the sample, before the end
	gone := k.peers[web]["192.0.2.1"]
	delete(k.peers[web], "192.0.2.1")
	if got := record(t, db, taken.Late([]opens.Peer{*gone})); got.Opens != 2 {
		t.Errorf("late: %+v, want 2", got)
	}
	k.pass(time.Minute)
	k.open(web, "192.0.2.1", 20)
	k.open(web, "192.0.2.2", 1)
	if got := record(t, db, k.sample()); got.Opens != 21 {
		t.Errorf("next: %+v, want 21", got)
	}
}

func TestConcurrentRunsCountOnce(t *testing.T) {
	_, path := create(t, history.Options{})
	k := newKernel(t)
	var samples []*opens.Sample
	for i := range 20 {
		k.pass(time.Minute)
		k.open(web, "192.0.2.1", uint64(i))
		samples = append(samples, k.sample())
	}
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			db, err := history.Create(path, history.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			for _, s := range samples {
				if _, err := db.Record(context.Background(), s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	db, err := history.Open(path, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if rows, _ := report(t, db, history.Query{}); sum(rows) != 190 {
		t.Errorf("got %d, want 190", sum(rows))
	}
}

func TestReportGroups(t *testing.T) {
	db, _ := create(t, history.Options{})
	k := newKernel(t)
	k.open(web, "192.0.2.1", 4)
	k.open(web, "192.0.2.9", 2)
	k.open(mail, "192.0.2.1", 1)
	k.open(web, "2001:db8::1", 3)
	k.open(web, "", 9)
	k.open(upstream, "198.51.100.7", 5)
	k.pass(5 * time.Minute)
	record(t, db, k.sample())
	k.pass(time.Hour - 5*time.Minute)
	k.open(web, "192.0.2.1", 6)
	k.pass(5 * time.Minute)
	record(t, db, k.sample())
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	incoming := func(s opens.Service) bool { return s.Direction == opens.In }
	for name, test := range map[string]struct {
		query history.Query
		want  []history.Row
	}{
		"all":       {history.Query{}, []history.Row{{Opens: 30}}},
		"direction": {history.Query{By: history.ByDirection}, []history.Row{{Opens: 25}, {Service: opens.Service{Direction: opens.Out}, Opens: 5}}},
		"port": {history.Query{By: history.ByPort, Want: incoming}, []history.Row{
			{Service: web, Opens: 24}, {Service: mail, Opens: 1}}},
		"peer": {history.Query{By: history.ByPeer, Want: incoming}, []history.Row{
			{Peer: addr("192.0.2.1"), Opens: 11}, {Other: true, Opens: 9},
			{Peer: addr("2001:db8::1"), Opens: 3}, {Peer: addr("192.0.2.9"), Opens: 2}}},
		"network": {history.Query{By: history.ByNetwork, Want: incoming}, []history.Row{
			{Network: prefix("192.0.2.0/24"), Opens: 13}, {Other: true, Opens: 9}, {Network: prefix("2001:db8::/64"), Opens: 3}}},
		"hour": {history.Query{By: history.ByHour}, []history.Row{{Hour: noon, Opens: 30}}},
		"of a network": {history.Query{Peers: []netip.Prefix{prefix("192.0.2.8/29")}, By: history.ByPeer}, []history.Row{
			{Peer: addr("192.0.2.9"), Opens: 2}}},
		"since": {history.Query{Since: noon.Add(time.Hour), By: history.ByHour}, []history.Row{}},
		"until": {history.Query{Until: noon.Add(10 * time.Minute)}, []history.Row{{Opens: 24}}},
	} {
		rows, _ := report(t, db, test.query)
		if diff := cmp.Diff(test.want, rows, equate); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestHoursAfterTwoDays(t *testing.T) {
	db, path := create(t, history.Options{Keep: 10 * 24 * time.Hour})
	k := newKernel(t)
	const step = 30 * time.Minute
	for range 12 * 48 { // twelve days
		k.open(web, "192.0.2.1", 1)
		k.open(web, "2001:db8::1", 1)
		k.pass(step)
		record(t, db, k.sample())
	}
	rows, coverage := report(t, db, history.Query{By: history.ByHour})
	for _, row := range rows[1:] {
		if row.Opens != 4 {
			t.Fatalf("hour %v has %d, want 4", row.Hour, row.Opens)
		}
	}
	if n := len(rows); n < 10*24 || n > 10*24+2 {
		t.Errorf("%d hours, want ten days", n)
	}
	if coverage.Counted < 10*24*time.Hour-time.Hour || coverage.Counted > 10*24*time.Hour+time.Hour {
		t.Errorf("coverage %+v", coverage)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v: want mode 0644", info.Mode(), err)
	}
}

func TestSizeBoundKeepsTotals(t *testing.T) {
	const bound = 256 << 10
	db, path := create(t, history.Options{Size: bound})
	k := newKernel(t)
	peer := netip.MustParseAddr("10.0.0.0")
	var truth uint64
	for range 3 * 24 {
		for range 200 {
			peer = peer.Next()
			k.open(web, peer.String(), 1)
			truth++
		}
		k.pass(time.Hour)
		record(t, db, k.sample())
		// The kernel's table does not grow for ever either.
		k.peers[web] = map[string]*opens.Peer{}
	}
	rows, _ := report(t, db, history.Query{})
	if sum(rows) != truth {
		t.Errorf("got %d, want %d", sum(rows), truth)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 3*bound {
		t.Errorf("size %d, %v: want about %d", info.Size(), err, bound)
	}
}

func TestClockJumps(t *testing.T) {
	db, _ := create(t, history.Options{})
	k := newKernel(t)
	for _, jump := range []time.Duration{0, 20 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour, -3 * time.Hour, 0} {
		k.wall = k.wall.Add(jump)
		k.open(web, "192.0.2.1", 10)
		k.pass(5 * time.Minute)
		outcome := record(t, db, k.sample())
		if outcome.Opens != 10 || !outcome.Reset && outcome.Length != 5*time.Minute {
			t.Errorf("after a jump of %v: %+v", jump, outcome)
		}
	}
	if rows, _ := report(t, db, history.Query{}); sum(rows) != 50 {
		t.Errorf("got %d, want 50", sum(rows))
	}
}

func TestCoverageTellsTheGaps(t *testing.T) {
	db, _ := create(t, history.Options{})
	k := newKernel(t)
	for range 6 {
		k.pass(5 * time.Minute)
		record(t, db, k.sample())
	}
	k.wall = k.wall.Add(2 * time.Hour) // switched off
	k.reboot("boot-2")
	for range 6 {
		k.pass(5 * time.Minute)
		record(t, db, k.sample())
	}
	_, coverage := report(t, db, history.Query{})
	want := time.Hour
	if coverage.Counted.Round(time.Minute) != want || !coverage.From.Equal(noon) || !coverage.To.Equal(k.wall) {
		t.Errorf("coverage %+v, want %v within %v and %v", coverage, want, noon, k.wall)
	}
}

// Time is counted to the millisecond, whatever the fraction of a second it began
// at, in histories of an older version too.
func TestCoverageIsExact(t *testing.T) {
	for _, version := range []int{1, 2} {
		db, path := create(t, history.Options{})
		if version == 1 {
			downgrade(t, path)
			_ = db.Close()
			var err error
			if db, err = history.Create(path, history.Options{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
		}
		k := newKernel(t)
		var want time.Duration
		for range 7 {
			k.wall = k.wall.Add(100 * time.Millisecond)
			k.reload()
			for range 3 {
				k.pass(210 * time.Millisecond)
				want += 210 * time.Millisecond
				record(t, db, k.sample())
			}
		}
		_, coverage := report(t, db, history.Query{})
		if off := k.wall.Sub(coverage.To); coverage.Counted != want || !coverage.From.Equal(noon) || off.Abs() > time.Second {
			t.Errorf("version %d: coverage %+v, want %v within %v and %v", version, coverage, want, noon, k.wall)
		}
	}
}

// downgrade gives an empty history the form of version 1.
func downgrade(t testing.TB, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`DROP TABLE covered; CREATE TABLE covered (start INTEGER PRIMARY KEY, stop INTEGER NOT NULL, lost INTEGER NOT NULL); PRAGMA user_version = 1`)
	if err != nil {
		t.Fatal(err)
	}
}

func TestBaselineIsTheLastSample(t *testing.T) {
	db, _ := create(t, history.Options{})
	if _, err := db.Baseline(context.Background()); !errors.Is(err, history.ErrMissing) {
		t.Errorf("empty: %v", err)
	}
	k := newKernel(t)
	k.open(web, "192.0.2.1", 7)
	k.open(web, "", 2)
	record(t, db, k.sample())
	k.pass(time.Minute)
	k.open(web, "192.0.2.1", 5)
	k.open(web, "192.0.2.2", 1)
	base, err := db.Baseline(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	d := k.sample().After(base)
	if d.Reset || d.Length != time.Minute || d.In.Opens != 6 || len(d.Totals) != 1 || d.Totals[0].Opens != 6 || len(d.Peers) != 2 {
		t.Errorf("difference %+v", d)
	}
	if _, coverage, err := db.Report(context.Background(), history.Query{}); err != nil || coverage.Last != base.Summary {
		t.Errorf("a report is as of %+v (%v), want that of the baseline, %+v", coverage.Last, err, base.Summary)
	}
}

func TestAnotherNamespaceIsRefused(t *testing.T) {
	db, _ := create(t, history.Options{})
	k := newKernel(t)
	record(t, db, k.sample())
	k.pass(time.Minute)
	other := k.sample()
	other.Epoch.Namespace = 2
	if _, err := db.Record(context.Background(), other); !errors.Is(err, history.ErrNamespace) {
		t.Errorf("got %v", err)
	}
}

func TestBadQuery(t *testing.T) {
	db, _ := create(t, history.Options{})
	_, _, err := db.Report(context.Background(), history.Query{Since: noon, Until: noon.Add(-time.Hour)})
	if !errors.Is(err, history.ErrQuery) {
		t.Errorf("got %v", err)
	}
}

func TestMissing(t *testing.T) {
	dir := t.TempDir()
	if _, err := history.Open(filepath.Join(dir, "opens.db"), history.Options{}); !errors.Is(err, history.ErrMissing) {
		t.Errorf("got %v", err)
	}
	if _, err := history.Create(filepath.Join(dir, "no", "opens.db"), history.Options{}); !errors.Is(err, history.ErrMissing) {
		t.Errorf("got %v", err)
	}
}

func TestPathsAreNotParameters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=memory#%41.db")
	db, err := history.Create(path, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	k := newKernel(t)
	record(t, db, k.sample())
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("%v: the history is elsewhere", err)
	}
}

func TestDamaged(t *testing.T) {
	for name, damage := range map[string]struct {
		offset int64
		kind   error
	}{
		"head":  {0, history.ErrForeign},
		"pages": {4096, history.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			db, path := create(t, history.Options{})
			k := newKernel(t)
			for i := range 200 {
				k.open(opens.Service{Port: uint16(i)}, "192.0.2.1", 1)
			}
			k.pass(time.Minute)
			record(t, db, k.sample())
			_ = db.Close()
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteAt([]byte(strings.Repeat("damage! ", 2048)), damage.offset); err != nil {
				t.Fatal(err)
			}
			_ = file.Close()
			before, _ := os.ReadFile(path)
			k.pass(time.Minute)
			k.open(web, "192.0.2.1", 1)
			if db, err = history.Create(path, history.Options{}); err == nil {
				_, err = db.Record(context.Background(), k.sample())
				_ = db.Close()
			}
			if !errors.Is(err, damage.kind) {
				t.Errorf("got %v", err)
			}
			if after, _ := os.ReadFile(path); !cmp.Equal(before, after) {
				t.Error("the damaged history was changed")
			}
			aside, err := history.MoveAside(path, noon)
			if err != nil {
				t.Fatal(err)
			}
			if kept, _ := os.ReadFile(aside); !cmp.Equal(before, kept) {
				t.Error("what was moved aside is not what was there")
			}
		})
	}
}

func TestForeignAndNewerDatabases(t *testing.T) {
	db, path := create(t, history.Options{})
	_ = db.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := append([]byte(nil), data...)
	newer[63] = 99 // user_version, big-endian at 60
	foreign := append([]byte(nil), data...)
	foreign[71] ^= 1 // application_id at 68
	for _, test := range []struct {
		data []byte
		kind error
	}{{newer, history.ErrNewer}, {foreign, history.ErrForeign}} {
		if err := os.WriteFile(path, test.data, 0o644); err != nil {
			t.Fatal(err)
		}
		for name, open := range map[string]func(string, history.Options) (*history.DB, error){"write": history.Create, "read": history.Open} {
			if _, err := open(path, history.Options{}); !errors.Is(err, test.kind) {
				t.Errorf("%s: got %v, want %v", name, err, test.kind)
			}
		}
	}
}
