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
	"github.com/sockcensus/sockcensus/scripts/testnet"
)

// connections is how many a full-speed test makes: all 100,000 of the proof where
// SOCKCENSUS_FULL is set, a tenth of it otherwise.
func connections() int {
	if os.Getenv("SOCKCENSUS_FULL") != "" {
		return 100_000
	}
	return 10_000
}

var comparers = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

// incoming is what was accepted, as the counters name it.
func incoming(accepted *testnet.Accepted) map[opens.Service]map[netip.Addr]uint64 {
	services := map[opens.Service]map[netip.Addr]uint64{}
	for port, peers := range accepted.Peers() {
		services[opens.Service{Port: port, Direction: opens.In}] = peers
	}
	return services
}

// agree compares what was counted, incoming, with what was accepted.
func agree(t testing.TB, accepted *testnet.Accepted, got reading) {
	t.Helper()
	want := incoming(accepted)
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

// methods are what a proof runs for, each in the server's namespace.
var methods = []opens.Method{opens.SockOps, opens.NFT}

func eachMethod(t *testing.T, test func(t *testing.T, l *testnet.Pair, c opens.Config)) {
	for _, method := range methods {
		t.Run(string(method), func(t *testing.T) {
			l := testnet.NewPair(t)
			test(t, l, on(t, l.Server, opens.Config{Method: method}))
		})
	}
}

func TestEveryConnectionPerPortAndPeer(t *testing.T) {
	eachMethod(t, func(t *testing.T, l *testnet.Pair, c opens.Config) {
		want, n, made := testnet.NewAccepted(), connections(), 0
		for i, port := range []uint16{4711, 4712} {
			want.Serve(t, l.Server, testnet.At(testnet.Server4, port))
			start := time.Now()
			ofPort := testnet.Burst{To: testnet.At(testnet.Server4, port), From: testnet.Addresses("10.66.1.0", 200), N: n / 2, Reset: i == 0}.Run(t, l.Client)
			t.Logf("port %d: %d connections in %v", port, ofPort, time.Since(start))
			if ofPort < n/2*99/100 {
				t.Errorf("only %d connections were made", ofPort)
			}
			made += ofPort
			want.Settle(t, made)
		}
		agree(t, want, read(t, l.Server, c))
	})
}

func TestIPv6LoopbackAndRefused(t *testing.T) {
	eachMethod(t, func(t *testing.T, l *testnet.Pair, c opens.Config) {
		want := testnet.NewAccepted()
		want.Serve(t, l.Server, testnet.At(testnet.Server6, 4711))
		want.Serve(t, l.Server, testnet.At("127.0.0.1", 4712))
		want.Serve(t, l.Server, testnet.At("::1", 4713))
		want.Serve(t, l.Server, testnet.At("::", 4714)) // both families on one socket
		for _, b := range []struct {
			from *testhost.Netns
			testnet.Burst
		}{
			{l.Client, testnet.Burst{To: testnet.At(testnet.Server6, 4711), From: testnet.Addresses("fd66::", 50), N: 500}},
			{l.Server, testnet.Burst{To: testnet.At("127.0.0.1", 4712), N: 100}},
			{l.Server, testnet.Burst{To: testnet.At("::1", 4713), N: 100, Reset: true}},
			{l.Client, testnet.Burst{To: testnet.At(testnet.Server4, 4714), From: testnet.Addresses("10.66.1.0", 10), N: 50}},
			{l.Client, testnet.Burst{To: testnet.At(testnet.Server6, 4714), From: testnet.Addresses("fd66::", 10), N: 50}},
		} {
			if made := b.Run(t, b.from); made != b.N {
				t.Errorf("%v: %d of %d connections", b.To, made, b.N)
			}
		}
		if made := (testnet.Burst{To: testnet.At(testnet.Server4, 9), N: 200}).Run(t, l.Client); made != 0 {
			t.Errorf("%d connections to a port where nobody listens", made)
		}
		want.Settle(t, 800)
		agree(t, want, read(t, l.Server, c))
	})
}

func TestOutgoing(t *testing.T) {
	l, want := testnet.NewPair(t), testnet.NewAccepted()
	c := on(t, l.Client, opens.Config{Method: opens.SockOps})
	want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	want.Serve(t, l.Server, testnet.At(testnet.Server6, 4711))
	made4 := testnet.Burst{To: testnet.At(testnet.Server4, 4711), N: 300}.Run(t, l.Client)
	made6 := testnet.Burst{To: testnet.At(testnet.Server6, 4711), N: 200, Reset: true}.Run(t, l.Client)
	testnet.Burst{To: testnet.At(testnet.Server4, 9), N: 100}.Run(t, l.Client)
	got := read(t, l.Client, c)
	service := opens.Service{Port: 4711, Direction: opens.Out}
	peers := map[netip.Addr]uint64{netip.MustParseAddr(testnet.Server4): uint64(made4), netip.MustParseAddr(testnet.Server6): uint64(made6)}
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
			l, want := testnet.NewPair(t), testnet.NewAccepted()
			c := on(t, l.Server, opens.Config{Method: method, Size: 100})
			want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
			made := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.1.0", 400), N: 4000}.Run(t, l.Client)
			service := opens.Service{Port: 4711}
			want.Settle(t, made)
			got := read(t, l.Server, c)
			var peers uint64
			for addr, n := range got.peers[service] {
				peers += n
				if n != incoming(want)[service][addr] {
					t.Errorf("%v: counted %d, accepted %d", addr, n, incoming(want)[service][addr])
				}
			}
			total := got.totals[service]
			if total.Opens != want.Total() || got.In.Opens != total.Opens || got.In.Rest != 0 {
				t.Errorf("total %+v in %+v, accepted %d", total, got.Summary, want.Total())
			}
			// The table is the host's: a few entries may be of other namespaces.
			if len(got.peers[service]) < 80 || total.Overflow != total.Opens-peers || total.Overflow == 0 {
				t.Errorf("%d peers with %d, overflow %d of %d", len(got.peers[service]), peers, total.Overflow, total.Opens)
			}
			status := status(t, l.Server, c)
			if !status.Peers.Full() || status.Overflow != total.Overflow {
				t.Errorf("status %+v", status)
			}
		})
	}
}

