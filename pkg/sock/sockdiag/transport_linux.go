package sockdiag

import (
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A link is the transport to the kernel. It receives by itself, because
// netlink.Conn copies every datagram and checks no sequence number.
type link struct {
	conn *netlink.Conn
	raw  syscall.RawConn

	// What read, which is read of this link, was called for and found: a
	// closure for each datagram would be garbage.
	read   func(fd uintptr) (done bool)
	buffer []byte
	got    datagram
	err    error
}

// dialLink opens a netlink socket in the namespace that netns is open on.
func dialLink(netns int) (transport, error) {
	conn, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	l := &link{conn: conn, raw: raw}
	l.read = l.readOnce
	return l, nil
}

func (l *link) send(kind, flags uint16, body []byte) (uint32, error) {
	m, err := l.conn.Send(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.HeaderFlags(flags)},
		Data:   body,
	})
	return m.Header.Sequence, err
}

func (l *link) receive(b []byte) (datagram, error) {
	l.buffer = b
	if err := l.raw.Read(l.read); err != nil {
		return datagram{}, err
	}
	return l.got, l.err
}

// readOnce makes one attempt; false makes the runtime wait for data.
func (l *link) readOnce(fd uintptr) bool {
	for {
		n, _, flags, from, err := unix.Recvmsg(int(fd), l.buffer, nil, 0)
		switch err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		}
		l.got, l.err = datagram{size: n, truncated: flags&unix.MSG_TRUNC != 0}, err
		if sender, ok := from.(*unix.SockaddrNetlink); ok {
			l.got.sender = sender.Pid
		}
		return true
	}
}

func (l *link) setDeadline(t time.Time) error { return l.conn.SetReadDeadline(t) }

func (l *link) close() error { return l.conn.Close() }

// keepNamespace returns a descriptor of the namespace that stays open when the
// caller closes his, and a function that closes it.
func keepNamespace(netns int) (int, func() error, error) {
	if netns == 0 {
		return 0, func() error { return nil }, nil
	}
	fd, err := unix.FcntlInt(uintptr(netns), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return 0, nil, err
	}
	return fd, func() error { return unix.Close(fd) }, nil
}
