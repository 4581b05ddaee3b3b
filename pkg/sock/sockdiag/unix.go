package sockdiag

import (
	"bytes"
	"encoding/binary"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// Attributes and what to ask for (include/uapi/linux/unix_diag.h).
const (
	unixName   = 0 // UNIX_DIAG_NAME
	unixPeer   = 2 // UNIX_DIAG_PEER
	unixQueues = 4 // UNIX_DIAG_RQLEN
	unixMemory = 5 // UNIX_DIAG_MEMINFO
	unixUID    = 7 // UNIX_DIAG_UID, Linux 5.3

	showUnixName   = 0x01
	showUnixPeer   = 0x04
	showUnixQueues = 0x10
	showUnixMemory = 0x20
	showUnixUID    = 0x40

	unixMsgSize = 16 // struct unix_diag_msg
)

// appendUnix encodes struct unix_diag_req.
func (r *Request) appendUnix(b []byte) []byte {
	show := uint32(showUnixName | showUnixPeer | showUnixQueues | showUnixUID)
	if r.Want.Has(sock.FieldMemory) {
		show |= showUnixMemory
	}
	b = append(b, familyUnix, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(r.states()))
	b = binary.NativeEndian.AppendUint32(b, 0) // any inode
	b = binary.NativeEndian.AppendUint32(b, show)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0) // no cookie
}

// parseUnix decodes struct unix_diag_msg and the attributes behind it.
func parseUnix(b []byte, s *sock.Socket) error {
	if len(b) < unixMsgSize {
		return malformed("a unix socket is cut short")
	}
	*s = sock.Socket{
		Protocol: sock.Unix,
		Type:     sock.Type(b[1]),
		State:    sock.StateOf(b[2]),
		Inode:    uint64(binary.NativeEndian.Uint32(b[4:])),
		Known:    sock.FieldCookie,
		Cookie:   cookie(b[8:16]),
	}
	c := cutter{rest: b[unixMsgSize:]}
	for {
		kind, value, ok := c.next()
		if !ok {
			return c.err
		}
		switch {
		case kind == unixName:
			s.Local.Name = unixPath(value)
		case kind == unixPeer && len(value) >= 4:
			s.PeerInode = uint64(binary.NativeEndian.Uint32(value))
		case kind == unixQueues && len(value) >= 8:
			s.RecvQ = binary.NativeEndian.Uint32(value)
			s.SendQ = binary.NativeEndian.Uint32(value[4:])
			s.Known |= sock.FieldQueues
			if s.State == sock.Listen {
				s.Known |= sock.FieldAcceptQueue
			}
		case kind == unixUID && len(value) >= 4:
			s.UID = binary.NativeEndian.Uint32(value)
			s.Known |= sock.FieldUID
		case kind == unixMemory:
			setMemory(s, value)
		}
	}
}

// unixPath returns the name as ss(8) and /proc/net/unix show it: "@" for each
// NUL of an abstract name, and a path up to its end.
func unixPath(name []byte) string {
	if len(name) == 0 {
		return ""
	}
	if name[0] != 0 {
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		return string(name)
	}
	if bytes.IndexByte(name[1:], 0) < 0 {
		return "@" + string(name[1:])
	}
	return string(bytes.ReplaceAll(name, []byte{0}, []byte{'@'}))
}
