package opens_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sockcensus/sockcensus/pkg/opens"
	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// connections is how many a full-speed test makes: all 100,000 of the proof where
// SOCKCENSUS_FULL is set, a tenth of it otherwise.
func connections() int {
	if os.Getenv("SOCKCENSUS_FULL") != "" {
		return 100_000
	}
	return 10_000
}

// settle waits until the accepting side has seen n connections of a service.
func (tr *truth) settle(s opens.Service, n int) {
	for deadline := time.Now().Add(5 * time.Second); tr.total(s) < uint64(n) && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // for those beyond what was asked for
}

var comparers = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

// agree compares what was counted, incoming, with what was accepted.
func (tr *truth) agree(t testing.TB, got reading) {
	t.Helper()
	tr.Lock()
	want := map[opens.Service]map[netip.Addr]uint64{}
	for s, peers := range tr.peers {
		want[s] = peers
	}
	defer tr.Unlock()
	counted := map[opens.Service]map[netip.Addr]uint64{}
	for s, peers := range got.peers {
		if s.Direction == opens.In {
			counted[s] = peers
		}
	}
	if diff := cmp.Diff(want, counted, comparers); diff != "" {
		t.Errorf("peers: (-accepted +counted)\n%s", diff)
	}
	var all uint64
	for s, peers := range want {
		var sum uint64
		for _, n := range peers {
			sum += n
		}
		if got.totals[s].Opens != sum || got.totals[s].Overflow != 0 {
			t.Errorf("%v: counted %+v, accepted %d", s, got.totals[s], sum)
		}
		all += sum
	}
	if got.In.Opens != all || got.In.Rest != 0 || got.Lost != 0 {
		t.Errorf("summary %+v, accepted %d", got.Summary, all)
	}
}

func at(addr string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
}

// methods are what a proof runs for, each in the server's namespace.
var methods = []opens.Method{opens.SockOps, opens.NFT}

func eachMethod(t *testing.T, test func(t *testing.T, l *lab, c opens.Config)) {
	for _, method := range methods {
		t.Run(string(method), func(t *testing.T) {
			l := newLab(t)
			test(t, l, on(t, l.server, opens.Config{Method: method}))
		})
	}
}

func TestEveryConnectionPerPortAndPeer(t *testing.T) {
	eachMethod(t, func(t *testing.T, l *lab, c opens.Config) {
		want, n := newTruth(), connections()
		for i, port := range []uint16{4711, 4712} {
			want.serve(t, l.server, at(server4, port))
			start := time.Now()
			made := burst{target: at(server4, port), sources: addresses("10.66.1.0", 200), n: n / 2, reset: i == 0}.run(t, l.client)
			t.Logf("port %d: %d connections in %v", port, made, time.Since(start))
			if made < n/2*99/100 {
				t.Errorf("only %d connections were made", made)
			}
			want.settle(opens.Service{Port: port}, made)
		}
		want.agree(t, read(t, l.server, c))
	})
}

func TestIPv6LoopbackAndRefused(t *testing.T) {
	eachMethod(t, func(t *testing.T, l *lab, c opens.Config) {
		want := newTruth()
		want.serve(t, l.server, at(server6, 4711))
		want.serve(t, l.server, at("127.0.0.1", 4712))
		want.serve(t, l.server, at("::1", 4713))
		want.serve(t, l.server, at("::", 4714)) // both families on one socket
		for _, b := range []struct {
			from *testhost.Netns
			burst
		}{
			{l.client, burst{target: at(server6, 4711), sources: addresses("fd66::", 50), n: 500}},
			{l.server, burst{target: at("127.0.0.1", 4712), n: 100}},
			{l.server, burst{target: at("::1", 4713), n: 100, reset: true}},
			{l.client, burst{target: at(server4, 4714), sources: addresses("10.66.1.0", 10), n: 50}},
			{l.client, burst{target: at(server6, 4714), sources: addresses("fd66::", 10), n: 50}},
		} {
			if made := b.run(t, b.from); made != b.n {
				t.Errorf("%v: %d of %d connections", b.target, made, b.n)
			}
		}
		if made := (burst{target: at(server4, 9), n: 200}).run(t, l.client); made != 0 {
			t.Errorf("%d connections to a port where nobody listens", made)
		}
		want.settle(opens.Service{Port: 4714}, 100)
		want.agree(t, read(t, l.server, c))
	})
}

func TestOutgoing(t *testing.T) {
	l, want := newLab(t), newTruth()
	c := on(t, l.client, opens.Config{Method: opens.SockOps})
	want.serve(t, l.server, at(server4, 4711))
	want.serve(t, l.server, at(server6, 4711))
	made4 := burst{target: at(server4, 4711), n: 300}.run(t, l.client)
	made6 := burst{target: at(server6, 4711), n: 200, reset: true}.run(t, l.client)
	burst{target: at(server4, 9), n: 100}.run(t, l.client)
	got := read(t, l.client, c)
	service := opens.Service{Port: 4711, Direction: opens.Out}
	peers := map[netip.Addr]uint64{netip.MustParseAddr(server4): uint64(made4), netip.MustParseAddr(server6): uint64(made6)}
	if diff := cmp.Diff(map[opens.Service]map[netip.Addr]uint64{service: peers}, got.peers, comparers); diff != "" {
		t.Errorf("peers: (-made +counted)\n%s", diff)
	}
	if got.Out.Opens != 500 || got.In.Opens != 0 || got.totals[service].Opens != 500 {
		t.Errorf("got %+v", got)
	}
}

