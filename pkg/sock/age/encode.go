package age

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
)

// The form of a kept book: magic, boot id, namespace, selection (8 bytes each, big
// endian), then as varints when the last complete run began (ns), when the last run
// ended (ms), the number of connections, and for each the distance to the cookie
// before and, zigzag, to the time before; at the end the CRC-32 (IEEE) of all that.
const (
	magic       = "sockage\x01"
	headerSize  = len(magic) + 16 + 8 + 8
	trailerSize = 4
	// entryMin is the least that a connection takes, so that a count can be judged
	// before memory is taken for it.
	entryMin = 2
	// maxTime is the longest time, in milliseconds, that a Duration holds.
	maxTime = uint64(math.MaxInt64 / time.Millisecond)
)

// Append appends the book in the form that [Decode] reads.
func (b *Book) Append(data []byte) []byte {
	start := len(data)
	data = append(data, magic...)
	data = append(data, b.identity.Boot[:]...)
	data = binary.BigEndian.AppendUint64(data, b.identity.Namespace)
	data = binary.BigEndian.AppendUint64(data, b.identity.Selection)
	data = binary.AppendUvarint(data, uint64(b.began))
	data = binary.AppendUvarint(data, uint64(b.last/time.Millisecond))
	data = binary.AppendUvarint(data, uint64(len(b.entries)))
	previous := entry{}
	for _, e := range b.entries {
		data = binary.AppendUvarint(data, e.cookie-previous.cookie)
		data = binary.AppendVarint(data, int64(e.seen)-int64(previous.seen))
		previous = e
	}
	return binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(data[start:]))
}

// Decode reads a book that was kept. Whatever is wrong with it, the book returned
// can be used, and is empty then; the error says why (see [ErrDamaged] and the
// others). No data at all is an empty book without an error.
func Decode(data []byte, want Identity) (*Book, error) {
	empty := New(want)
	if len(data) == 0 {
		return empty, nil
	}
	b, err := decode(data)
	if err != nil {
		return empty, err
	}
	switch {
	case b.identity.Boot != want.Boot:
		return empty, ErrRebooted
	case b.identity.Namespace != want.Namespace:
		return empty, ErrNamespace
	case b.identity.Selection != want.Selection:
		b.began, b.foreign = 0, true
	}
	b.identity = want
	return b, nil
}

func decode(data []byte) (*Book, error) {
	if len(data) < len(magic) || string(data[:len(magic)-1]) != magic[:len(magic)-1] {
		return nil, ErrDamaged
	}
	if data[len(magic)-1] != magic[len(magic)-1] {
		return nil, ErrVersion
	}
	if len(data) < headerSize+trailerSize {
		return nil, ErrDamaged
	}
	body := data[:len(data)-trailerSize]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(data[len(body):]) {
		return nil, ErrDamaged
	}
	b := new(Book)
	copy(b.identity.Boot[:], body[len(magic):])
	b.identity.Namespace = binary.BigEndian.Uint64(body[len(magic)+16:])
	b.identity.Selection = binary.BigEndian.Uint64(body[len(magic)+24:])
	if !b.decodeEntries(body[headerSize:]) {
		return nil, ErrDamaged
	}
	return b, nil
}

// decodeEntries reads what follows the header and reports whether it is sound:
// cookies rise, nothing was seen after the last run, nothing is left over.
func (b *Book) decodeEntries(data []byte) bool {
	r := varints{rest: data}
	began, last, count := r.unsigned(), r.unsigned(), r.unsigned()
	if r.failed || last > maxTime || began > last*uint64(time.Millisecond) || count > uint64(len(r.rest)/entryMin) {
		return false
	}
	b.began, b.last = time.Duration(began), time.Duration(last)*time.Millisecond
	b.entries = make([]entry, 0, count)
	cookie, seen := uint64(0), int64(0)
	for range count {
		step := r.unsigned()
		seen += r.signed()
		if r.failed || step == 0 || cookie+step < cookie || seen < 0 || seen > int64(last) {
			return false
		}
		cookie += step
		b.entries = append(b.entries, entry{cookie: cookie, seen: uint64(seen)})
	}
	return len(r.rest) == 0
}

// varints reads numbers of variable length, and stays failed after a bad one.
type varints struct {
	rest   []byte
	failed bool
}

func (v *varints) unsigned() uint64 {
	value, n := binary.Uvarint(v.rest)
	v.skip(n)
	return value
}

func (v *varints) signed() int64 {
	value, n := binary.Varint(v.rest)
	v.skip(n)
	return value
}

func (v *varints) skip(n int) {
	if n <= 0 {
		v.failed, v.rest = true, nil
		return
	}
	v.rest = v.rest[n:]
}
