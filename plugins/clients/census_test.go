package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// perfdata reads the numbers of a check's first line.
func perfdata(stdout string) map[string]float64 {
	line, _, _ := strings.Cut(stdout, "\n")
	_, items, _ := strings.Cut(line, "|")
	values := map[string]float64{}
	for item := range strings.FieldsSeq(items) {
		name, rest, _ := strings.Cut(item, "=")
		number, _, _ := strings.Cut(rest, ";")
		values[name], _ = strconv.ParseFloat(strings.TrimSuffix(number, "s"), 64)
	}
	return values
}

// truth counts the peers and connections of a host that are older than limit.
func (h *fakeHost) truth(at, limit time.Duration) (clients, connections int) {
	seen := map[netip.Addr]bool{}
	for _, v := range h.viewers {
		if v.born > at-limit || v.gone != 0 && at >= v.gone {
			continue
		}
		connections++
		seen[netip.MustParseAddrPort(v.peer).Addr()] = true
	}
	return len(seen), connections
}

// churn makes a host on which connections come and go.
func churn(r *rand.Rand) *fakeHost {
	h := &fakeHost{now: 10 * time.Hour, bootID: 1, netns: 1}
	for i := range 200 {
		v := viewer{peer: fmt.Sprintf("10.0.%d.%d:%d", r.IntN(4), r.IntN(20), 1024+i), born: h.now + time.Duration(r.Int64N(int64(3*time.Minute))) - time.Minute}
		if r.IntN(2) == 0 {
			v.gone = v.born + time.Duration(r.Int64N(int64(20*time.Second)))
		}
		v.idle = r.IntN(4) == 0
		h.viewers = append(h.viewers, v)
	}
	return h
}

// Whatever comes and goes, whenever it is looked: what is proven is true, and
// what is true is proven or undecided.
func TestProvenIsTrue(t *testing.T) {
	const limit = 5 * time.Second
	decided := 0
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		h, dir := churn(r), t.TempDir()
		for run := range 12 {
			line := "check_clients -p 443 --top 100"
			if r.IntN(2) == 0 {
				line += " --no-wait"
			}
			if r.IntN(3) == 0 {
				h.late = time.Duration(r.Int64N(int64(time.Second)))
			}
			_, stdout, _ := call(t, h, dir, nil, line)
			at := h.now - 2*time.Millisecond // the last look began
			got := perfdata(stdout)
			if _, known := got["clients"]; !known {
				if run > 2 || got["undecided"] == 0 {
					t.Fatalf("seed %d run %d: no number: %s", seed, run, stdout)
				}
				h.now += time.Duration(r.Int64N(int64(20 * time.Second)))
				continue
			}
			most, mostConnections := h.truth(at, limit)
			sure, sureConnections := h.truth(at, limit+limit/10+20*time.Millisecond)
			proven, undecided := int(got["clients"]), int(got["undecided"])
			if proven > most || proven+undecided < sure || int(got["connections"]) > mostConnections {
				t.Fatalf("seed %d run %d %s: %d proven and %d undecided, in truth %d to %d with %d to %d connections\n%s",
					seed, run, line, proven, undecided, sure, most, sureConnections, mostConnections, stdout)
			}
			if !strings.Contains(stdout, " undecided, ") && int(got["connections"]) < sureConnections {
				t.Fatalf("seed %d run %d %s: %v, in truth %d connections or more", seed, run, line, got, sureConnections)
			}
			if undecided == 0 {
				decided++
			}
			h.now += time.Duration(r.Int64N(int64(20 * time.Second)))
		}
	}
	if decided < 50 {
		t.Errorf("only %d of 360 runs decided about everything: the test proves little", decided)
	}
}

// A threshold for a metric that there is not is refused without a look.
func TestForeseen(t *testing.T) {
	h := newFakeHost()
	code, stdout, _ := call(t, h, t.TempDir(), nil, "check_clients -p 443 -w nosuch=1")
	if code != 3 || !strings.Contains(stdout, `no metric "nosuch"`) || h.looks != 0 || len(h.slept) != 0 {
		t.Errorf("exit %d, %q after %d looks, want 3 and none", code, stdout, h.looks)
	}
}

