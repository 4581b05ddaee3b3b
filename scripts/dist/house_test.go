package dist

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/scripts/testhost"
)

// A house is a host with the plugins installed and known connections, which the
// monitoring systems of the tests move into. Nothing in it changes by itself, and
// what the systems do over TCP is neither tracked nor on the ports of its
// connections, so that every number is the same each time, or only rises or falls.
type house struct {
	t     *testing.T
	ns    *testhost.Netns
	usr   string // the installed files, as below /usr
	dir   string
	opens bool // connections are being counted as they open
}

// What a house has:
//
//	port  80  1 connection of 127.0.0.9
//	port 443  6 of 127.0.0.2 (one in CLOSE_WAIT), 127.0.0.3 (two), 127.0.0.4, ::1
//	port 8443 2 of 127.0.0.2 and 127.0.0.5
//	port 9000 one of each of 400 peers
var visits = []struct {
	port uint16
	from string
}{
	{80, "127.0.0.9"},
	{443, "127.0.0.2"}, {443, "127.0.0.2"}, {443, "127.0.0.3"}, {443, "127.0.0.3"}, {443, "127.0.0.4"}, {443, "::1"},
	{8443, "127.0.0.2"}, {8443, "127.0.0.5"},
}

// newHouse makes a house in which NAGIOS's user may look into the table of
// connection tracking, and where connections are counted as they open.
func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, ns: testhost.NewNetns(t), usr: install(t), dir: testhost.Dir(t)}
	h.ownDir(h.state())
	h.write(h.baseline(), "tcp *:443 *\ntcp *:9 gone\n")
	h.write(h.baseline()+"-long", "tcp *:443 *\n"+each(400, "tcp *:%d gone\n"))
	if slices.Contains(testhost.Plugins(t), "conntrack") {
		h.must("setcap", "cap_net_admin+ep", filepath.Join(h.usr, "lib/sockcensus/conntrack"))
	}
	h.must("nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state new accept")
	h.switchOpensOn()
	for _, port := range []uint16{80, 443, 8443, 9000} {
		h.listen(port)
	}
	var conns []net.Conn
	for _, visit := range visits {
		conns = append(conns, h.connect(visit.from, visit.port))
	}
	for i := range 400 {
		h.connect(fmt.Sprintf("127.100.%d.%d", 100+i%100, 100+i/100), 9000)
	}
	h.must("nft", "add chain inet t raw { type filter hook output priority -300; }; add rule inet t raw notrack")
	// Its own end stays, in FIN_WAIT2: without a process it would time out.
	if err := conns[1].(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if h.opens {
		h.mustOpens("record")
	}
	return h
}

func (h *house) state() string    { return filepath.Join(h.dir, "state") }
func (h *house) baseline() string { return filepath.Join(h.dir, "listeners") }

// counters are where a test's own counting of opens is.
func (h *house) counters() []string {
	return []string{"--bpffs", filepath.Join(h.dir, "opens", "bpf"), "--db", filepath.Join(h.dir, "opens.db")}
}

// place puts the house's files into a line that names those of a real host.
func (h *house) place(line string) string {
	counters := strings.Join(h.counters(), " ")
	return strings.NewReplacer("PORTS", strings.TrimSuffix(each(160, "%d,"), ","), "BASELINE", h.baseline(), "/etc/sockcensus/listeners", h.baseline(), "STATE", h.state(), "COUNTERS", counters).Replace(line)
}

// each is a line for each of the first ports from 10001 on, where nobody listens.
func each(count int, format string) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, format, 10001+i)
	}
	return text.String()
}

func (h *house) write(path, text string) {
	h.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) ownDir(path string) {
	h.t.Helper()
	user := testhost.NagiosUser(h.t)
	if err := os.Mkdir(path, 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Chown(path, int(user.UID), int(user.GID)); err != nil {
		h.t.Fatal(err)
	}
}

// run runs a program in the house as root.
func (h *house) run(path string, args ...string) testhost.Result {
	h.t.Helper()
	return testhost.Run(h.t, testhost.Command{Path: path, Args: args, Netns: h.ns})
}

func (h *house) must(program string, args ...string) {
	h.t.Helper()
	if r := h.run(testhost.Need(h.t, program), args...); r.Code != 0 {
		h.t.Fatalf("%s %s: %s", program, strings.Join(args, " "), r)
	}
}

func (h *house) mustOpens(args ...string) testhost.Result {
	h.t.Helper()
	r := h.run(filepath.Join(h.usr, "bin/sockcensus-opens"), append(args, h.counters()...)...)
	if r.Code != 0 {
		h.t.Fatalf("opens %s: %s", strings.Join(args, " "), r)
	}
	return r
}

func (h *house) switchOpensOn() {
	h.t.Helper()
	if _, err := os.Stat(filepath.Join(h.usr, "bin/sockcensus-opens")); err != nil {
		return
	}
	h.opens = true
	h.t.Cleanup(func() {
		h.run(filepath.Join(h.usr, "bin/sockcensus-opens"), append([]string{"off"}, h.counters()...)...)
	})
	h.mustOpens("on", "--size", "1024")
}

// listen accepts connections and holds them until the test ends.
func (h *house) listen(port uint16) {
	h.t.Helper()
	listener, err := h.ns.Listen("tcp", fmt.Sprintf("[::]:%d", port))
	if err != nil {
		h.t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close() // all of them when the listener ends
			if err := conn.(*net.TCPConn).SetKeepAlive(false); err != nil {
				return
			}
		}
	}()
	h.t.Cleanup(func() { listener.Close() })
}

// connect opens a connection that lasts as long as the test.
func (h *house) connect(from string, port uint16) (conn net.Conn) {
	h.t.Helper()
	here, there := net.ParseIP(from), net.IPv4(127, 0, 0, 1)
	if here.To4() == nil {
		there = here
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: here}, KeepAlive: -1}
	err := h.ns.Do(func() (err error) {
		conn, err = dialer.Dial("tcp", net.JoinHostPort(there.String(), fmt.Sprint(port)))
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return conn
}
