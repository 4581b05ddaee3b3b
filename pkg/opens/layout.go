package opens

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The tables as the program in the kernel writes them and every reader reads them.
// All numbers are in the machine's byte order, ports too. The keys are prefixes of
// each other, so that the program builds one:
//
//	namespaces  netns u64
//	services    netns u64, port u16, direction u16, zero u32
//	peers       netns u64, port u16, direction u16, zero u32, address 16 bytes (IPv4 mapped)
//
// A change that an old reader or an old program would take for something else
// raises layoutVersion. Names of tables end in it; those of `meta` and `link` never
// change, so that every version finds out what it looks at.
const (
	layoutVersion = 1
	metaMagic     = 0x4f434b53 // "SKCO"

	namespaceKeySize = 8
	serviceKeySize   = 16
	peerKeySize      = 32

	metaSize      = 128
	namespaceSize = 64
	serviceSize   = 32
	peerSize      = 24
	lostSize      = 16
)

// Offsets in the values.
const (
	serviceOpens, serviceOverflow, serviceFirst, serviceLast = 0, 8, 16, 24

	peerOpens, peerFirst, peerLast = 0, 8, 16

	// In the value of a namespace, outFlow bytes lie between in and out.
	flowOpens, flowRest, outFlow, namespaceFirst, namespaceLast = 0, 8, 16, 32, 40
)

// The names of the pins.
const (
	metaName       = "meta"
	linkName       = "link"
	namespacesName = "namespaces_v1"
	servicesName   = "services_v1"
	peersName      = "peers_v1"
	lostName       = "lost_v1"
)

// Sizes of the tables beside that of the peers. A host has few ports that accept,
// but an outgoing scan touches all 65535; what finds no room is the rest.
const (
	maxServices   = 16384
	maxNamespaces = 4096

	// DefaultSize is how many pairs of port and peer are counted apart.
	DefaultSize = 65536
	// MinSize and MaxSize bound what On takes.
	MinSize = 1
	MaxSize = 1 << 24
)

var order = binary.NativeEndian

// meta is the one value of the table of that name.
type meta struct {
	layout     uint32
	generation uint64
	since      time.Duration
	size       uint32
	program    uint32 // revision of the attached program
	// The kernel's own counters of the namespace that switched on.
	namespace, passive, active uint64
}

func (m *meta) encode() []byte {
	b := make([]byte, metaSize)
	order.PutUint32(b, metaMagic)
	order.PutUint32(b[4:], m.layout)
	order.PutUint64(b[8:], m.generation)
	order.PutUint64(b[16:], uint64(m.since))
	order.PutUint32(b[24:], m.size)
	order.PutUint32(b[28:], m.program)
	order.PutUint64(b[32:], m.namespace)
	order.PutUint64(b[40:], m.passive)
	order.PutUint64(b[48:], m.active)
	return b
}

// decodeMeta reads what encode wrote, of this layout or a later one as far as its
// number; ok is false for anything else.
func decodeMeta(b []byte) (m meta, ok bool) {
	if len(b) < metaSize || order.Uint32(b) != metaMagic {
		return meta{}, false
	}
	m = meta{
		layout:     order.Uint32(b[4:]),
		generation: order.Uint64(b[8:]),
		since:      time.Duration(order.Uint64(b[16:])),
		size:       order.Uint32(b[24:]),
		program:    order.Uint32(b[28:]),
		namespace:  order.Uint64(b[32:]),
		passive:    order.Uint64(b[40:]),
		active:     order.Uint64(b[48:]),
	}
	return m, m.layout >= 1 && (m.layout > layoutVersion || m.since >= 0)
}

// keyService is the namespace and service of a service's or peer's key.
func keyService(key []byte) (namespace uint64, s Service) {
	return order.Uint64(key), Service{
		Port:      order.Uint16(key[8:]),
		Direction: Direction(order.Uint16(key[10:])),
	}
}

func encodePeerKey(namespace uint64, s Service, addr netip.Addr) (key [peerKeySize]byte) {
	order.PutUint64(key[:], namespace)
	order.PutUint16(key[8:], s.Port)
	order.PutUint16(key[10:], uint16(s.Direction))
	ip := addr.As16()
	copy(key[16:], ip[:])
	return key
}

// keyAddr is the address of a peer's key.
func keyAddr(key *[peerKeySize]byte) netip.Addr {
	return netip.AddrFrom16([16]byte(key[16:])).Unmap()
}

func decodeService(key *[serviceKeySize]byte, value *[serviceSize]byte) (namespace uint64, t Total) {
	namespace, t.Service = keyService(key[:])
	t.Opens = order.Uint64(value[serviceOpens:])
	t.Overflow = order.Uint64(value[serviceOverflow:])
	t.First = time.Duration(order.Uint64(value[serviceFirst:]))
	t.Last = time.Duration(order.Uint64(value[serviceLast:]))
	return namespace, t
}

func decodePeer(key *[peerKeySize]byte, value *[peerSize]byte) (namespace uint64, p Peer) {
	namespace, p.Service = keyService(key[:])
	p.Addr = keyAddr(key)
	p.Opens = order.Uint64(value[peerOpens:])
	p.First = time.Duration(order.Uint64(value[peerFirst:]))
	p.Last = time.Duration(order.Uint64(value[peerLast:]))
	return namespace, p
}

func decodeFlows(value *[namespaceSize]byte) (in, out Flow) {
	at := func(offset int) Flow {
		return Flow{
			Opens: order.Uint64(value[offset+flowOpens:]),
			Rest:  order.Uint64(value[offset+flowRest:]),
		}
	}
	return at(0), at(outFlow)
}