// A second look is made only where the first leaves something undecided, and
// no later than needed.
func TestWaits(t *testing.T) {
	h, dir := newFakeHost(), t.TempDir()
	for i := range h.viewers {
		h.viewers[i].idle = true // of every age something is proven
	}
	run := func(line string) string {
		h.slept = nil
		_, stdout, _ := call(t, h, dir, nil, line)
		return stdout
	}
	run("check_clients -p 443")
	if len(h.slept) != 1 || h.slept[0] < 4*time.Second || h.slept[0] > 4100*time.Millisecond {
		t.Errorf("slept %v, want the 4s that the youngest connections lack", h.slept)
	}
	h.now += 10 * time.Second
	run("check_clients -p 443")
	if len(h.slept) != 0 {
		t.Errorf("slept %v with nothing undecided", h.slept)
	}
	h.viewers = append(h.viewers, viewer{peer: "10.0.0.9:1", born: h.now})
	run("check_clients -p 443 --timeout 2s")
	if len(h.slept) != 0 {
		t.Errorf("slept %v, which the timeout makes useless", h.slept)
	}
	run("check_clients -p 443 --no-wait")
	run("check_clients -p 443 --by network --no-wait")
	run("clients_443 config")
	if len(h.slept) != 0 {
		t.Errorf("slept %v when told not to", h.slept)
	}
	h.viewers = append(h.viewers, viewer{peer: "10.0.0.9:2", born: h.now})
	run("check_clients -p 443")
	if len(h.slept) != 1 || h.slept[0] > 5100*time.Millisecond {
		t.Errorf("slept %v, want the minimum age", h.slept)
	}
}

// Of several that are undecided, those decide for how long to wait that can be
// waited for.
func TestWaitsForSome(t *testing.T) {
	h := newFakeHost()
	h.viewers = []viewer{
		{peer: "10.0.0.1:1", born: h.now - 58*time.Second, idle: true},
		{peer: "10.0.0.2:1", born: h.now - 57*time.Second, idle: true},
		{peer: "10.0.0.3:1", born: h.now - 2*time.Second, idle: true},
	}
	_, stdout, _ := call(t, h, "", nil, "check_clients -p 443 --min-age 1m")
	if len(h.slept) != 1 || h.slept[0] < 3*time.Second || h.slept[0] > 3100*time.Millisecond {
		t.Errorf("slept %v, want the 3s after which two of three are decided: %s", h.slept, stdout)
	}
	if !strings.Contains(stdout, "2 clients of port 443 proven and 1 undecided | clients=2;;;0; connections=2;;;0; largest=1;;;0;") {
		t.Error(stdout)
	}
	h.now = 1000 * time.Second
	if _, stdout, _ = call(t, h, "", []string{"min_age=1m"}, "clients_443"); !strings.HasPrefix(stdout, "clients.value 2\nconnections.value 2\nundecided.value 1\n") {
		t.Errorf("Munin, after a wait: %s", stdout)
	}
}

// A sleep that ends late leaves undecided what came meanwhile; it makes nobody
// younger than they are.
func TestOversleep(t *testing.T) {
	h := newFakeHost()
	h.late = 10 * time.Second
	_, stdout, _ := call(t, h, t.TempDir(), nil, "check_clients -p 443")
	if !strings.Contains(stdout, "6 clients of port 443 proven and 2 undecided") {
		t.Errorf("want 6 proven, and undecided the 2 that came in a sleep of 15s: %s", stdout)
	}
}

