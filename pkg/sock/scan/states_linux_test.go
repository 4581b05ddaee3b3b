package scan_test

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/scan"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// TestStatesWithFastOpen counts connections that TCP fast open left half open:
// they are in SYN_RECV like minisockets, and yet whole sockets. With as many in
// CLOSE_WAIT the kernel's counters would agree on a number that is wrong.
func TestStatesWithFastOpen(t *testing.T) {
	scan.CountFew(t)
	namespace := socktest.NewNamespace(t)
	namespace.Do(func() {
		const without = "519" // both sides, and neither insists on a cookie
		if err := os.WriteFile("/proc/sys/net/ipv4/tcp_fastopen", []byte(without), 0o644); err != nil {
			t.Skipf("TCP fast open cannot be switched on: %v", err)
		}
		port := listenFast(t)
		const half, waiting, whole = 3, 3, 2
		for range half {
			halfOpen(t, port)
		}
		for range waiting {
			connectTo(t, port).Close()
		}
		for range whole {
			connectTo(t, port)
		}
		wantStates(t, map[sock.State]uint64{
			sock.SynRecv: half, sock.SynSent: half, sock.CloseWait: waiting, sock.FinWait2: waiting,
			sock.Established: 2 * whole, sock.Listen: 1,
		})
	})
}

// listenFast returns the port of a listener on 127.0.0.1 that accepts data with
// the first segment.
func listenFast(t *testing.T) int {
	t.Helper()
	fd := streamSocket(t)
	must(t, "listening", unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, "fast open", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 16))
	must(t, "listening", unix.Listen(fd, 64))
	name, err := unix.Getsockname(fd)
	must(t, "the port", err)
	return name.(*unix.SockaddrInet4).Port
}

// halfOpen sends data with the first segment and is deaf to the answer.
func halfOpen(t *testing.T, port int) {
	t.Helper()
	fd := streamSocket(t)
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	program := unix.SockFprog{Len: 1, Filter: &drop}
	must(t, "a filter", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program))
	to := &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	must(t, "fast open", unix.Sendto(fd, []byte("hello"), unix.MSG_FASTOPEN|unix.MSG_DONTWAIT, to))
}

func streamSocket(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, "a socket", err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func connectTo(t *testing.T, port int) net.Conn {
	t.Helper()
	c, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	must(t, "connecting", err)
	t.Cleanup(func() { c.Close() })
	return c
}

// wantStates waits for the handshakes to settle, and then wants the counters to
// have been good enough: no second walk over everything.
func wantStates(t *testing.T, want map[sock.State]uint64) {
	t.Helper()
	var got map[sock.State]uint64
	var steps string
	for range 100 {
		got, steps = statesNow(t)
		if same(got, want) && strings.Contains(steps, "agreement") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("counted %v, want %v; %s", got, want, steps)
}

func statesNow(t *testing.T) (map[sock.State]uint64, string) {
	t.Helper()
	scanner, err := scan.Open(scan.Query{Source: scan.Netlink})
	must(t, "Open", err)
	defer scanner.Close()
	counts, err := scanner.States(context.Background())
	must(t, "States", err)
	got := map[sock.State]uint64{}
	for _, s := range sock.States() {
		if n := counts.Of(s); n > 0 {
			got[s] = n
		}
	}
	return got, strings.Join(scanner.Plan().Steps(), "; ")
}

func same(a, b map[sock.State]uint64) bool {
	for _, s := range sock.States() {
		if a[s] != b[s] {
			return false
		}
	}
	return true
}

// TestStatesUnderChurn counts while connections come and go: what stays is
// never lost, what is there never counted twice, and the counters suffice most
// of the time.
func TestStatesUnderChurn(t *testing.T) {
	scan.CountFew(t)
	namespace := socktest.NewNamespace(t)
	const steady = 200
	namespace.Connect(socktest.Connections{Port: 4711, IPv4: steady, Peers: 10})
	namespace.Do(func() {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		must(t, "Listen", err)
		defer listener.Close()
		port := listener.Addr().(*net.TCPAddr).Port
		stop := make(chan struct{})
		var opened atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			churn(listener, connectIn(namespace, port), stop, &opened, abort)
		}()
		const runs = 200
		fallbacks := 0
		for range runs {
			before := opened.Load()
			got, steps := statesNow(t)
			// Of what came and went during the walk every connection may have
			// been met: no walk is a snapshot.
			most := 2*steady + 2*uint64(opened.Load()-before+1)
			if n := got[sock.Established]; n < 2*steady || n > most {
				t.Errorf("%d established, want %d to %d; %s", n, 2*steady, most, steps)
			}
			if !strings.Contains(steps, "agreement") {
				fallbacks++
			}
		}
		close(stop)
		<-ended
		t.Logf("%d connections came and went, %d of %d counts listed everything", opened.Load(), fallbacks, runs)
		if opened.Load() == 0 {
			t.Error("nothing came and went")
		}
		if fallbacks > runs/2 {
			t.Errorf("%d of %d counts listed everything", fallbacks, runs)
		}
	})
}

// connectIn returns a function that connects inside the namespace, whatever
// thread calls it.
func connectIn(n *socktest.Namespace, port int) func() (net.Conn, error) {
	return func() (c net.Conn, err error) {
		n.Do(func() { c, err = net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}) })
		return c, err
	}
}

// TestFewUnderChurn counts a few sockets while others are closed in good order, so
// that some are in CLOSE_WAIT for a moment: those that stay are never missing.
func TestFewUnderChurn(t *testing.T) {
	namespace := socktest.NewNamespace(t)
	const steady = 30
	namespace.Connect(socktest.Connections{Port: 4711, IPv4: steady, Peers: 10})
	namespace.Do(func() {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		must(t, "Listen", err)
		defer listener.Close()
		stop, ended := make(chan struct{}), make(chan struct{})
		var opened atomic.Int64
		go func() {
			defer close(ended)
			churn(listener, connectIn(namespace, listener.Addr().(*net.TCPAddr).Port), stop, &opened, hangUp)
		}()
		for range 1000 {
			if got, steps := statesNow(t); got[sock.Established] < 2*steady {
				t.Errorf("%d established, want %d at least; %s", got[sock.Established], 2*steady, steps)
			}
		}
		close(stop)
		<-ended
		t.Logf("%d connections came and went", opened.Load())
	})
}

// abort ends a connection with a RST.
func abort(client, server net.Conn) {
	client.(*net.TCPConn).SetLinger(0)
	client.Close()
	server.Close()
}

// hangUp ends a connection as the client's end of the work.
func hangUp(client, server net.Conn) {
	client.Close()
	server.Close()
}

// churn opens and closes one connection after the other.
func churn(listener net.Listener, connect func() (net.Conn, error), stop chan struct{}, opened *atomic.Int64, end func(client, server net.Conn)) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		client, err := connect()
		if err != nil {
			return
		}
		server, err := listener.Accept()
		if err == nil {
			end(client, server)
		}
		opened.Add(1)
	}
}
