package conntrack

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// trouble makes some counters rise: invalid by TCP segments that fit no
// connection, insert_failed by an entry that is there already.
func trouble(t *testing.T) {
	t.Helper()
	inject(t, 50, variedFlow)
	sysctl(t, "net/netfilter/nf_conntrack_tcp_loose", "0")
	sendBareACK(t)
	c := New(Config{})
	tr, err := c.dial()
	if err != nil {
		t.Error(err)
		return
	}
	defer tr.close()
	f := variedFlow(1)
	if err := tr.send(appendNew(nil, &f)); err != nil {
		t.Error(err)
	}
}

// sendBareACK sends a TCP segment out of nowhere.
func sendBareACK(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_TCP)
	if err != nil {
		t.Error(err)
		return
	}
	defer unix.Close(fd)
	segment := []byte{0x30, 0x39, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0}
	if err := unix.Sendto(fd, segment, 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Error(err)
	}
}

// conntrackStats runs conntrack -S and sums the CPUs.
func conntrackStats(t *testing.T) map[string]uint64 {
	t.Helper()
	sums := map[string]uint64{}
	for _, word := range strings.Fields(run(t, "conntrack", "-S")) {
		name, value, _ := strings.Cut(word, "=")
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			t.Errorf("conntrack -S says %q", word)
		}
		if name != "cpu" {
			sums[name] += n
		}
	}
	return sums
}

func TestStatsEqualConntrack(t *testing.T) {
	tracked(t, func() {
		trouble(t)
		want := conntrackStats(t)
		netlink, err := New(Config{}).Stats(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		proc, err := ReadStats(os.DirFS("/proc"), "thread-self/net")
		if err != nil || proc.Used != 50 {
			t.Errorf("%+v, error %v", proc, err)
		}
		if len(netlink) != runtime.NumCPU() || len(proc.CPUs) != len(netlink) {
			t.Errorf("%d and %d CPUs, the machine has %d", len(netlink), len(proc.CPUs), runtime.NumCPU())
		}
		for source, stats := range map[string]Stats{"netlink": Sum(netlink), "proc": Sum(proc.CPUs)} {
			for name, n := range want {
				c, ok := counterFromColumn(name)
				if got, known := stats.Get(c); !ok || !known || got != n {
					t.Errorf("%s: %s is %d, conntrack says %d", source, name, got, n)
				}
			}
		}
		if want["invalid"] == 0 || want["insert"] == 0 {
			t.Errorf("the counters do not move, so this proves little: %v", want)
		}
	})
}

func TestTableEqualsConntrack(t *testing.T) {
	tracked(t, func() {
		inject(t, 321, variedFlow)
		counted := strings.TrimSpace(run(t, "conntrack", "-C"))
		byNetlink, err := New(Config{}).Table(context.Background())
		if err != nil || strconv.FormatUint(byNetlink.Used, 10) != counted || counted != "321" {
			t.Errorf("%+v, conntrack -C says %s: %v", byNetlink, counted, err)
		}
		byProc, err := ReadTable(os.DirFS("/proc"))
		if err != nil || byProc != byNetlink {
			t.Errorf("/proc says %+v, netlink %+v: %v", byProc, byNetlink, err)
		}
	})
}

func TestDetectInNamespace(t *testing.T) {
	proc := os.DirFS("/proc")
	inNamespace(t, func() {
		if use, err := Detect(proc, "thread-self/net"); err != nil || use != Unused {
			t.Errorf("a namespace without rules: %v, error %v", use, err)
		}
	})
	tracked(t, func() {
		run(t, "ping", "-c1", "-q", "127.0.0.1")
		if use, err := Detect(proc, "thread-self/net"); err != nil || use != InUse {
			t.Errorf("a namespace with a rule: %v, error %v", use, err)
		}
	})
}

// TestOtherNamespace looks from outside into a namespace with 5 flows, by its
// descriptor and, without privilege, by its process's net directory.
func TestOtherNamespace(t *testing.T) {
	ready, done := make(chan string), make(chan bool)
	go func() {
		defer close(ready)
		tracked(t, func() {
			inject(t, 5, variedFlow)
			ready <- "/proc/" + strconv.Itoa(os.Getpid()) + "/task/" + strconv.Itoa(unix.Gettid())
			<-done
		})
	}()
	task, ok := <-ready
	if !ok {
		unavailable(t, "no namespace to look into")
	}
	defer func() { close(done); <-ready }()

	ns, err := os.Open(task + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	c := New(Config{NetNS: int(ns.Fd())})
	table, err := c.Table(context.Background())
	if err != nil || table.Used != 5 || !table.MaxKnown {
		t.Errorf("%+v, error %v", table, err)
	}
	if flows := collect(t, c, nil); len(flows) != 5 {
		t.Errorf("%d flows, want 5", len(flows))
	}
	stats, err := ReadStats(os.DirFS(task), "net")
	if err != nil || stats.Used != 5 {
		t.Errorf("%+v, error %v", stats, err)
	}
	if read, err := ReadTableOf(both{os.DirFS("/proc"), os.DirFS(task)}, "net"); err != nil || read != table {
		t.Errorf("/proc says %+v, netlink %+v: %v", read, table, err)
	}
	inNamespace(t, func() {
		dropCapabilities(t)
		if stats, err := ReadStats(os.DirFS(task), "net"); err != nil || stats.Used != 5 {
			t.Errorf("without a right: %+v, error %v", stats, err)
		}
	})
}

// both is a /proc in which net is another thread's.
type both struct{ proc, task fs.FS }

func (b both) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "net/") {
		return b.task.Open(name)
	}
	return b.proc.Open(name)
}

// TestDialError cannot be tried from here: the socket is made on a thread of
// its own, which has the rights that the test's thread has given up.
func TestDialError(t *testing.T) {
	err := explain("dump", dialError(5, os.NewSyscallError("setns", unix.EPERM)))
	if !errors.Is(err, ErrNamespacePermission) || !errors.Is(err, unix.EPERM) || errors.Is(err, ErrPermission) {
		t.Errorf("another namespace: %v", err)
	}
	err = explain("dump", dialError(0, os.NewSyscallError("socket", unix.EPROTONOSUPPORT)))
	if !errors.Is(err, ErrNotLoaded) {
		t.Errorf("no netlink: %v", err)
	}
	if _, err := dial(1 << 20); err == nil {
		t.Error("a descriptor that is not open is a namespace")
	}
}