// Without a place for state the second look still decides, and without that
// the check says what it lacks.
func TestWithoutState(t *testing.T) {
	code, stdout, _ := call(t, newFakeHost(), "", nil, "check_clients -p 443 -c 7")
	if code != 0 || perfdata(stdout)["clients"] != 6 {
		t.Errorf("exit %d: %s", code, stdout)
	}
	for _, limit := range []string{"5", "100"} {
		code, stdout, _ = call(t, newFakeHost(), "", nil, "check_clients -p 443 --no-wait -c "+limit)
		if _, known := perfdata(stdout)["clients"]; code != 3 || known || !strings.Contains(stdout, "--state-dir") {
			t.Errorf("without waiting, -c %s: exit %d: %s", limit, code, stdout)
		}
	}
	code, stdout, _ = call(t, newFakeHost(), "", nil, "check_clients -p 443 -c 1 --no-wait")
	if code != 2 {
		t.Errorf("what is proven is enough for an alarm: exit %d: %s", code, stdout)
	}
	_, stdout, _ = call(t, newFakeHost(), "", []string{"no_wait=1"}, "clients_443")
	if !strings.Contains(stdout, "clients.value U\n") || !strings.Contains(stdout, "set env.state_dir to a directory") {
		t.Errorf("Munin: %s", stdout)
	}
	missing := filepath.Join(t.TempDir(), "none")
	code, stdout, _ = call(t, newFakeHost(), missing, nil, "check_clients -p 443")
	if code != 0 || perfdata(stdout)["clients"] != 6 || !strings.Contains(stdout, "nothing is remembered: ") {
		t.Errorf("a directory that is not there: exit %d: %s", code, stdout)
	}
}

// Another run that does not come to an end keeps nothing from being said.
func TestLocked(t *testing.T) {
	h, dir := newFakeHost(), t.TempDir()
	call(t, h, dir, nil, "check_clients -p 443 --no-wait")
	lock, err := os.Open(stateFile(t, dir) + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	h.now += time.Minute
	code, stdout, _ := call(t, h, dir, nil, "check_clients -p 443 --no-wait -c 5 -t 300ms")
	if code != 2 || perfdata(stdout)["clients"] != 6 || !strings.Contains(stdout, "another run holds the lock, and --timeout leaves no time to wait") {
		t.Errorf("exit %d: %s", code, stdout)
	}
}

// A second look that fails leaves what the first one found.
func TestSecondLookFails(t *testing.T) {
	h := newFakeHost()
	h.fail = func(look int) error {
		if look == 2 {
			return errors.New("out of buffers")
		}
		return nil
	}
	code, stdout, _ := call(t, h, t.TempDir(), nil, "check_clients -p 443 -c 5")
	if code != 0 || !strings.Contains(stdout, "collecting") || !strings.Contains(stdout, "out of buffers") {
		t.Errorf("exit %d: %s", code, stdout)
	}
	h.fail = func(int) error { return errors.New("out of buffers") }
	if code, stdout, _ = call(t, h, t.TempDir(), nil, "check_clients -p 443"); code != 3 {
		t.Errorf("exit %d: %s", code, stdout)
	}
}

// stateFile is the one state file of a directory.
func stateFile(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			return filepath.Join(dir, e.Name())
		}
	}
	t.Fatal("no state was kept")
	return ""
}

