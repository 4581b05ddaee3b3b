package opens

import (
	"errors"
	"time"

	"github.com/cilium/ebpf"
)

// Evict makes room: in a table that is more than three quarters full it takes away
// the counters that have been quiet for at least `quiet`, of peers in all
// namespaces, and of ports and namespaces in other namespaces than the caller's
// (those come and go). Whoever comes back begins a new counter, which Mark.First
// tells apart from the old one; totals of the caller's ports stay exact, and what
// its gone peers had counted is what their port's total is more than the sum.
//
// It returns the last readings of the peers of the caller's namespace: one that
// counted between the reading before and its end is recorded with them (Sample.Late)
// and not lost.
// It needs the right to write the tables, which root has.
//
// The tables of NFT are not touched: there is nothing to tell which peer is quiet.
func Evict(c Config, quiet time.Duration) ([]Peer, error) {
	t, _, err := loadTables(c, false)
	if err != nil {
		return nil, err
	}
	defer t.close()
	namespace, err := namespaceID()
	if err != nil {
		return nil, err
	}
	before := sinceBoot() - quiet
	var gone []Peer
	err = evict(t.peers, before, peerLast, nil, func(key *[peerKeySize]byte, value *[peerSize]byte) {
		if ns, peer := decodePeer(key, value); ns == namespace {
			gone = append(gone, peer)
		}
	})
	foreign := func(key []byte) bool { return order.Uint64(key) != namespace }
	return gone, errors.Join(err,
		evict(t.services, before, serviceLast, foreign, func(*[serviceKeySize]byte, *[serviceSize]byte) {}),
		evict(t.namespaces, before, namespaceLast, foreign, func(*[namespaceKeySize]byte, *[namespaceSize]byte) {}),
	)
}

// arrays are the fixed keys and values of the tables.
type arrays interface {
	[namespaceKeySize]byte | [serviceKeySize]byte | [peerKeySize]byte | [namespaceSize]byte | [peerSize]byte
}

// evict deletes from one table what was last counted before a time.
func evict[K, V arrays](m *ebpf.Map, before time.Duration, last int, may func(key []byte) bool, gone func(*K, *V)) error {
	var entries int
	var old []K
	err := eachEntry(m, func(key *K, value *V) error {
		entries++
		data, id := slice(value), slice(key)
		if time.Duration(order.Uint64(data[last:])) < before && (may == nil || may(id)) {
			old = append(old, *key)
		}
		return nil
	})
	if err != nil || entries <= int(m.MaxEntries())/4*3 {
		return err
	}
	for i := range old {
		var value V
		err := m.LookupAndDelete(old[i], &value)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			continue
		}
		if err != nil {
			return refused("make room in the tables of the counters", err)
		}
		gone(&old[i], &value)
	}
	return nil
}

func slice[A arrays](a *A) []byte {
	switch a := any(a).(type) {
	case *[namespaceKeySize]byte:
		return a[:]
	case *[serviceKeySize]byte:
		return a[:]
	case *[peerKeySize]byte:
		return a[:]
	case *[namespaceSize]byte:
		return a[:]
	case *[peerSize]byte:
		return a[:]
	}
	return nil
}
