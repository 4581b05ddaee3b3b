package age_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/age"
)

// control runs f on the descriptor of a connection.
func control(t *testing.T, c syscall.Conn, f func(fd int) error) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if ctl := raw.Control(func(fd uintptr) { err = f(int(fd)) }); ctl != nil || err != nil {
		t.Fatal(ctl, err)
	}
}

// look reads a connection's state and TCP_INFO.
func look(t *testing.T, fd int) *sock.Socket {
	t.Helper()
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		t.Fatal(err)
	}
	ms := func(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
	return &sock.Socket{
		State: sock.StateOf(info.State), Known: sock.FieldTCPInfo,
		TCPInfo: sock.TCPInfo{
			LastDataSent: ms(info.Last_data_sent), LastDataReceived: ms(info.Last_data_recv), LastAckReceived: ms(info.Last_ack_recv),
			BusyTime:  time.Duration(info.Busy_time) * time.Microsecond,
			BytesSent: info.Bytes_sent, BytesAcked: info.Bytes_acked,
		},
	}
}

func lookAt(t *testing.T, c syscall.Conn) (s *sock.Socket) {
	t.Helper()
	control(t, c, func(fd int) error { s = look(t, fd); return nil })
	return s
}

func clock(t *testing.T, id int32) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(id, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

func uptime(t *testing.T) time.Duration { return clock(t, unix.CLOCK_MONOTONIC) }

func listenOn(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// dial returns both ends of a new connection. The server's is accepted as late as
// the caller wants: it is as old as the handshake, not as the call of accept.
func dial(t *testing.T, l net.Listener) (client *net.TCPConn, accept func() *net.TCPConn) {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn), func() *net.TCPConn {
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s.(*net.TCPConn)
	}
}

// proves checks a proof against the true age, which lies between young and old.
func proves(t *testing.T, what string, s *sock.Socket, young, old time.Duration) {
	t.Helper()
	a := age.OfTCPInfo(s, uptime(t))
	if a.Min > old {
		t.Errorf("%s: proven %v, which is more than its age of at most %v: %+v", what, a.Min, old, s.TCPInfo)
	}
	if a.Min < young-100*time.Millisecond {
		t.Errorf("%s: proven only %v of at least %v: %+v", what, a.Min, young, s.TCPInfo)
	}
	if a.Max != age.Unbounded {
		t.Errorf("%s: at most %v, which TCP_INFO cannot prove", what, a.Max)
	}
}

// Connections on which nothing was ever sent have the age of their handshake, on
// both ends, accepted early, late or by means of SYN cookies.
func TestIdleConnections(t *testing.T) {
	l := listenOn(t, "tcp4", "127.0.0.1:0")
	before := time.Now()
	client, accept := dial(t, l)
	after := time.Now()
	s := lookAt(t, client)
	proves(t, "fresh client", s, 0, time.Since(before))
	time.Sleep(600 * time.Millisecond)
	server := accept()
	s = lookAt(t, server)
	proves(t, "server accepted late", s, time.Since(after), time.Since(before))
	s = lookAt(t, client)
	proves(t, "idle client", s, time.Since(after), time.Since(before))
}

func TestBusyConnections(t *testing.T) {
	l := listenOn(t, "tcp4", "127.0.0.1:0")
	before := time.Now()
	client, accept := dial(t, l)
	server := accept()
	time.Sleep(400 * time.Millisecond)
	sent := time.Now()
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	// The server has never sent, the client never received: that is as old as the
	// connection, and the other times are not.
	proves(t, "server", lookAt(t, server), time.Since(before)-100*time.Millisecond, time.Since(before))
	proves(t, "client", lookAt(t, client), time.Since(sent), time.Since(before))
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	proves(t, "half closed client", lookAt(t, client), 0, time.Since(before))
	proves(t, "server of a half closed one", lookAt(t, server), 0, time.Since(before))
}

// A receiver that does not read keeps the sender busy.
func TestBusyTime(t *testing.T) {
	l := listenOn(t, "tcp4", "127.0.0.1:0")
	before := time.Now()
	client, accept := dial(t, l)
	accept()
	_ = client.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	for {
		if _, err := client.Write(make([]byte, 1<<16)); err != nil {
			break
		}
	}
	s := lookAt(t, client)
	if s.TCPInfo.BusyTime < 100*time.Millisecond {
		t.Errorf("busy for only %v", s.TCPInfo.BusyTime)
	}
	proves(t, "busy", s, 0, time.Since(before))
}

// Before the handshake the times count from a jiffies counter of zero.
func TestNotConnected(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	s := look(t, fd)
	t.Logf("%s: %+v, up %v", s.State, s.TCPInfo, uptime(t))
	if a := age.OfTCPInfo(s, uptime(t)); a != age.Unknown() {
		t.Errorf("a closed socket has age %v", a)
	}
	// Even if the state said otherwise, the values would be recognized.
	s.State = sock.Established
	if a := age.OfTCPInfo(s, uptime(t)); a != age.Unknown() {
		t.Errorf("values of a socket without a handshake prove %v", a)
	}
}

// A socket can be disconnected and connected anew, or listen then. The times begin
// anew, but for the one that it was busy, which the next connection inherits.
func TestReconnected(t *testing.T) {
	l := listenOn(t, "tcp4", "127.0.0.1:0")
	name := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: l.Addr().(*net.TCPAddr).Port}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, name); err != nil {
		t.Fatal(err)
	}
	keepBusy(t, fd)
	time.Sleep(300 * time.Millisecond)
	first := cookieOf(t, fd)
	disconnect(t, fd)
	again := time.Now()
	if err := unix.Connect(fd, name); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	s := look(t, fd)
	proves(t, "reconnected", s, 0, time.Since(again))
	second := cookieOf(t, fd)
	t.Logf("of a socket that was connected anew the cookie is kept: %v; it was busy for %v", first == second, s.TCPInfo.BusyTime)

	disconnect(t, fd)
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	again = time.Now()
	client, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, _, err := unix.Accept(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(accepted)
	proves(t, "accepted by what was a client", look(t, accepted), 0, time.Since(again))
}

