package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/opens"
)

// goTo moves a fake to a moment after noon with so many connections.
func (f *fake) goTo(after time.Duration, n uint64) {
	f.now, f.up = noon.Add(after), uptime+after
	f.sample = reading(-after, n)
}

// line1 is the status line of a check of port 443 without a history.
func line1(t *testing.T, f *fake, args ...string) string {
	t.Helper()
	_, stdout, stderr := call(t, f, nil, append([]string{"check_opens", "--db", "none.db", "--state-dir", ".", "-p", "443"}, args...)...)
	if stderr != "" {
		t.Errorf("stderr %q", stderr)
	}
	line, _, _ := strings.Cut(stdout, "\n")
	return line
}

func expect(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(got, text) {
			t.Errorf("%q is not in %q", text, got)
		}
	}
}

// Run every minute with a period of five, a check is about five minutes from the
// sixth run on, and until then about what there is, which it says.
func TestPeriodFromState(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(nil)
	for minute := range 30 {
		f.goTo(time.Duration(minute)*time.Minute, uint64(1000+100*minute))
		got := line1(t, f, "-w", "600")
		switch {
		case minute == 0:
			expect(t, got, "OPENS OK", "show in the next run", "collecting")
		case minute < 5:
			expect(t, got, fmt.Sprintf("OPENS OK - %d connections to port 443 in %dm (not 5m) of 1 peer ", 100*minute, minute))
		default:
			expect(t, got, "OPENS OK - 500 connections to port 443 in 5m of 1 peer ", "rate=1.666667;")
		}
	}
	f.goTo(30*time.Minute, 10_000)
	expect(t, line1(t, f, "-w", "600"), "OPENS WARNING - 6500 connections to port 443 in 5m ")
	if data, err := os.ReadDir("."); err != nil || len(data) != 2 {
		t.Errorf("%d files are remembered, want one and its lock: %v %v", len(data), data, err)
	}
}

// A check that was away for hours does not count those.
func TestPeriodAfterPause(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(reading(0, 1000))
	line1(t, f)
	f.goTo(10*time.Minute, 1300)
	expect(t, line1(t, f), "300 connections to port 443 in 10m (not 5m)")
	f.goTo(26*time.Hour, 90_000)
	expect(t, line1(t, f, "-w", "1"), "OPENS OK", "show in the next run")
	f.goTo(26*time.Hour+5*time.Minute, 90_007)
	expect(t, line1(t, f), "7 connections to port 443 in 5m")
}

// After a reboot (the state is of another boot) everything since counting began
// counts, never a negative or doubled number.
func TestReboot(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(reading(0, 5000))
	line1(t, f)
	reboot := func(after time.Duration, boot string, up time.Duration, n uint64) {
		f.goTo(after, n)
		f.sample.Epoch.Boot, f.up = boot, up
		f.sample.Since, f.sample.Taken = time.Second, up
		for i := range f.sample.Totals {
			f.sample.Totals[i].First = time.Second
		}
		for i := range f.sample.Peers {
			f.sample.Peers[i].First = time.Second
		}
	}
	reboot(5*time.Minute, "second", 121*time.Second, 40)
	expect(t, line1(t, f), "40 connections to port 443 in 2m (not 5m) of 1 peer")
	reboot(10*time.Minute, "second", 421*time.Second, 60)
	expect(t, line1(t, f), "20 connections to port 443 in 5m of 1 peer")
	// The counters are made anew within one boot.
	reboot(15*time.Minute, "second", 721*time.Second, 55)
	f.sample.Epoch.Generation++
	f.sample.Since = f.sample.Taken - 4*time.Minute
	expect(t, line1(t, f), "55 connections to port 443 in 4m (not 5m)")
	// A counter that fell, of the same life: somebody flushed it.
	reboot(20*time.Minute, "second", 1021*time.Second, 9)
	f.sample.Epoch.Generation++
	f.sample.Since = 481 * time.Second
	expect(t, line1(t, f), "9 connections to port 443 in 5m")
}

