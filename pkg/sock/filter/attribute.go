package filter

import (
	"strconv"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// Device matches sockets that are bound to an interface; index 0 those that
// are bound to none.
type Device struct{ Index uint32 }

// Mark matches sockets whose mark, under Mask, is Value (SO_MARK). Reading
// marks needs CAP_NET_ADMIN.
type Mark struct{ Value, Mask uint32 }

// Cgroup matches sockets that were created in a control group (version 2). ID
// is the inode of its directory; Path is what it was written as, and empty
// where only the ID is known. Sockets without an owner (TIME_WAIT, SYN_RECV)
// are in no group, ID 0.
type Cgroup struct {
	ID   uint64
	Path string
}

// UID matches sockets that a user owns. A socket that no process can hold
// (see sock.Socket.HasOwner) belongs to nobody, not to root.
type UID struct{ UID uint32 }

// Autobound matches sockets whose local port or name the kernel chose. Of an
// internet socket the kernel alone knows, and Match says yes: check Needs for
// sock.FieldAutobound, and let the kernel decide. Of a unix socket Match can
// tell, and a packet socket is never one.
type Autobound struct{}

// Match implements Expr.
func (e Device) Match(s *sock.Socket) bool { return s.Interface == e.Index }

// Match implements Expr.
func (e Mark) Match(s *sock.Socket) bool { return s.Mark&e.Mask == e.Value }

// Match implements Expr.
func (e Cgroup) Match(s *sock.Socket) bool { return s.Cgroup == e.ID }

// Match implements Expr.
func (e UID) Match(s *sock.Socket) bool { return s.UID == e.UID && s.HasOwner() }

// Match implements Expr.
func (Autobound) Match(s *sock.Socket) bool {
	switch s.Protocol {
	case sock.Unix:
		return autoboundName(s.Local.Name)
	case sock.Packet:
		return false
	default:
		return true
	}
}

// autoboundName reports whether the kernel chose the name of a unix socket: it
// has none, or is five hexadecimal digits in the abstract namespace (unix(7)).
func autoboundName(name string) bool {
	if name == "" {
		return true
	}
	if len(name) != 6 || name[0] != '@' {
		return false
	}
	for i := 1; i < len(name); i++ {
		c := name[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// String implements Expr.
func (e Device) String() string { return string(e.appendTo(nil)) }

// String implements Expr.
func (e Mark) String() string { return string(e.appendTo(nil)) }

// String implements Expr.
func (e Cgroup) String() string { return string(e.appendTo(nil)) }

// String implements Expr.
func (e UID) String() string { return string(e.appendTo(nil)) }

// String implements Expr.
func (e Autobound) String() string { return string(e.appendTo(nil)) }

func (Device) needs() sock.Fields    { return sock.FieldInterface }
func (Mark) needs() sock.Fields      { return sock.FieldMark }
func (Cgroup) needs() sock.Fields    { return sock.FieldCgroup }
func (UID) needs() sock.Fields       { return sock.FieldUID }
func (Autobound) needs() sock.Fields { return sock.FieldAutobound }

func (e Device) appendTo(text []byte) []byte {
	return strconv.AppendUint(append(text, "dev = "...), uint64(e.Index), 10)
}

func (e Mark) appendTo(text []byte) []byte {
	text = strconv.AppendUint(append(text, "fwmark = 0x"...), uint64(e.Value), 16)
	if e.Mask == fullMask {
		return text
	}
	return strconv.AppendUint(append(text, "/0x"...), uint64(e.Mask), 16)
}

const fullMask = 1<<32 - 1

func (e Cgroup) appendTo(text []byte) []byte {
	text = append(text, "cgroup = "...)
	if e.Path == "" {
		return strconv.AppendUint(text, e.ID, 10)
	}
	return appendWord(text, e.Path)
}

func (e UID) appendTo(text []byte) []byte {
	return strconv.AppendUint(append(text, "uid = "...), uint64(e.UID), 10)
}

func (Autobound) appendTo(text []byte) []byte { return append(text, "autobound"...) }
