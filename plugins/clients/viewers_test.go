package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A connection is one of which the test knows everything.
type connection struct {
	peer string
	// tried and born are before and after the handshake, closed is when the
	// server's end was gone; it is zero for one that stays.
	tried, born, closed time.Time
	client, server      net.Conn
}

// A theatre is a namespace with listeners on ports 443 (IPv4) and 8443 (IPv4 and
// IPv6), and connections of known addresses and ages to them.
type theatre struct {
	t         *testing.T
	ns        *testhost.Netns
	listeners map[int]net.Listener
	mu        sync.Mutex
	all       []*connection
	done      chan struct{}
	extras    sync.WaitGroup
}

func newTheatre(t *testing.T) *theatre {
	t.Helper()
	th := &theatre{t: t, ns: testhost.NewNetns(t), listeners: map[int]net.Listener{}, done: make(chan struct{})}
	for port, address := range map[int]string{443: "0.0.0.0:443", 8443: "[::]:8443"} {
		network := "tcp"
		if port == 443 {
			network = "tcp4"
		}
		l, err := th.ns.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		th.listeners[port] = l
	}
	t.Cleanup(func() {
		close(th.done)
		th.extras.Wait()
		for _, l := range th.listeners {
			l.Close()
		}
		for _, c := range th.all {
			c.client.Close()
			c.server.Close()
		}
	})
	return th
}

// addresses gives loopback IPv6 addresses 2001:db8::1 to 2001:db8::n.
func (th *theatre) addresses(n int) {
	th.t.Helper()
	var batch strings.Builder
	for i := range n {
		fmt.Fprintf(&batch, "addr add 2001:db8::%x/128 dev lo nodad\n", i+1)
	}
	cmd := exec.Command(testhost.Need(th.t, "ip"), "-n", th.ns.Name, "-batch", "-")
	cmd.Stdin = strings.NewReader(batch.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		th.t.Fatalf("%v: %s", err, out)
	}
}

// enter connects each peer to a port.
func (th *theatre) enter(port int, peers ...string) []*connection {
	th.t.Helper()
	var made []*connection
	err := th.ns.Do(func() error {
		for _, peer := range peers {
			c, err := th.connect(port, peer)
			if err != nil {
				return err
			}
			made = append(made, c)
		}
		return nil
	})
	if err != nil {
		th.t.Fatal(err)
	}
	return made
}

// connect makes one connection; it runs inside the namespace.
func (th *theatre) connect(port int, peer string) (*connection, error) {
	c := &connection{peer: peer, tried: time.Now()}
	server := "127.0.0.1"
	if strings.Contains(peer, ":") {
		server = "::1"
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(peer)}, KeepAlive: -1}
	th.mu.Lock() // so that what is accepted is what was dialed
	defer th.mu.Unlock()
	var err error
	if c.client, err = dialer.DialContext(context.Background(), "tcp", net.JoinHostPort(server, fmt.Sprint(port))); err != nil {
		return nil, err
	}
	c.born = time.Now()
	if c.server, err = th.listeners[port].Accept(); err != nil {
		return nil, err
	}
	th.all = append(th.all, c)
	return c, nil
}

// leave closes connections, and notes when the server's end was gone.
func (th *theatre) leave(connections ...*connection) {
	for _, c := range connections {
		c.client.Close()
		c.server.Close()
		th.mu.Lock()
		c.closed = time.Now()
		th.mu.Unlock()
	}
}

// chat makes connections busy until the test ends: TCP_INFO proves nothing
// about them.
func (th *theatre) chat(connections []*connection) {
	th.extras.Go(func() {
		buffer := make([]byte, 64)
		for {
			for _, c := range connections {
				c.server.Write([]byte("frame"))
				c.client.SetReadDeadline(time.Now().Add(time.Second))
				c.client.Read(buffer)
				c.client.Write([]byte("ack"))
				c.server.SetReadDeadline(time.Now().Add(time.Second))
				c.server.Read(buffer)
			}
			select {
			case <-th.done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
}

// churn makes connections come and go until the test ends: each peer comes,
// stays for a while, leaves, and the next one comes. Where peers are few the
// same address comes again and again.
func (th *theatre) churn(port int, stay time.Duration, atOnce int, peer func(i int) string) {
	th.extras.Go(func() {
		var here []*connection
		defer func() { th.leave(here...) }()
		for i := 0; ; i++ {
			select {
			case <-th.done:
				return
			case <-time.After(stay / time.Duration(atOnce)):
			}
			err := th.ns.Do(func() error {
				c, err := th.connect(port, peer(i))
				here = append(here, c)
				return err
			})
			if err != nil {
				th.t.Error(err)
				return
			}
			if len(here) > atOnce {
				th.leave(here[0])
				here = here[1:]
			}
		}
	})
}

// stayed tells by peer who certainly stayed and who may have: who had a
// connection during the whole of a look that was made between from and to, and
// that was then at least as old as minAge.
func (th *theatre) stayed(from, to time.Time, minAge time.Duration) (sure, maybe map[string]bool) {
	th.mu.Lock()
	defer th.mu.Unlock()
	sure, maybe = map[string]bool{}, map[string]bool{}
	for _, c := range th.all {
		if c.tried.Before(to.Add(-minAge)) && (c.closed.IsZero() || c.closed.After(from)) {
			maybe[c.peer] = true
		}
		if c.born.Before(from.Add(-minAge)) && (c.closed.IsZero() || c.closed.After(to)) {
			sure[c.peer] = true
		}
	}
	return sure, maybe
}
