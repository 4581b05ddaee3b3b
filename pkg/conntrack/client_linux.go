package conntrack

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A conn is a netlink socket that is read into the caller's buffer.
type conn struct {
	nl  *netlink.Conn
	raw syscall.RawConn

	// The state of a receive, kept here so that reading allocates nothing.
	buf  []byte
	n    int
	err  error
	read func(fd uintptr) bool
}

var _ eventTransport = &conn{}

// dial opens a socket in the network namespace of the descriptor, or in the
// calling thread's where it is 0.
func dial(netns int) (transport, error) {
	nl, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, dialError(netns, err)
	}
	raw, err := nl.SyscallConn()
	if err != nil {
		nl.Close()
		return nil, err
	}
	c := &conn{nl: nl, raw: raw}
	c.read = c.readFD
	return c, nil
}

// dialError tells the two rights apart: a socket of one's own namespace needs
// none.
func dialError(netns int, err error) error {
	if netns != 0 && errors.Is(err, unix.EPERM) {
		return &OpError{Op: "dial", Reason: ErrNamespacePermission, Err: err}
	}
	return err
}

func (c *conn) close() error { return c.nl.Close() }

// cancel sets a deadline in the past, which wakes a waiting receive.
func (c *conn) cancel() { c.nl.SetReadDeadline(time.Unix(1, 0)) }

func (c *conn) send(b []byte) error {
	var sendErr error
	err := c.raw.Write(func(fd uintptr) bool {
		sendErr = unix.Sendto(int(fd), b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return sendErr != unix.EAGAIN
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("sendto", sendErr)
}

// receive waits in the runtime's poller, so a waiting reader costs nothing and
// a deadline wakes it.
func (c *conn) receive(b []byte) (int, error) {
	c.buf, c.n, c.err = b, 0, nil
	return c.received(c.raw.Read(c.read))
}

// poll reads past the poller, which refuses after a deadline.
func (c *conn) poll(b []byte) (int, error) {
	c.buf, c.n, c.err = b, 0, nil
	return c.received(c.raw.Control(func(fd uintptr) { c.readFD(fd) }))
}

// received is the outcome of readFD.
func (c *conn) received(err error) (int, error) {
	size := len(c.buf)
	c.buf = nil
	switch {
	case err != nil:
		return 0, err
	case c.err == unix.ENOBUFS:
		return 0, errOverrun
	case c.err == unix.EAGAIN:
		return 0, errEmpty
	case c.err != nil:
		return 0, os.NewSyscallError("recvfrom", c.err)
	case c.n > size:
		return 0, ErrTruncated
	}
	return c.n, nil
}

// readFD reads one datagram of the kernel; false means "wait". With MSG_TRUNC
// the length is the message's own, even where the buffer was too small.
func (c *conn) readFD(fd uintptr) bool {
	for {
		var from unix.Sockaddr
		c.n, from, c.err = unix.Recvfrom(int(fd), c.buf, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		switch c.err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case nil:
			// Another program may send to this socket too.
			if sa, ok := from.(*unix.SockaddrNetlink); ok && sa.Pid != 0 {
				continue
			}
		}
		return true
	}
}

func (c *conn) join(group uint32) error { return c.nl.JoinGroup(group) }

func (c *conn) leave(group uint32) error { return c.nl.LeaveGroup(group) }

// setBuffer asks past the limit of net.core.rmem_max first.
func (c *conn) setBuffer(size int) (granted int, err error) {
	controlErr := c.raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, size)
		}
		if err == nil {
			granted, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
		}
	})
	if controlErr != nil {
		return 0, controlErr
	}
	return granted, os.NewSyscallError("setsockopt", err)
}

// memInfoDrops is SK_MEMINFO_DROPS: the kernel adds 1 for each message that
// did not fit (netlink_overrun in net/netlink/af_netlink.c).
const memInfoDrops = 8

func (c *conn) dropped() (n uint64, known bool) {
	var info [memInfoDrops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	err := c.raw.Control(func(fd uintptr) {
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		known = errno == 0
	})
	known = known && err == nil && size == uint32(unsafe.Sizeof(info))
	return uint64(info[memInfoDrops]), known
}

// replyError is the error that an error or done message carries.
func replyError(m message) error {
	n, err := m.errno()
	switch {
	case err != nil:
		return err
	case n == 0:
		return nil
	}
	return syscall.Errno(n)
}

// refused says that the kernel does not know a request's conditions.
func refused(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL)
}

// explain gives an error of the system its meaning here.
func explain(op string, err error) error {
	var known *OpError
	if errors.As(err, &known) && known.Reason != nil {
		return &OpError{Op: op, Reason: known.Reason, Err: err}
	}
	return &OpError{Op: op, Reason: reason(err), Err: err}
}

func reason(err error) error {
	switch {
	case errors.Is(err, ErrInterrupted):
		return ErrInterrupted
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ErrPermission
	case errors.Is(err, unix.EPROTONOSUPPORT):
		return ErrNotLoaded // the kernel has no netfilter netlink at all
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return ErrNoNetlink // nobody serves the subsystem
	}
	return nil
}
