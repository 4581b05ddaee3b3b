package socktest

import (
	"embed"
	"encoding/binary"
	"errors"
	"path"
	"strings"
)

// Walks are answers to NETLINK_SOCK_DIAG requests: for each request the
// datagrams that came, in the byte order of the machine.
type Walks [][][]byte

//go:embed testdata
var corpus embed.FS

// Dump returns what the kernel answered for a protocol's sockets of a
// namespace that was filled by Populate, all optional parts included. The
// names are those of sock.Protocol. The machine was a little-endian one.
func Dump(protocol string) (Walks, error) {
	b, err := corpus.ReadFile("testdata/" + protocol + ".dump")
	if err != nil {
		return nil, err
	}
	return ParseWalks(b)
}

// Dumps returns the names that Dump knows.
func Dumps() []string {
	entries, err := corpus.ReadDir("testdata")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if path.Ext(e.Name()) == ".dump" {
			names = append(names, strings.TrimSuffix(e.Name(), ".dump"))
		}
	}
	return names
}

// The form of a file: each datagram behind its length, four bytes, least
// significant first; a length of zero ends a walk.

// Bytes returns the walks as they stand in a file.
func (w Walks) Bytes() []byte {
	var b []byte
	for _, datagrams := range w {
		for _, d := range datagrams {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(d)))
			b = append(b, d...)
		}
		b = append(b, 0, 0, 0, 0)
	}
	return b
}

// ParseWalks reads what Bytes wrote.
func ParseWalks(b []byte) (Walks, error) {
	var walks Walks
	var datagrams [][]byte
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, errors.New("a length is cut short")
		}
		size := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if size == 0 {
			walks, datagrams = append(walks, datagrams), nil
			continue
		}
		if uint64(size) > uint64(len(b)) {
			return nil, errors.New("a datagram is cut short")
		}
		datagrams, b = append(datagrams, b[:size:size]), b[size:]
	}
	if datagrams != nil {
		return nil, errors.New("a walk has no end")
	}
	return walks, nil
}
