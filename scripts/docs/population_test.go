package docs

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// serverVariable makes the test binary a server: its arguments are roles, as
// "accept tcp4 0.0.0.0:443", and its name is the one that it was started by.
const serverVariable = "DOCS_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(serverVariable) == "" {
		os.Exit(m.Run())
	}
	for _, role := range os.Args[1:] {
		if err := serve(strings.Fields(role)); err != nil {
			fmt.Println(role, err)
			os.Exit(1)
		}
	}
	time.Sleep(time.Hour) // or until the test ends it
}

// serve plays a role: accept closes when its client does; busy sends all the
// time, too; leak never closes; full has a short accept queue and takes nobody
// from it; udp answers.
func serve(role []string) error {
	kind, network, address := role[0], role[1], role[2]
	if kind == "udp" {
		return echo(network, address)
	}
	// Without keepalive, or the kernel would find out who has left.
	config := net.ListenConfig{KeepAlive: -1}
	listener, err := config.Listen(context.Background(), network, address)
	if err != nil {
		return err
	}
	if kind == "full" {
		return shorten(listener.(*net.TCPListener))
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			switch kind {
			case "accept":
				go drain(c)
			case "busy":
				go drain(c)
				go chatter(c)
			case "leak":
				leaked = append(leaked, c)
			}
		}
	}()
	return nil
}

var leaked []net.Conn // held, as by a program with a bug

func drain(c net.Conn) {
	_, _ = io.Copy(io.Discard, c)
	c.Close()
}

func chatter(c net.Conn) {
	for {
		if _, err := c.Write(make([]byte, 20)); err != nil {
			return
		}
		time.Sleep(2 * time.Second) // the time that data waits to be acknowledged proves an age, too
	}
}

func echo(network, address string) error {
	socket, err := net.ListenPacket(network, address)
	if err != nil {
		return err
	}
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(buffer[:n], from)
		}
	}()
	return nil
}

// shorten makes the accept queue one connection long, and one.
func shorten(listener *net.TCPListener) error {
	raw, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.Listen(int(fd), 1) })
	if err != nil {
		return err
	}
	return failed
}

// start starts a server by a name of its own.
func (h *host) start(name string, roles ...string) {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	program := filepath.Join(testhost.Dir(h.t), name)
	if err := os.Symlink(self, program); err != nil {
		h.t.Fatal(err)
	}
	h.servers[name] = testhost.Background(h.t, testhost.Command{Path: program, Args: roles, Env: []string{serverVariable + "=yes"}, Netns: h.ns})
	for _, role := range roles {
		h.listens(name, strings.Fields(role))
	}
}

// stop ends the server that was started last by a name.
func (h *host) stop(name string) {
	h.t.Helper()
	process, err := os.FindProcess(h.servers[name])
	if err != nil {
		h.t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		h.t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); process.Signal(syscall.Signal(0)) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%s does not end", name)
		}
	}
}

// overflow starts a server that takes nobody from its accept queue, and fills it.
func (h *host) overflow(name, address string) {
	h.t.Helper()
	h.start(name, "full tcp4 "+address)
	for range 3 {
		go func() {
			if c, err := h.connect(h.t.Context(), "tcp", "192.0.2.17", address); err == nil {
				h.hold(c)
			}
		}()
	}
	time.Sleep(time.Second) // for the third, which is dropped
}

// listens waits until a role of a server is there.
func (h *host) listens(name string, role []string) {
	h.t.Helper()
	flag := map[bool]string{true: "-Hlun", false: "-Hltn"}[role[0] == "udp"]
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := testhost.Run(h.t, testhost.Command{Path: testhost.Need(h.t, "ss"), Args: []string{flag}, Netns: h.ns})
		if strings.Contains(got.Stdout, " "+role[2]+" ") {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s does not listen on %s:\n%s", name, role[2], got)
		}
	}
}

// peers are the other ends; all of them are addresses of the host itself.
var peers = []string{"192.0.2.17/32", "192.0.2.33/32", "198.51.100.9/32", "198.51.100.23/32", "203.0.113.7/32", "203.0.113.8/32",
	"10.8.0.7/32", "10.8.0.9/32", "10.0.0.1/32", "10.0.0.2/32", "10.0.0.7/32", "2001:db8:7::9/128", "2001:db8:7::5/128", "2001:db8::2/128", "2001:db8::4:1/128"}