// A state that cannot be used is said, and replaced.
func TestDamagedState(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(reading(0, 1000))
	line1(t, f)
	files, _ := filepath.Glob("opens.*[0-9a-f]")
	if len(files) == 0 {
		t.Fatal("nothing is remembered")
	}
	for name, damage := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
		"flipped": func(b []byte) []byte { b[len(b)-9] ^= 1; return b },
		"empty":   func([]byte) []byte { return nil },
		"other":   func([]byte) []byte { return []byte("hello, world\n") },
	} {
		t.Run(name, func(t *testing.T) {
			f.goTo(0, 1000)
			line1(t, f)
			data, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], damage(bytes.Clone(data)), 0o600); err != nil {
				t.Fatal(err)
			}
			f.goTo(time.Minute, 1010)
			_, stdout, _ := call(t, f, nil, "check_opens", "--db", "none.db", "--state-dir", ".", "-p", "443", "-w", "1")
			expect(t, stdout, "OPENS OK", "collecting", "begun anew")
			f.goTo(6*time.Minute, 1030)
			expect(t, line1(t, f), "20 connections to port 443 in 5m")
			if err := os.Remove(files[0]); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A damaged history is said, left alone, and does not keep a check from its state.
func TestDamagedHistory(t *testing.T) {
	t.Chdir(t.TempDir())
	garbage := bytes.Repeat([]byte("no database "), 1000)
	if err := os.WriteFile("opens.db", garbage, 0o644); err != nil {
		t.Fatal(err)
	}
	f := newFake(reading(0, 1000))
	args := []string{"check_opens", "--db", "opens.db", "--state-dir", ".", "-p", "443", "-w", "100"}
	_, stdout, _ := call(t, f, nil, args...)
	expect(t, stdout, "OPENS OK", "collecting", "no help from the history: opens.db is no SQLite database")
	f.goTo(5*time.Minute, 1200)
	_, stdout, _ = call(t, f, nil, args...)
	expect(t, stdout, "OPENS WARNING - 200 connections to port 443 in 5m")
	for _, command := range []string{"record", "report"} {
		if code, _, stderr := call(t, f, nil, "opens", command, "--db", "opens.db"); code != 2 || !strings.Contains(stderr, "no SQLite database") {
			t.Errorf("%s: exit %d, %s", command, code, stderr)
		}
	}
	if now, err := os.ReadFile("opens.db"); err != nil || !bytes.Equal(now, garbage) {
		t.Errorf("the damaged history was changed: %v", err)
	}
}

// The history of another network namespace is no baseline.
func TestOtherNamespacesHistory(t *testing.T) {
	t.Chdir(t.TempDir())
	other := reading(5*time.Minute, 10)
	other.Epoch.Namespace = 77
	recorded(t, "opens.db", other)
	f := newFake(reading(0, 1000))
	_, stdout, _ := call(t, f, nil, "check_opens", "--db", "opens.db", "--state-dir", ".", "-w", "1")
	expect(t, stdout, "OPENS OK", "collecting", "another network namespace")
	_, stdout, stderr := call(t, f, nil, "opens", "report", "--db", "opens.db", "--format", "csv")
	expect(t, stdout+stderr, "opens\n27\n", "another network namespace")
}

// What Evict took away after the reading is in the history too.
func TestRecordEvicts(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(reading(0, 1000))
	gone := f.sample.Peers[0]
	gone.Opens += 3
	f.evicted = []opens.Peer{gone}
	if code, _, stderr := call(t, f, nil, "opens", "record", "--db", "opens.db"); code != 0 || stderr == "" {
		t.Errorf("record: %d %s", code, stderr)
	}
	_, stdout, _ := call(t, f, nil, "opens", "report", "--db", "opens.db", "--by", "peer", "--peer", gone.Addr.String(), "--format", "csv", "--until", "2999-01-01")
	expect(t, stdout, fmt.Sprintf("10.0.0.1,%d\n", gone.Opens))
}

func TestMoment(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := time.Date(2026, 11, 21, 14, 30, 0, 0, zone)
	date := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, zone) }
	for text, want := range map[string]time.Time{
		"24h": date(20, 14, 30), "90m": date(21, 13, 0), "1d": date(20, 14, 30), "3600": date(21, 13, 30), "0": now, "0.5h": date(21, 14, 0),
		"2026-11-20": date(20, 0, 0), "14:00": date(21, 14, 0), "23:59": date(21, 23, 59), "2026-11-20 07:15": date(20, 7, 15),
		"2026-11-20T07:15": date(20, 7, 15), "2026-11-20T07:15:00": date(20, 7, 15), "2026-11-20T05:15:00Z": date(20, 7, 15), "2026-11-20T07:15:00+02:00": date(20, 7, 15),
	} {
		if got, err := moment("--since", text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-5m", "24:00", "2026-13-01", "2026-11-31", "14", "1e3", "12:61", "2026-11-20T", "٣h"} {
		if got, err := moment("--since", text, now); text != "14" && err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func FuzzMoment(f *testing.F) {
	for _, text := range []string{"24h", "14:00", "2026-11-20", "2026-11-20T14:00:00+02:00", "0", "99999999w"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := moment("--since", text, noon); err == nil && at.IsZero() {
			t.Errorf("%q is no time and no error", text)
		}
	})
}

func FuzzSamples(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeSample(reading(0, 100)))
	f.Add(append(encodeSample(reading(0, 100)), encodeSample(reading(time.Minute, 50))...))
	f.Add([]byte{255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		samples, err := decodeSamples(data)
		if err != nil {
			return
		}
		for i, s := range samples {
			if i > 0 && samples[i-1].Taken > s.Taken {
				t.Errorf("sample %d is older than the one before", i)
			}
		}
	})
}