// Whatever happens to the state file, the run after it is a first run that says
// so, the answer with a second look is right, and the file is good again.
func TestBrokenState(t *testing.T) {
	const noWait = "check_clients -p 443 --no-wait -w 5"
	damages := map[string]func(t *testing.T, h *fakeHost, path string, data []byte){
		"empty":     func(t *testing.T, _ *fakeHost, path string, _ []byte) { write(t, path, nil) },
		"cut short": func(t *testing.T, _ *fakeHost, path string, data []byte) { write(t, path, data[:len(data)/2]) },
		"last byte": func(t *testing.T, _ *fakeHost, path string, data []byte) { write(t, path, data[:len(data)-1]) },
		"zeros":     func(t *testing.T, _ *fakeHost, path string, data []byte) { write(t, path, make([]byte, len(data))) },
		"flipped": func(t *testing.T, _ *fakeHost, path string, data []byte) {
			data[len(data)-9] ^= 0x10
			write(t, path, data)
		},
		"doubled": func(t *testing.T, _ *fakeHost, path string, data []byte) { write(t, path, append(data, data...)) },
		"foreign": func(t *testing.T, _ *fakeHost, path string, _ []byte) { write(t, path, []byte("hello\n")) },
		"other format": func(t *testing.T, _ *fakeHost, path string, data []byte) {
			write(t, path, []byte(strings.Replace(string(data), "clients-1", "clients-0", 1)))
		},
		"huge": func(t *testing.T, _ *fakeHost, path string, _ []byte) { write(t, path, make([]byte, 20<<20)) },
		"link": func(t *testing.T, _ *fakeHost, path string, data []byte) {
			write(t, path+".other", data)
			if err := errors.Join(os.Remove(path), os.Symlink(path+".other", path)); err != nil {
				t.Fatal(err)
			}
		},
		"rebooted":        func(_ *testing.T, h *fakeHost, _ string, _ []byte) { h.bootID++ },
		"other namespace": func(_ *testing.T, h *fakeHost, _ string, _ []byte) { h.netns++ },
		"from the future": func(_ *testing.T, h *fakeHost, _ string, _ []byte) { h.now -= 2 * time.Minute },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			h, dir := newFakeHost(), t.TempDir()
			call(t, h, dir, nil, noWait)
			h.now += time.Minute
			code, stdout, _ := call(t, h, dir, nil, noWait)
			if code != 1 {
				t.Fatalf("before the damage: exit %d: %s", code, stdout)
			}
			path := stateFile(t, dir)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, h, path, data)
			code, stdout, _ = call(t, h, dir, nil, noWait)
			if code != 0 || !strings.Contains(stdout, "collecting") || !strings.Contains(stdout, "begun anew") {
				t.Errorf("after it: exit %d: %s", code, stdout)
			}
			h.now += 6 * time.Second
			code, stdout, _ = call(t, h, dir, nil, "check_clients -p 443 -w 5")
			want, _ := h.truth(h.now-2*time.Millisecond, 5*time.Second)
			if code != 1 && want > 5 || int(perfdata(stdout)["clients"]) != want || strings.Contains(stdout, "begun anew") {
				t.Errorf("the run after: exit %d, want %d clients: %s", code, want, stdout)
			}
		})
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Runs that overlap, and other runs with other questions, change no answer.
func TestOverlap(t *testing.T) {
	want := func(h *fakeHost, dir string) string {
		_, stdout, _ := call(t, h, dir, nil, "clients list -p 443 --format json")
		return stdout
	}
	alone := want(newFakeHost(), t.TempDir())
	h, dir := newFakeHost(), t.TempDir()
	busy := &busyHost{fakeHost: h, during: func() {
		now := h.now
		call(t, h, dir, nil, "clients list -p 443 --no-wait")
		call(t, h, dir, nil, "check_clients -p 443 --by network --no-wait")
		call(t, h, dir, nil, "check_clients -p 80 --no-wait")
		h.now = now
	}}
	_, together, _ := call(t, busy, dir, nil, "clients list -p 443 --format json")
	if together != alone {
		t.Errorf("with other runs meanwhile\n%s\nalone\n%s", together, alone)
	}
}

// A busyHost does something else while somebody sleeps.
type busyHost struct {
	*fakeHost
	during func()
}

func (h *busyHost) sleep(ctx context.Context, d time.Duration) error {
	h.during()
	return h.fakeHost.sleep(ctx, d)
}

// Somebody sets the clock between runs: ages do not count by it.
func TestClockIsSet(t *testing.T) {
	h, dir := newFakeHost(), t.TempDir()
	for _, years := range []int{0, -30, 40} {
		code, stdout, _ := callAt(t, noon.AddDate(years, 0, 0), h, dir, nil, "check_clients -p 443 -v")
		want, _ := h.truth(h.now-2*time.Millisecond, 5*time.Second)
		if code != 0 || int(perfdata(stdout)["clients"]) != want || strings.Contains(stdout, "begun anew") {
			t.Errorf("clock set by %d years: exit %d, want %d clients: %s", years, code, want, stdout)
		}
		h.now += time.Minute
	}
}

// Two masters are two memories: what one has seen is nothing to the other.
func TestTwoMasters(t *testing.T) {
	h, dir := newFakeHost(), t.TempDir()
	fetch := func(master string) string {
		_, stdout, _ := call(t, h, "", []string{"no_wait=yes", "MUNIN_PLUGSTATE=" + dir, "MUNIN_STATEFILE=" + dir + "/clients_443-" + master}, "clients_443")
		return stdout
	}
	if got := fetch("10.0.0.8"); !strings.Contains(got, "clients.value U\n") {
		t.Errorf("first run of the first: %s", got)
	}
	h.now += time.Minute
	if got := fetch("10.0.0.9"); !strings.Contains(got, "clients.value U\n") {
		t.Errorf("first run of the second: %s", got)
	}
	h.now += time.Minute
	one, other := fetch("10.0.0.8"), fetch("10.0.0.9")
	if !strings.Contains(one, "clients.value 6\n") || !strings.Contains(other, "clients.value 8\n") {
		t.Errorf("the first master, which knows less: %s\nthe second: %s", one, other)
	}
}