func TestOverflowKeepsTotalsExact(t *testing.T) {
	for _, method := range methods {
		t.Run(string(method), func(t *testing.T) {
			l, want := newLab(t), newTruth()
			c := on(t, l.server, opens.Config{Method: method, Size: 100})
			want.serve(t, l.server, at(server4, 4711))
			made := burst{target: at(server4, 4711), sources: addresses("10.66.1.0", 400), n: 4000}.run(t, l.client)
			service := opens.Service{Port: 4711}
			want.settle(service, made)
			got := read(t, l.server, c)
			var peers uint64
			for addr, n := range got.peers[service] {
				peers += n
				if n != want.peers[service][addr] {
					t.Errorf("%v: counted %d, accepted %d", addr, n, want.peers[service][addr])
				}
			}
			total := got.totals[service]
			if total.Opens != want.total(service) || got.In.Opens != total.Opens || got.In.Rest != 0 {
				t.Errorf("total %+v in %+v, accepted %d", total, got.Summary, want.total(service))
			}
			// The table is the host's: a few entries may be of other namespaces.
			if len(got.peers[service]) < 80 || total.Overflow != total.Opens-peers || total.Overflow == 0 {
				t.Errorf("%d peers with %d, overflow %d of %d", len(got.peers[service]), peers, total.Overflow, total.Opens)
			}
			status := status(t, l.server, c)
			if !status.Peers.Full() || status.Overflow != total.Overflow {
				t.Errorf("status %+v", status)
			}
		})
	}
}

func TestSecondOnIsHarmless(t *testing.T) {
	eachMethod(t, func(t *testing.T, l *lab, c opens.Config) {
		want := newTruth()
		want.serve(t, l.server, at(server4, 4711))
		for range 3 {
			burst{target: at(server4, 4711), n: 100}.run(t, l.client)
			if result := switchOn(t, l.server, c); result.Change != opens.Unchanged || result.Method != c.Method {
				t.Errorf("got %+v", result)
			}
		}
		want.settle(opens.Service{Port: 4711}, 300)
		want.agree(t, read(t, l.server, c))
		if got := status(t, l.server, c); !got.Counting || got.Kernel == nil || got.Kernel.PassiveOpens != 300 || got.In.Opens != 300 {
			t.Errorf("status %+v, kernel %+v", got, got.Kernel)
		}
	})
}

func TestUpgradeUnderLoadKeepsCounts(t *testing.T) {
	l, want := newLab(t), newTruth()
	c := on(t, l.server, opens.Config{Method: opens.SockOps})
	want.serve(t, l.server, at(server4, 4711))
	made := make(chan int)
	go func() {
		made <- burst{target: at(server4, 4711), sources: addresses("10.66.1.0", 50), n: 10_000}.run(t, l.client)
	}()
	var upgrades int
	for n := 0; n == 0; {
		select {
		case n = <-made:
			want.settle(opens.Service{Port: 4711}, n)
		default:
			outdate(t, c)
			if result := switchOn(t, l.server, c); result.Change != opens.Upgraded {
				t.Fatalf("got %+v", result)
			}
			upgrades++
		}
	}
	t.Logf("%d upgrades", upgrades)
	want.agree(t, read(t, l.server, c))
}

// outdate makes the counters say that an earlier program counts in them.
func outdate(t testing.TB, c opens.Config) { pokeMeta(t, c, 28, 0) }

// pokeMeta changes one byte of what is said about the tables.
func pokeMeta(t testing.TB, c opens.Config, offset int, value byte) {
	t.Helper()
	m, err := ebpf.LoadPinnedMap(filepath.Join(c.Dir, "meta"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	data := make([]byte, m.ValueSize())
	if err := m.Lookup(uint32(0), data); err != nil {
		t.Fatal(err)
	}
	data[offset] = value
	if err := m.Put(uint32(0), data); err != nil {
		t.Fatal(err)
	}
}

func TestBesideAnotherProgram(t *testing.T) {
	l, want := newLab(t), newTruth()
	root, err := os.Open(cgroup2(t))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	other := func() {
		program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Type: ebpf.SockOps, AttachType: ebpf.AttachCGroupSockOps, License: "GPL",
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()},
		})
		if err != nil {
			t.Fatal(err)
		}
		attached, err := link.AttachRawLink(link.RawLinkOptions{Target: int(root.Fd()), Program: program, Attach: ebpf.AttachCGroupSockOps})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = attached.Close(); _ = program.Close() })
	}
	other()
	c := on(t, l.server, opens.Config{Method: opens.SockOps})
	second := on(t, l.server, opens.Config{Method: opens.SockOps}) // our own, elsewhere
	other()
	want.serve(t, l.server, at(server4, 4711))
	made := burst{target: at(server4, 4711), sources: addresses("10.66.1.0", 5), n: 500}.run(t, l.client)
	want.settle(opens.Service{Port: 4711}, made)
	want.agree(t, read(t, l.server, c))
	want.agree(t, read(t, l.server, second))
}