// populate gives the host a network, servers and clients.
func (h *host) populate() {
	h.t.Helper()
	h.must("ip link add eth0 type veth peer name eth1 && ip link set eth0 up")
	h.must("printf '%s\n' 'table inet filter {' ' chain input {' '  type filter hook input priority 0;' '  ct state established accept' ' }' '}' | nft -f -")
	for _, peer := range peers {
		h.must("ip addr add " + peer + " dev lo nodad 2>/dev/null || ip addr add " + peer + " dev lo")
	}
	h.start("nginx", "accept tcp4 0.0.0.0:443", "accept tcp6 [::]:443", "accept tcp4 0.0.0.0:80", "busy tcp4 0.0.0.0:8443", "busy tcp6 [::]:8443")
	h.start("sshd", "accept tcp4 0.0.0.0:22", "accept tcp6 [::]:22")
	h.start("named", "udp udp4 127.0.0.53:53")
	h.start("charon", "udp udp4 0.0.0.0:500")
	h.start("shop", "accept tcp4 0.0.0.0:4711", "leak tcp4 0.0.0.0:8009", "accept tcp4 0.0.0.0:5432")
	h.start("master", "accept tcp4 127.0.0.1:25")
	for _, client := range []struct {
		from, to string
		n        int
	}{
		{"192.0.2.17", "127.0.0.1:443", 211}, {"10.0.0.2", "127.0.0.1:443", 335}, {"198.51.100.9", "127.0.0.1:443", 12},
		{"2001:db8::4:1", "[::1]:443", 92}, {"2001:db8::2", "[::1]:443", 2}, {"10.0.0.1", "127.0.0.1:80", 12},
		{"203.0.113.7", "127.0.0.1:8443", 3}, {"203.0.113.8", "127.0.0.1:8443", 1}, {"198.51.100.23", "127.0.0.1:8443", 1},
		{"2001:db8:7::9", "[::1]:8443", 2}, {"2001:db8:7::5", "[::1]:8443", 1},
		{"192.0.2.33", "127.0.0.1:22", 2}, {"10.0.0.1", "10.0.0.7:5432", 4},
	} {
		for range client.n {
			c := h.dial("tcp", client.from, client.to)
			h.hold(c)
			if strings.HasSuffix(client.to, ":8443") {
				go chatter(c) // who is silent is known to be there for as long
			}
		}
	}
	for range 150 { // their server does not notice that they have gone
		h.dial("tcp", "10.8.0.7", "127.0.0.1:8009").Close()
	}
	h.hold(h.dial("udp", "192.0.2.33", "127.0.0.1:500"))
	go h.churn()
	go h.reload()
}

func (h *host) hold(c net.Conn) { h.t.Cleanup(func() { c.Close() }) }

func (h *host) dial(network, from, to string) net.Conn {
	h.t.Helper()
	c, err := h.connect(h.t.Context(), network, from, to)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *host) connect(ctx context.Context, network, from, to string) (c net.Conn, err error) {
	var local net.Addr = &net.TCPAddr{IP: net.ParseIP(from)}
	if network == "udp" {
		local = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	err = h.ns.Do(func() error {
		dialer := net.Dialer{LocalAddr: local, Timeout: 5 * time.Second}
		if c, err = dialer.DialContext(ctx, network, to); err == nil {
			_, err = c.Write([]byte("hello"))
		}
		return err
	})
	return c, err
}

// churn opens and closes connections as long as the test lasts, for what counts
// or shows them as they come.
func (h *host) churn() {
	for ctx := h.t.Context(); ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		for _, to := range []string{"127.0.0.1:4711", "127.0.0.1:22"} {
			for _, from := range []string{"10.8.0.7", "10.8.0.9", "192.0.2.33"} {
				if c, err := h.connect(ctx, "tcp", from, to); err == nil {
					c.Close()
				}
			}
		}
	}
}

// reload is a player that opens a connection anew every half second.
func (h *host) reload() {
	for ctx := h.t.Context(); ctx.Err() == nil; {
		c, err := h.connect(ctx, "tcp", "203.0.113.8", "127.0.0.1:8443")
		time.Sleep(500 * time.Millisecond)
		if err == nil {
			c.Close()
		}
	}
}
