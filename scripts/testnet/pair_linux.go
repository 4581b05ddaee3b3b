package testnet

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// Addresses of the two ends of the link.
const (
	Server4, Server6 = "10.55.0.1", "fd55::1"
	Client4, Client6 = "10.55.0.2", "fd55::2"
)

// A Pair is two network namespaces joined by veth. Every address of 10.66.0.0/16
// and fd66::/64 is the client's.
type Pair struct{ Server, Client *testhost.Netns }

// NewPair makes the namespaces, which go when the test ends. It needs root.
func NewPair(t testing.TB) *Pair {
	t.Helper()
	p := &Pair{testhost.NewNetns(t), testhost.NewNetns(t)}
	for _, ns := range []*testhost.Netns{p.Server, p.Client} {
		// A link-local address that is still being checked cannot ask for neighbours.
		err := ns.Do(func() error { return os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0) })
		if err != nil {
			t.Fatal(err)
		}
	}
	Tool(t, "ip", p.Server, "link add veth0 type veth peer name veth0 netns "+p.Client.Name,
		"addr add "+Server4+"/24 dev veth0", "addr add "+Server6+"/64 dev veth0 nodad", "link set veth0 up")
	Tool(t, "ip", p.Client, "addr add "+Client4+"/24 dev veth0", "addr add "+Client6+"/64 dev veth0 nodad", "link set veth0 up",
		"route add local 10.66.0.0/16 dev lo", "route add local fd66::/64 dev lo")
	Tool(t, "ip", p.Server, "route add 10.66.0.0/16 via "+Client4, "route add fd66::/64 via "+Client6)
	p.warm(t)
	return p
}

// Tool runs ip or nft in a namespace on lines of its own language.
func Tool(t testing.TB, name string, ns *testhost.Netns, lines ...string) {
	t.Helper()
	args := map[string][]string{"ip": {"-batch", "-"}, "nft": {"-f", "-"}}[name]
	got := testhost.Run(t, testhost.Command{Path: testhost.Need(t, name), Args: args, Netns: ns, Stdin: strings.Join(lines, "\n") + "\n"})
	if got.Code != 0 {
		t.Fatalf("%s %q: %v", name, lines, got)
	}
}

// warm waits until the namespaces have found each other: the first IPv6 neighbour
// solicitation can get lost while the link comes up.
func (p *Pair) warm(t testing.TB) {
	t.Helper()
	probe := Burst{To: At(Server6, 9), From: Addresses("fd66::", 1)}
	err := p.Client.Do(func() (err error) {
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
			if _, err = probe.connect(0); err == nil {
				return nil
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
