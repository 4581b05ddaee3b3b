package conntrack

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dialUDP makes a connected socket on the caller's thread, which is the one in
// the test's namespace.
func dialUDP(address string) (net.Conn, error) { return net.Dial("udp", address) }

// connectTCP opens and closes count connections to a server on loopback.
func connectTCP(t *testing.T, count int) (port uint16) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return 0
	}
	defer l.Close()
	for range count {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Error(err)
			return 0
		}
		s, err := l.Accept()
		if err != nil {
			t.Error(err)
			return 0
		}
		c.Close()
		s.Close()
	}
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// interrupt ends conntrack -E as a person would.
const interrupt = unix.SIGINT

// processorTime is what the process has used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Error(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