// Who edits plugin-conf.d asks another question, of the same state file.
func TestQuestionChanges(t *testing.T) {
	h, dir := newFakeHost(), t.TempDir()
	fetch := func(peer string) string {
		_, stdout, _ := call(t, h, "", []string{"no_wait=yes", "peer=" + peer, "MUNIN_STATEFILE=" + dir + "/clients_443-10.0.0.8"}, "clients_443")
		return stdout
	}
	fetch("10.0.1.0/24")
	h.now += time.Minute
	if got := fetch("10.0.0.1"); !strings.Contains(got, "clients.value U\n") || strings.Contains(got, "begun anew") {
		t.Errorf("first run for another network: %s", got)
	}
	h.now += time.Minute
	if got := fetch("10.0.0.1"); !strings.HasPrefix(got, "clients.value 1\nconnections.value 3\n") {
		t.Errorf("second run: %s", got)
	}
}

// Where a connection can come late into a selection, not having been seen
// proves nothing.
func TestLateComers(t *testing.T) {
	for _, line := range []string{"check_clients -p 443 --user root --no-wait", "check_clients -p 443 --interface lo --no-wait"} {
		h, dir := newFakeHost(), t.TempDir()
		call(t, h, dir, nil, line)
		h.now += time.Second
		h.viewers = append(h.viewers, viewer{peer: "10.0.0.77:1", born: 100 * time.Second, bound: 1})
		_, stdout, _ := call(t, h, dir, nil, line)
		if !strings.Contains(stdout, "10.0.0.77: 1 undecided") {
			t.Errorf("%s: a connection of which nothing is known is not undecided: %s", line, stdout)
		}
	}
	h, dir := newFakeHost(), t.TempDir()
	h.viewers = append(h.viewers, viewer{peer: "10.0.0.77:1", born: 999 * time.Second})
	call(t, h, dir, nil, "check_clients -p 443 --no-wait")
	h.now += time.Second
	h.viewers = append(h.viewers, viewer{peer: "10.0.0.78:1", born: h.now})
	_, stdout, _ := call(t, h, dir, nil, "check_clients -p 443 --no-wait")
	if strings.Contains(stdout, "10.0.0.78") || !strings.Contains(stdout, "10.0.0.77: 1 undecided") {
		t.Errorf("a connection that was not there a second ago is not younger: %s", stdout)
	}
}

// The state of many connections stays small.
func TestStateSize(t *testing.T) {
	h, dir := &fakeHost{now: time.Hour, netns: 1}, t.TempDir()
	for i := range 20000 {
		h.viewers = append(h.viewers, viewer{peer: fmt.Sprintf("10.1.%d.%d:1024", i/250, i%250+1), born: time.Duration(i) * time.Millisecond, idle: i%2 == 0})
	}
	call(t, h, dir, nil, "check_clients -p 443 --no-wait")
	info, err := os.Stat(stateFile(t, dir))
	if err != nil || info.Size() > 20000*8 {
		t.Errorf("%v: %d bytes for 20000 connections", err, info.Size())
	}
	_, stdout, _ := call(t, h, dir, nil, "clients list -p 443 --format json --no-wait")
	var document struct{ Clients []map[string]any }
	if err := json.Unmarshal([]byte(stdout), &document); err != nil || len(document.Clients) != 20000 {
		t.Errorf("%v: %d rows", err, len(document.Clients))
	}
	_, stdout, _ = call(t, h, dir, nil, "check_clients -p 443 --top 100000")
	if len(stdout) > 8<<10 || !regexp.MustCompile(`\.\.\. and \d+ more\n$`).MatchString(stdout) {
		t.Errorf("%d bytes of output that end in %q", len(stdout), stdout[max(0, len(stdout)-60):])
	}
}
