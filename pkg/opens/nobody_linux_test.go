package opens_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testhost"
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

// TestMain lets the test binary be run again as somebody without rights, who then
// reads the counters and tells them.
func TestMain(m *testing.M) {
	if dir := os.Getenv("OPENS_TEST_READ"); dir != "" {
		os.Exit(readForParent(dir))
	}
	os.Exit(m.Run())
}

// told is what the child tells.
type told struct {
	Error    string
	Off      bool
	Denied   bool
	Snapshot bool
	Opens    uint64
	Ports    map[string]uint64
	Peers    map[string]uint64
	UID      int
	Overflow uint64
	Counting bool
}

func readForParent(dir string) int {
	answer := told{UID: os.Getuid(), Ports: map[string]uint64{}, Peers: map[string]uint64{}}
	counter, err := opens.Open(opens.Config{Dir: dir})
	if err == nil {
		defer counter.Close()
		err = answer.read(counter)
	}
	if err != nil {
		answer.Error, answer.Off, answer.Denied = err.Error(), errors.Is(err, opens.ErrOff), errors.Is(err, opens.ErrPermission)
	}
	if json.NewEncoder(os.Stdout).Encode(answer) != nil {
		return 1
	}
	return 0
}

func (a *told) read(counter opens.Counter) error {
	summary, err := counter.Read(opens.Query{}, opens.Visitor{
		Total: func(t opens.Total) error { a.Ports[t.Direction.String()] += t.Opens; return nil },
		Peer:  func(p opens.Peer) error { a.Peers[p.Addr.String()] += p.Opens; return nil },
	})
	if err != nil {
		return err
	}
	a.Opens, a.Snapshot = summary.In.Opens, summary.Snapshot
	status, err := counter.Status()
	if err != nil {
		return err
	}
	a.Overflow, a.Counting = status.Overflow, status.Counting
	return nil
}

// asNobody reads as nobody, with no capability, in a namespace.
func asNobody(t *testing.T, ns *testhost.Netns, c opens.Config) (answer told) {
	t.Helper()
	binary := filepath.Join(publicDir(t), "opens.test")
	copyFile(t, "/proc/self/exe", binary)
	var out []byte
	err := ns.Do(func() (err error) {
		cmd := exec.Command(binary)
		cmd.Env = []string{"OPENS_TEST_READ=" + c.Dir}
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err = cmd.Output()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	if answer.UID != 65534 {
		t.Fatalf("read as user %d", answer.UID)
	}
	return answer
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestAnybodyReads(t *testing.T) {
	l, want := testnet.NewPair(t), testnet.NewAccepted()
	c := on(t, l.Server, opens.Config{Method: opens.SockOps})
	want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	made := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.1.0", 3), N: 300}.Run(t, l.Client)
	want.Settle(t, made)
	got := asNobody(t, l.Server, c)
	peers := map[string]uint64{"10.66.1.1": 100, "10.66.1.2": 100, "10.66.1.3": 100}
	if got.Error != "" || got.Snapshot || got.Opens != 300 || got.Ports["in"] != 300 || !got.Counting || !cmp.Equal(got.Peers, peers) {
		if unprivilegedRefused(got) {
			t.Skipf("this kernel lets nobody read eBPF maps: %s", got.Error)
		}
		t.Errorf("nobody read %+v", got)
	}
}

// unprivilegedRefused is a kernel before Linux 5.19.
func unprivilegedRefused(got told) bool { return got.Denied }

func TestAnybodyReadsTheSnapshot(t *testing.T) {
	l, want := testnet.NewPair(t), testnet.NewAccepted()
	c := on(t, l.Server, opens.Config{Method: opens.NFT})
	if got := asNobody(t, l.Server, c); !got.Denied || got.Off {
		t.Errorf("without a snapshot: %+v", got)
	} else {
		t.Log(got.Error)
	}
	want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	made := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.1.0", 2), N: 100}.Run(t, l.Client)
	want.Settle(t, made)
	publish(t, l, c)
	got := asNobody(t, l.Server, c)
	if got.Error != "" || !got.Snapshot || got.Opens != 100 || got.Peers["10.66.1.2"] != 50 {
		t.Errorf("nobody read %+v", got)
	}
	// Off takes it away, and then nobody is told old numbers.
	if err := l.Server.Do(func() error { return opens.Off(c) }); err != nil {
		t.Fatal(err)
	}
	if got := asNobody(t, l.Server, c); !got.Off {
		t.Errorf("after off: %+v", got)
	}
}

func publish(t *testing.T, l *testnet.Pair, c opens.Config) {
	t.Helper()
	err := l.Server.Do(func() error {
		counter, err := opens.Open(c)
		if err != nil {
			return err
		}
		defer counter.Close()
		sample, err := opens.Take(counter, opens.Query{}, time.Now())
		if err != nil {
			return err
		}
		return opens.Publish(c, sample)
	})
	if err != nil {
		t.Fatal(err)
	}
}
