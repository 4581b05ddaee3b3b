package sockdiag

import (
	"encoding/binary"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// setMemory decodes SK_MEMINFO (include/uapi/linux/sock_diag.h), an array of
// numbers which has grown: the backlog came with Linux 3.2, drops with 4.6.
// What an older kernel does not tell stays zero.
func setMemory(s *sock.Socket, value []byte) {
	fields := [...]*uint32{
		&s.Memory.RecvAllocated, &s.Memory.RecvBuffer,
		&s.Memory.SendAllocated, &s.Memory.SendBuffer,
		&s.Memory.Forward, &s.Memory.SendQueued,
		&s.Memory.Option, &s.Memory.Backlog, &s.Memory.Drops,
	}
	for i, field := range fields {
		if len(value) < 4*i+4 {
			break
		}
		*field = binary.NativeEndian.Uint32(value[4*i:])
		s.Known |= sock.FieldMemory
	}
}