func TestSecondOnIsHarmless(t *testing.T) {
	eachMethod(t, func(t *testing.T, l *testnet.Pair, c opens.Config) {
		want := testnet.NewAccepted()
		want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
		for range 3 {
			testnet.Burst{To: testnet.At(testnet.Server4, 4711), N: 100}.Run(t, l.Client)
			if result := switchOn(t, l.Server, c); result.Change != opens.Unchanged || result.Method != c.Method {
				t.Errorf("got %+v", result)
			}
		}
		want.Settle(t, 300)
		agree(t, want, read(t, l.Server, c))
		if got := status(t, l.Server, c); !got.Counting || got.Kernel == nil || got.Kernel.PassiveOpens != 300 || got.In.Opens != 300 {
			t.Errorf("status %+v, kernel %+v", got, got.Kernel)
		}
	})
}

func TestUpgradeUnderLoadKeepsCounts(t *testing.T) {
	l, want := testnet.NewPair(t), testnet.NewAccepted()
	c := on(t, l.Server, opens.Config{Method: opens.SockOps})
	want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	made := make(chan int)
	go func() {
		made <- testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.1.0", 50), N: 10_000}.Run(t, l.Client)
	}()
	var upgrades int
	for n := 0; n == 0; {
		select {
		case n = <-made:
			want.Settle(t, n)
		default:
			outdate(t, c)
			if result := switchOn(t, l.Server, c); result.Change != opens.Upgraded {
				t.Fatalf("got %+v", result)
			}
			upgrades++
		}
	}
	t.Logf("%d upgrades", upgrades)
	agree(t, want, read(t, l.Server, c))
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
	l, want := testnet.NewPair(t), testnet.NewAccepted()
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
	c := on(t, l.Server, opens.Config{Method: opens.SockOps})
	second := on(t, l.Server, opens.Config{Method: opens.SockOps}) // our own, elsewhere
	other()
	want.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
	made := testnet.Burst{To: testnet.At(testnet.Server4, 4711), From: testnet.Addresses("10.66.1.0", 5), N: 500}.Run(t, l.Client)
	want.Settle(t, made)
	agree(t, want, read(t, l.Server, c))
	agree(t, want, read(t, l.Server, second))
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
			l, truth := testnet.NewPair(t), testnet.NewAccepted()
			c := on(t, l.Server, opens.Config{Method: opens.SockOps, Size: 100})
			truth.Serve(t, l.Server, testnet.At(testnet.Server4, 4711))
			testnet.Burst{To: testnet.At(testnet.Server4, 4711), N: 10}.Run(t, l.Client)
			if err := os.Remove(filepath.Join(c.Dir, name)); err != nil {
				t.Fatal(err)
			}
			kind := opens.ErrBroken
			if name == "meta" {
				kind = opens.ErrOff
			}
			if _, err := tryRead(l.Server, c); !errors.Is(err, kind) {
				t.Errorf("reading: %v", err)
			}
			if result := switchOn(t, l.Server, c); result.Change != want {
				t.Errorf("on: %+v, want %v", result, want)
			}
			testnet.Burst{To: testnet.At(testnet.Server4, 4711), N: 10}.Run(t, l.Client)
			truth.Settle(t, 20)
			if got := read(t, l.Server, c); got.In.Opens != 10 {
				t.Errorf("counted %d, want the 10 since then", got.In.Opens)
			}
		})
	}
}

func TestNewerLayout(t *testing.T) {
	l := testnet.NewPair(t)
	c := on(t, l.Server, opens.Config{Method: opens.SockOps, Size: 100})
	pokeMeta(t, c, 4, 9) // the low byte of the layout, on a little-endian machine
	_, readErr := tryRead(l.Server, c)
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
	l := testnet.NewPair(t)
	c := opens.Config{Dir: filepath.Join(publicDir(t), "sockcensus", "bpf"), Cgroup: "/proc"}
	var result opens.Result
	err := l.Server.Do(func() (err error) {
		result, err = opens.On(c)
		return err
	})
	if err != nil || result.Method != opens.NFT || !strings.Contains(result.Reason, "cgroup2") {
		t.Errorf("%+v, %v", result, err)
	}
	if got := status(t, l.Server, c); got.Method != opens.NFT || got.Reason != result.Reason {
		t.Errorf("status %+v", got)
	}
	if err := l.Server.Do(func() error { return opens.Off(c) }); err != nil {
		t.Error(err)
	}
}