// keepBusy sends until the other side, which does not read, takes no more.
func keepBusy(t *testing.T, fd int) {
	t.Helper()
	for {
		err := unix.Send(fd, make([]byte, 1<<16), unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSYNCookies(t *testing.T) {
	const path = "/proc/sys/net/ipv4/tcp_syncookies"
	if !inNamespaceOfItsOwn(t) {
		return
	}
	if err := os.WriteFile(path, []byte("2"), 0o644); err != nil { // always
		t.Fatal(err)
	}
	l := listenOn(t, "tcp4", "127.0.0.1:0")
	before := time.Now()
	client, accept := dial(t, l)
	after := time.Now()
	time.Sleep(400 * time.Millisecond)
	server := accept()
	s := lookAt(t, server)
	proves(t, "server by SYN cookie", s, time.Since(after), time.Since(before))
	s = lookAt(t, client)
	proves(t, "client of it", s, time.Since(after), time.Since(before))
	data, err := os.ReadFile("/proc/thread-self/net/netstat")
	if err != nil || !cookiesWereUsed(string(data)) {
		t.Errorf("no SYN cookie was used: %v", err)
	}
}

func cookiesWereUsed(netstat string) bool {
	lines := strings.Split(netstat, "\n")
	for i, name := range strings.Fields(lines[0]) {
		if name == "SyncookiesRecv" {
			n, _ := strconv.Atoi(strings.Fields(lines[1])[i])
			return n > 0
		}
	}
	return false
}

func cookieOf(t *testing.T, fd int) uint64 {
	t.Helper()
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil || cookie == 0 {
		t.Fatalf("cookie %d, %v", cookie, err)
	}
	return cookie
}

// Two looks at real connections, with a book between them: those of the first are
// proven older, those made since are proven younger, and none wrongly.
func TestBookOfRealConnections(t *testing.T) {
	l := listenOn(t, "tcp4", "127.0.0.1:0")
	var servers []*net.TCPConn
	look := func(b *age.Book) (map[uint64]age.Age, *age.Book) {
		r, err := b.Begin(clock(t, unix.CLOCK_BOOTTIME), 0)
		if err != nil {
			t.Fatal(err)
		}
		ages := make(map[uint64]age.Age)
		for _, s := range servers {
			control(t, s, func(fd int) error { c := cookieOf(t, fd); ages[c] = r.See(c); return nil })
		}
		return ages, kept(t, r.End(clock(t, unix.CLOCK_BOOTTIME), true))
	}
	born := make(map[uint64][2]time.Time)
	connect := func() {
		before := time.Now()
		_, accept := dial(t, l)
		s := accept()
		servers = append(servers, s)
		control(t, s, func(fd int) error { born[cookieOf(t, fd)] = [2]time.Time{before, time.Now()}; return nil })
	}
	for range 20 {
		connect()
	}
	_, book := look(age.New(here))
	time.Sleep(2 * time.Second)
	for range 20 {
		connect()
	}
	older, younger := 0, 0
	ages, _ := look(book)
	for cookie, a := range ages {
		oldest, youngest := time.Since(born[cookie][0]), time.Since(born[cookie][1])
		if a.Min > oldest || a.Max < youngest-200*time.Millisecond {
			t.Errorf("proven %v to %v, which is not the true age of %v to %v", a.Min, a.Max, youngest, oldest)
		}
		switch a.AtLeast(time.Second) {
		case age.Older:
			older++
		case age.Younger:
			younger++
		}
	}
	if len(ages) != 40 || older != 20 {
		t.Errorf("%d of %d proven older than 1s, want 20 of 40", older, len(ages))
	}
	if younger != 0 {
		t.Errorf("%d proven younger than 1s, by looks 2s apart", younger)
	}
}
