package opens_test

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// on switches counting on in a namespace, in a directory of the test, and off when it
// ends, and proves that nothing stays.
func on(t testing.TB, ns *testhost.Netns, c opens.Config) opens.Config {
	t.Helper()
	testhost.NeedRoot(t)
	c.Dir = filepath.Join(publicDir(t), "sockcensus", "bpf")
	if result := switchOn(t, ns, c); result.Change != opens.Started {
		t.Fatalf("On: %+v, want started", result)
	}
	t.Cleanup(func() {
		if err := ns.Do(func() error { return opens.Off(c) }); err != nil && !errors.Is(err, opens.ErrOff) {
			t.Error(err)
		}
		if _, err := os.Lstat(filepath.Dir(c.Dir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("something is left of %s", filepath.Dir(c.Dir))
		}
		if mounts, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(mounts), c.Dir) {
			t.Errorf("%s is still mounted", c.Dir)
		}
		nothingOfNFT(t, ns)
	})
	return c
}

func nothingOfNFT(t testing.TB, ns *testhost.Netns) {
	t.Helper()
	nft, err := exec.LookPath("nft")
	if err != nil || ns == nil {
		return
	}
	_ = ns.Do(func() error {
		if out, err := exec.Command(nft, "list", "ruleset").CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("nft list ruleset: %v: %s", err, out)
		}
		return nil
	})
}

func switchOn(t testing.TB, ns *testhost.Netns, c opens.Config) (result opens.Result) {
	t.Helper()
	err := ns.Do(func() (err error) {
		result, err = opens.On(c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func status(t testing.TB, ns *testhost.Netns, c opens.Config) (status *opens.Status) {
	t.Helper()
	err := ns.Do(func() error {
		counter, err := opens.Open(c)
		if err != nil {
			return err
		}
		defer counter.Close()
		status, err = counter.Status()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// publicDir is a directory that every user can pass.
func publicDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "opens")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reading is everything that Read tells.
type reading struct {
	opens.Summary
	totals map[opens.Service]opens.Total
	peers  map[opens.Service]map[netip.Addr]uint64
}

func read(t testing.TB, ns *testhost.Netns, c opens.Config) reading {
	t.Helper()
	r, err := tryRead(ns, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tryRead reads the counters of a namespace from inside of it.
func tryRead(ns *testhost.Netns, c opens.Config) (r reading, err error) {
	err = ns.Do(func() error {
		counter, err := opens.Open(c)
		if err != nil {
			return err
		}
		defer counter.Close()
		r, err = readAll(counter)
		return err
	})
	return r, err
}

func readAll(counter opens.Counter) (r reading, err error) {
	r = reading{totals: map[opens.Service]opens.Total{}, peers: map[opens.Service]map[netip.Addr]uint64{}}
	r.Summary, err = counter.Read(opens.Query{}, opens.Visitor{
		Total: func(total opens.Total) error { r.totals[total.Service] = total; return nil },
		Peer: func(peer opens.Peer) error {
			if r.peers[peer.Service] == nil {
				r.peers[peer.Service] = map[netip.Addr]uint64{}
			}
			r.peers[peer.Service][peer.Addr] += peer.Opens
			return nil
		},
	})
	return r, err
}
