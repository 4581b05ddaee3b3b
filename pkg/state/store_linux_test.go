package state

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain is also the other process of TestProcesses.
func TestMain(m *testing.M) {
	if dir := os.Getenv("STATE_TEST_COUNT_IN"); dir != "" {
		s := Store{Dir: dir, File: "count", Format: "count-1", Wait: time.Minute}
		for range 25 {
			if err := s.Update(context.Background(), countUp); err != nil {
				println(err.Error())
				os.Exit(1)
			}
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func countUp(old []byte, oldErr error) ([]byte, error) {
	if oldErr != nil && !errors.Is(oldErr, ErrNone) {
		return nil, oldErr
	}
	n, _ := strconv.Atoi(string(old))
	return strconv.AppendInt(nil, int64(n+1), 10), nil
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("this test must be run as root")
	}
	t.Skip("this test must be run as root")
}

func newStore(t *testing.T) Store {
	t.Helper()
	return Store{Dir: t.TempDir(), File: "rates", Format: "rates-1"}
}

func put(content string) func([]byte, error) ([]byte, error) {
	return func([]byte, error) ([]byte, error) { return []byte(content), nil }
}

func mustUpdate(t *testing.T, s Store, content string) {
	t.Helper()
	if err := s.Update(t.Context(), put(content)); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, s Store, want string) {
	t.Helper()
	if got, err := s.Read(); err != nil || string(got) != want {
		t.Errorf("remembered: %.60q, %v, want %.60q", got, err, want)
	}
}

func wantFiles(t *testing.T, s Store, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("files are %v, want %v", got, want)
	}
}

func TestUpdate(t *testing.T) {
	s := newStore(t)
	if _, err := s.Read(); !errors.Is(err, ErrNone) {
		t.Errorf("first read: %v", err)
	}
	err := s.Update(t.Context(), func(old []byte, oldErr error) ([]byte, error) {
		if old != nil || !errors.Is(oldErr, ErrNone) {
			t.Errorf("first run: %q, %v", old, oldErr)
		}
		return []byte("one"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "one")
	wantFiles(t, s, "rates", "rates.lock")
	for _, name := range []string{"rates", "rates.lock"} {
		if info, err := os.Stat(filepath.Join(s.Dir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	failure := errors.New("changed its mind")
	if err := s.Update(t.Context(), func([]byte, error) ([]byte, error) { return []byte("no"), failure }); !errors.Is(err, failure) {
		t.Errorf("error of change: %v", err)
	}
	if err := s.Update(t.Context(), func(old []byte, err error) ([]byte, error) { return nil, nil }); err != nil {
		t.Error(err)
	}
	wantContent(t, s, "one")
	mustUpdate(t, s, "")
	wantContent(t, s, "")
}

func TestRestarted(t *testing.T) {
	s := newStore(t)
	s.BootID = boot
	mustUpdate(t, s, "before")
	wantContent(t, s, "before")
	s.BootID = "another"
	if _, err := s.Read(); !errors.Is(err, ErrRestarted) || errors.Is(err, ErrBroken) {
		t.Errorf("after a restart: %v", err)
	}
	s.BootID = ""
	wantContent(t, s, "before")
}

func TestLimit(t *testing.T) {
	s := newStore(t)
	s.Limit = 100
	mustUpdate(t, s, strings.Repeat("a", 100))
	err := s.Update(t.Context(), put(strings.Repeat("b", 101)))
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("101 bytes of 100: %v", err)
	}
	wantContent(t, s, strings.Repeat("a", 100))
	wantFiles(t, s, "rates", "rates.lock")
	if err := os.Truncate(s.Path(), 1<<40); err != nil { // sparse
		t.Fatal(err)
	}
	if _, err := s.Read(); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a terabyte: %v", err)
	}
	mustUpdate(t, s, "small")
	wantContent(t, s, "small")
}

func TestBusy(t *testing.T) {
	s := newStore(t)
	s.Wait = 30 * time.Millisecond
	err := s.Update(t.Context(), func([]byte, error) ([]byte, error) {
		start := time.Now()
		if err := s.Update(t.Context(), put("second")); !errors.Is(err, ErrBusy) {
			t.Errorf("second run: %v", err)
		}
		if waited := time.Since(start); waited < s.Wait || waited > 5*time.Second {
			t.Errorf("waited %v", waited)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Update(ctx, put("third")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled run: %v", err)
		}
		return []byte("first"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "first")
}

func TestGoroutines(t *testing.T) {
	s := newStore(t)
	s.Wait = time.Minute
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				if err := s.Update(t.Context(), countUp); err != nil {
					t.Error(err)
				}
				if _, err := s.Read(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	wantContent(t, s, "80")
}

func startCounting(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STATE_TEST_COUNT_IN="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestProcesses(t *testing.T) {
	s := Store{Dir: t.TempDir(), File: "count", Format: "count-1"}
	var others []*exec.Cmd
	for range 4 {
		others = append(others, startCounting(t, s.Dir))
	}
	for _, cmd := range others {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	wantContent(t, s, "100")
}

// Runs that are killed wherever they are leave a good file and a free lock.
func TestKilled(t *testing.T) {
	s := Store{Dir: t.TempDir(), File: "count", Format: "count-1"}
	last := 0
	for i := range 20 {
		cmd := startCounting(t, s.Dir)
		time.Sleep(time.Duration(1+i) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if err := s.Update(t.Context(), countUp); err != nil {
			t.Fatal(err)
		}
		content, err := s.Read()
		n, _ := strconv.Atoi(string(content))
		if err != nil || n <= last {
			t.Fatalf("remembered %q after %d, %v", content, last, err)
		}
		last = n
		wantFiles(t, s, "count", "count.lock")
	}
}

func TestRates(t *testing.T) {
	s := newStore(t)
	sample := Sample{Epoch: boot, At: time.Minute, Values: map[string]uint64{"drops": 5}}
	rates, note, err := s.Rates(t.Context(), sample)
	if err != nil || note != nil || rates["drops"].Known() {
		t.Errorf("first run: %v, %v, %v", rates, note, err)
	}
	sample.At, sample.Values["drops"] = 2*time.Minute, 65
	if rates, note, err = s.Rates(t.Context(), sample); err != nil || note != nil || rates["drops"] != (Rate{1, time.Minute}) {
		t.Errorf("second run: %v, %v, %v", rates, note, err)
	}
	mustUpdate(t, s, "a good file that says nothing of counters")
	if rates, note, err = s.Rates(t.Context(), sample); err != nil || !errors.Is(note, ErrBroken) || rates["drops"].Known() {
		t.Errorf("foreign content: %v, %v, %v", rates, note, err)
	}
	if err := os.WriteFile(s.Path(), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if rates, note, err = s.Rates(t.Context(), sample); err != nil || !errors.Is(note, ErrBroken) || rates["drops"].Known() {
		t.Errorf("broken file: %v, %v, %v", rates, note, err)
	}
	if rates, _, err = s.Rates(t.Context(), Sample{}); err == nil {
		t.Errorf("a sample of nothing: %v", rates)
	}
}

func TestBootClock(t *testing.T) {
	a, err := BootClock()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond)
	b, _ := BootClock()
	if a <= 0 || b-a < 2*time.Millisecond || b-a > time.Minute {
		t.Errorf("boot clock went from %v to %v", a, b)
	}
}