func TestThinned(t *testing.T) {
	var samples []*opens.Sample
	for second := range 2000 {
		samples = thinned(samples, reading(-time.Duration(second)*time.Second, 1), 5*time.Minute, 100)
		if len(samples) > mostSamples+2 {
			t.Fatalf("%d samples are kept", len(samples))
		}
		if age := samples[len(samples)-1].Taken - samples[0].Taken; second > 300 && age < 270*time.Second {
			t.Fatalf("after %d s the oldest sample is %v old", second, age)
		}
	}
	// Large ones are kept less often.
	samples = nil
	for second := range 1000 {
		samples = thinned(samples, reading(-time.Duration(second)*time.Second, 1), 5*time.Minute, budget/2)
	}
	if len(samples) > 4 {
		t.Errorf("%d large samples are kept", len(samples))
	}
}

// The time of day may jump as it likes: periods are told by the clock that nobody
// sets.
func TestClockJump(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(reading(0, 1000))
	line1(t, f)
	for i, jump := range []time.Duration{72 * time.Hour, -30 * 24 * time.Hour, 0} {
		after := time.Duration(i+1) * 5 * time.Minute
		f.goTo(after, uint64(1300+300*i))
		f.now = f.now.Add(jump)
		f.sample.Wall = f.now
		expect(t, line1(t, f), "OPENS OK - 300 connections to port 443 in 5m of 1 peer ")
	}
}

// Whoever reads the metrics is told the real period as well.
func TestMetricsTellTheRealPeriod(t *testing.T) {
	t.Chdir(t.TempDir())
	f := newFake(nil)
	args := []string{"opens", "metrics", "--db", "none.db", "--state-dir", ".", "-p", "443"}
	f.goTo(0, 1000)
	call(t, f, nil, args...)
	f.goTo(1234*time.Millisecond, 1008)
	_, stdout, stderr := call(t, f, nil, args...)
	expect(t, stdout, "Connections opened in the last 1.2s (not 5m).\n", "Connections opened per second in the last 1.2s (not 5m).\n", "} 8\n")
	expect(t, stderr, "opens: counted in 1.2s (not 5m): no earlier reading is nearer to the period that was asked for\n")
	f.goTo(301*time.Second, 1020)
	_, stdout, stderr = call(t, f, nil, args...)
	expect(t, stdout, "Connections opened in the last 5m.\n", "} 20\n")
	if stderr != "" {
		t.Errorf("stderr %q", stderr)
	}
}

// What was recorded before the clock was set back is at times still to come. A
// report goes up to now and says what it leaves out.
func TestReportAfterTheClockWasSetBack(t *testing.T) {
	t.Chdir(t.TempDir())
	ahead := reading(-30*time.Second, 1005) // 30 s of uptime later, and an hour of the clock
	ahead.Wall = ahead.Wall.Add(time.Hour)
	recorded(t, "opens.db", reading(30*time.Minute, 900), reading(0, 1000), ahead)
	f := newFake(nil)
	f.goTo(time.Minute, 1008)
	later := "5 connections that the history has at times still to come, up to 2026-11-21 13:00:30, are in no row: the clock was set back\n"
	for _, tt := range []struct{ args, stdout, stderr string }{
		{"--since 10s", "opens\n3\n", later},
		{"--since 15m", "opens\n103\n", later},
		{"", "opens\n1003\n", later},
		{"--until 2026-11-21T12:00:30", "opens\n1000\n", ""},
	} {
		_, stdout, stderr := call(t, f, nil, append([]string{"opens", "report", "--db", "opens.db", "-p", "443", "--format", "csv"}, strings.Fields(tt.args)...)...)
		if stdout != tt.stdout || strings.TrimPrefix(stderr, "opens: ") != tt.stderr {
			t.Errorf("%s: %q %q, want %q %q", tt.args, stdout, stderr, tt.stdout, tt.stderr)
		}
	}
	_, _, stderr := call(t, f, nil, "opens", "report", "--db", "opens.db", "-p", "443", "--since", "10s")
	expect(t, stderr, "opens: from 2026-11-21 12:00:30 to 2026-11-21 12:01:00\n")
}

// Lives of counters that last less than a second add up to their time.
func TestShortLives(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, fraction := range []int{0, 300, 700} {
		db, f := fmt.Sprintf("%d.db", fraction), newFake(nil)
		for life := range 3 {
			began := time.Duration(fraction)*time.Millisecond + time.Duration(life)*800*time.Millisecond
			f.goTo(began+500*time.Millisecond, 10)
			f.sample.Since, f.sample.Epoch.Generation = uptime+began, uint64(life+1)
			for i := range f.sample.Totals {
				f.sample.Totals[i].First = f.sample.Since
			}
			for i := range f.sample.Peers {
				f.sample.Peers[i].First = f.sample.Since
			}
			recorded(t, db, f.sample)
		}
		f.now, f.up = f.now.Add(100*time.Millisecond), f.up+100*time.Millisecond
		f.sample.Wall, f.sample.Taken = f.now, f.up
		_, stdout, _ := call(t, f, nil, "check_opens", "--db", db, "-p", "443")
		expect(t, stdout, "30 connections to port 443 in 1.6s (not 5m) of 1 peer | opens=30;;;0; rate=18.75;")
	}
}
