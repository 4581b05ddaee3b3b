package docs

import (
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// TestPictures draws a day of connections. It takes minutes, so it only runs
// when PICTURES names the directory to write to:
//
//	PICTURES=$PWD/scripts/docs go test ./scripts/docs -run Pictures
func TestPictures(t *testing.T) {
	dir := os.Getenv("PICTURES")
	if dir == "" {
		t.Skip("PICTURES is not set: the pictures of the README stay as they are")
	}
	ns := testhost.NewNetns(t)
	node := testhost.NewMuninNode(t, testhost.MuninNodeOptions{Netns: ns, Host: "www.example"})
	graphs := []string{"connections_states_443", "connections_443_80"}
	for _, graph := range graphs {
		node.Link(graph, testhost.Binary(t, "connections"))
	}
	node.Start()
	master := testhost.NewMuninMaster(t, node)
	master.Clock = time.Now().Add(-24 * time.Hour).Truncate(5 * time.Minute)
	web, secure := newLoad(t, ns, "127.0.0.1:80"), newLoad(t, ns, "127.0.0.1:443")
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 288 {
		day := math.Sin(math.Pi * float64(round) / 288)
		secure.hold(int(40 + 220*day*day + 25*random.Float64()))
		web.hold(int(10 + 60*day + 10*random.Float64()))
		secure.leave(int(3 + 12*day*random.Float64())) // CLOSE_WAIT, until the program closes
		master.Update(1)
	}
	for _, graph := range graphs {
		if err := os.WriteFile(filepath.Join(dir, graph+".png"), master.Graph(graph), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A load is connections to one port.
type load struct {
	t        *testing.T
	ns       *testhost.Netns
	address  string
	accepted chan net.Conn
	clients  []net.Conn
	servers  []net.Conn
	left     []net.Conn
}

func newLoad(t *testing.T, ns *testhost.Netns, address string) *load {
	listener, err := ns.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	l := &load{t: t, ns: ns, address: address, accepted: make(chan net.Conn)}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			l.accepted <- c
		}
	}()
	return l
}

// hold opens or closes connections until there are n.
func (l *load) hold(n int) {
	for len(l.clients) < n {
		client, err := l.ns.Dial(l.t.Context(), "tcp", l.address)
		if err != nil {
			l.t.Fatal(err)
		}
		l.clients, l.servers = append(l.clients, client), append(l.servers, <-l.accepted)
	}
	for len(l.clients) > n {
		last := len(l.clients) - 1
		l.servers[last].Close() // the server closes first: TIME_WAIT is on its side
		l.clients[last].Close()
		l.clients, l.servers = l.clients[:last], l.servers[:last]
	}
}

// leave has n clients hang up on a server that does not notice.
func (l *load) leave(n int) {
	for _, c := range l.left {
		c.Close()
	}
	l.left = l.left[:0]
	for range min(n, len(l.clients)) {
		last := len(l.clients) - 1
		l.clients[last].Close()
		l.left = append(l.left, l.servers[last])
		l.clients, l.servers = l.clients[:last], l.servers[:last]
	}
}
