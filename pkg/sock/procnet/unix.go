package procnet

import (
	"math"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// unixTable is /proc/net/unix. It tells no user, no queues and no peer. Connections
// that wait to be accepted have no inode and are left out, as netlink leaves them
// out. A name
// may hold any byte but NUL, for which the kernel writes "@"; a name with a
// newline in it spreads over several lines and gives a [MalformedError], or a row
// that its owner made up: nothing in the table can tell.
//
// Kernel: net/unix/af_unix.c, unix_seq_show.
func unixTable() table {
	return table{name: "unix", protocol: sock.Unix, header: "RefCount", parse: parseUnix}
}

// acceptOn is the flag of a listening socket (__SO_ACCEPTON, include/linux/net.h).
const acceptOn = 1 << 16

// The states of a struct socket (include/uapi/linux/net.h). Connecting and
// disconnecting are what the table calls an established and a closed socket that
// no program holds yet, or any more.
const (
	socketUnconnected = 1 + iota
	socketConnecting
	socketConnected
	socketDisconnecting
)

// Num       RefCount Protocol Flags    Type St Inode Path
// 00000000408bc387: 00000002 00000000 00010000 0001 01  1068 /run/x
func parseUnix(c *cursor, _ *table, s *sock.Socket) {
	c.blanks()
	c.hex("no pointer")
	c.sign(':', "no colon after the pointer")
	c.blanks()
	c.word32("no reference count of 8 hex digits")
	c.blanks()
	c.word32("no protocol of 8 hex digits")
	c.blanks()
	flags := c.word32("no flags of 8 hex digits")
	c.blanks()
	kind := c.fixedHex(4, "no type of 4 hex digits")
	c.blanks()
	state := c.fixedHex(2, "no state of 2 hex digits")
	inode := c.decimal(math.MaxUint64, "no inode")
	if len(c.rest) > 0 {
		c.sign(' ', "no blank before the path")
	}
	*s = sock.Socket{
		Protocol: sock.Unix, Type: sock.Type(kind),
		State: unixState(flags, state), Inode: inode,
	}
	if inode == 0 {
		c.skip = true
	}
	if len(c.rest) > 0 {
		s.Local.Name = string(c.rest)
	}
}

func unixState(flags, state uint32) sock.State {
	switch {
	case flags&acceptOn != 0:
		return sock.Listen
	case state == socketConnected, state == socketConnecting:
		return sock.Established
	case state == socketUnconnected, state == socketDisconnecting:
		return sock.Close
	}
	return sock.UnknownState
}