func cgroup2(t testing.TB) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(mounts), "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1]
		}
	}
	t.Skip("no cgroup2 is mounted")
	return ""
}

func TestHalfRemovedPins(t *testing.T) {
	for name, want := range map[string]opens.Change{
		"link":          opens.Restarted,
		"peers_v1":      opens.Restarted,
		"lost_v1":       opens.Restarted,
		"namespaces_v1": opens.Restarted,
		"meta":          opens.Started,
	} {
		t.Run(name, func(t *testing.T) {
			l, truth := newLab(t), newTruth()
			c := on(t, l.server, opens.Config{Method: opens.SockOps, Size: 100})
			truth.serve(t, l.server, at(server4, 4711))
			burst{target: at(server4, 4711), n: 10}.run(t, l.client)
			if err := os.Remove(filepath.Join(c.Dir, name)); err != nil {
				t.Fatal(err)
			}
			kind := opens.ErrBroken
			if name == "meta" {
				kind = opens.ErrOff
			}
			if _, err := tryRead(l.server, c); !errors.Is(err, kind) {
				t.Errorf("reading: %v", err)
			}
			if result := switchOn(t, l.server, c); result.Change != want {
				t.Errorf("on: %+v, want %v", result, want)
			}
			burst{target: at(server4, 4711), n: 10}.run(t, l.client)
			truth.settle(opens.Service{Port: 4711}, 20)
			if got := read(t, l.server, c); got.In.Opens != 10 {
				t.Errorf("counted %d, want the 10 since then", got.In.Opens)
			}
		})
	}
}

func TestNewerLayout(t *testing.T) {
	l := newLab(t)
	c := on(t, l.server, opens.Config{Method: opens.SockOps, Size: 100})
	pokeMeta(t, c, 4, 9) // the low byte of the layout, on a little-endian machine
	_, readErr := tryRead(l.server, c)
	_, onErr := opens.On(c)
	for _, err := range []error{readErr, onErr, opens.Off(c)} {
		if !errors.Is(err, opens.ErrNewer) {
			t.Errorf("got %v", err)
		}
	}
	pokeMeta(t, c, 4, 1)
}

func TestNotSwitchedOn(t *testing.T) {
	c := opens.Config{Dir: filepath.Join(t.TempDir(), "sockcensus", "bpf")}
	_, err := opens.Open(c)
	for _, err := range []error{err, opens.Off(c)} {
		if !errors.Is(err, opens.ErrOff) || !strings.Contains(err.Error(), "opens on") {
			t.Errorf("got %v", err)
		}
	}
}

func TestBadConfigurations(t *testing.T) {
	testhost.NeedRoot(t)
	dir := filepath.Join(publicDir(t), "sockcensus", "bpf")
	for name, test := range map[string]struct {
		config opens.Config
		kind   error
	}{
		"size":          {opens.Config{Dir: dir, Size: -1}, opens.ErrInput},
		"method":        {opens.Config{Dir: dir, Method: "guess"}, opens.ErrInput},
		"no cgroup":     {opens.Config{Dir: dir, Method: opens.SockOps, Cgroup: "/nowhere"}, opens.ErrNoCgroup2},
		"not a cgroup2": {opens.Config{Dir: dir, Method: opens.SockOps, Cgroup: "/proc"}, opens.ErrNoCgroup2},
		"not a place":   {opens.Config{Dir: "/proc/self/bpf", Method: opens.SockOps}, opens.ErrNoBPFFS},
	} {
		if _, err := opens.On(test.config); !errors.Is(err, test.kind) || strings.Contains(err.Error(), "MEMLOCK") {
			t.Errorf("%s: %v", name, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
	if _, err := os.Lstat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left of %s", dir)
	}
}

func TestAutoFallsBackWithReason(t *testing.T) {
	l := newLab(t)
	c := opens.Config{Dir: filepath.Join(publicDir(t), "sockcensus", "bpf"), Cgroup: "/proc"}
	var result opens.Result
	err := l.server.Do(func() (err error) {
		result, err = opens.On(c)
		return err
	})
	if err != nil || result.Method != opens.NFT || !strings.Contains(result.Reason, "cgroup2") {
		t.Errorf("%+v, %v", result, err)
	}
	if got := status(t, l.server, c); got.Method != opens.NFT || got.Reason != result.Reason {
		t.Errorf("status %+v", got)
	}
	if err := l.server.Do(func() error { return opens.Off(c) }); err != nil {
		t.Error(err)
	}
}
