package sockdiag

import (
	"context"
	"errors"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/socktest"
)

// crowd returns a Conn to a namespace with many connections.
func crowd(t testing.TB, connections int) *Conn {
	t.Helper()
	ns := socktest.NewHashedNamespace(t, 16384)
	ns.Connect(socktest.Connections{Port: 443, IPv4: connections / 2, Mapped: connections / 4, IPv6: connections / 4})
	return dialTest(t, ns)
}

func TestStopAndStartAgain(t *testing.T) {
	c := crowd(t, 800)
	all := len(collect(t, c, Request{}))
	if all != 1602 {
		t.Fatalf("%d sockets, want 1602", all)
	}
	enough := errors.New("enough")
	for range 3 {
		rows := 0
		_, err := c.Dump(context.Background(), Request{}, func(*sock.Socket) error {
			if rows++; rows == 10 {
				return enough
			}
			return nil
		})
		if err != enough || rows != 10 {
			t.Fatalf("%d rows, %v", rows, err)
		}
		if n := len(collect(t, c, Request{})); n != all {
			t.Fatalf("%d sockets after an early stop, want %d", n, all)
		}
	}
}

func TestCancelInTheMiddle(t *testing.T) {
	c := crowd(t, 800)
	all := len(collect(t, c, Request{}))
	for name, make := range map[string]func() (context.Context, context.CancelFunc, error){
		"canceled": func() (context.Context, context.CancelFunc, error) {
			ctx, cancel := context.WithCancel(context.Background())
			return ctx, cancel, context.Canceled
		},
		"deadline": func() (context.Context, context.CancelFunc, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			return ctx, func() { <-ctx.Done(); cancel() }, context.DeadlineExceeded
		},
	} {
		ctx, end, want := make()
		rows := 0
		_, err := c.Dump(ctx, Request{}, func(*sock.Socket) error {
			if rows++; rows == 5 {
				end()
			}
			return nil
		})
		if err != want {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
		if rows < 5 || rows >= all {
			t.Errorf("%s: %d of %d rows came", name, rows, all)
		}
		if n := len(collect(t, c, Request{})); n != all {
			t.Errorf("%s: %d sockets afterwards, want %d", name, n, all)
		}
	}
	// A context that ends when the dump is over does no harm.
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := c.Dump(ctx, Request{}, func(*sock.Socket) error { return nil }); err != nil {
		t.Error(err)
	}
	cancel()
	if n := len(collect(t, c, Request{})); n != all {
		t.Errorf("%d sockets, want %d", n, all)
	}
}

// TestMarksNeedARight drops the capability on a thread of its own.
func TestMarksNeedARight(t *testing.T) {
	ns := socktest.NewNamespace(t)
	ns.Populate()
	ns.Do(func() {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			t.Fatal(err)
		}
		c, err := Dial(0)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		mark := filter.Mark{Value: 0x2a, Mask: 0xff}
		for name, r := range map[string]Request{
			"kernel":       {Filter: mark},
			"mixed":        {Filter: filter.Or{Left: mark, Right: filter.User(0)}},
			"and port":     {Filter: filter.And{Left: filter.Ports(filter.Local, 1, 9), Right: filter.Or{Left: mark, Right: filter.User(0)}}},
			"user space":   {Filter: mark, NoBytecode: true},
			"two families": {Filter: mark, Protocol: sock.UDP},
		} {
			_, err := c.Dump(context.Background(), r, func(*sock.Socket) error { return nil })
			var denied *sock.PermissionError
			if !errors.As(err, &denied) || denied.Right != "CAP_NET_ADMIN" || !errors.Is(err, syscall.EPERM) {
				t.Errorf("%s: %v (%T)", name, err, err)
			}
		}
		sockets := collect(t, c, Request{Want: everything})
		if len(sockets) < 50 {
			t.Errorf("only %d sockets without rights", len(sockets))
		}
		for _, s := range sockets {
			if s.Known.Has(sock.FieldMark) {
				t.Errorf("the mark of %s is known without the right to it", ourRow(&s))
			}
		}
	})
}

func TestDialFailures(t *testing.T) {
	var op *OpError
	if _, err := Dial(1 << 20); !errors.As(err, &op) || !errors.Is(err, syscall.EBADF) {
		t.Errorf("no descriptor: %v", err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if _, err := Dial(pipe[0]); !errors.As(err, &op) {
		t.Errorf("a pipe for a namespace: %v", err)
	}
}

// TestNamespaceStaysOpen: a Conn that has to open a new socket does so in its
// namespace, although the caller has closed his descriptor.
func TestNamespaceStaysOpen(t *testing.T) {
	ns := socktest.NewNamespace(t)
	ns.Connect(socktest.Connections{Port: 443, IPv4: 3})
	fd, err := unix.FcntlInt(uintptr(ns.Fd()), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Dial(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	unix.Close(fd)
	stop := errors.New("stop")
	for range 2 {
		if _, err := c.Dump(context.Background(), Request{}, func(*sock.Socket) error { return stop }); err != stop {
			t.Fatal(err)
		}
	}
	if n := len(collect(t, c, Request{})); n != 7 {
		t.Errorf("%d sockets, want 7", n)
	}
}

// TestMemoryIsFlat reads four times the rows in the same memory.
func TestMemoryIsFlat(t *testing.T) {
	few, many := crowd(t, 250), crowd(t, 1000)
	allocated := func(c *Conn) float64 {
		return testing.AllocsPerRun(5, func() {
			if _, err := c.Dump(context.Background(), Request{Want: everything}, func(*sock.Socket) error { return nil }); err != nil {
				t.Fatal(err)
			}
		})
	}
	a, b := allocated(few), allocated(many)
	// Go allocates the sender's address of each datagram, of some 70 rows, and what holds it.
	if b-a > 1500/25 {
		t.Errorf("%v allocations for 500 sockets, %v for 2000", a, b)
	}
	t.Logf("%v allocations for 500 sockets, %v for 2000", a, b)
	runtime.KeepAlive(few)
}
