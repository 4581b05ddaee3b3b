package opens

import (
	"errors"
	"io/fs"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
)

// sockOps reads the pinned tables. It needs no right.
type sockOps struct {
	config Config
	tables *tables
	head   meta
	boot   string
}

func openSockOps(c Config) (*sockOps, error) {
	t, head, err := loadTables(c, true)
	if err != nil {
		return nil, err
	}
	boot, err := kernfs.New("", "").BootID()
	if err != nil {
		t.close()
		return nil, err
	}
	return &sockOps{config: c, tables: t, head: head, boot: boot}, nil
}

// Close lets the tables go.
func (s *sockOps) Close() error {
	s.tables.close()
	return nil
}

// attached reports whether the program's pin is there. The pin itself is for root;
// that it is there is for everybody to see.
func (s *sockOps) attached() bool {
	_, err := os.Lstat(s.config.pin(linkName))
	return !errors.Is(err, fs.ErrNotExist)
}

// Read implements [Counter].
func (s *sockOps) Read(q Query, v Visitor) (Summary, error) {
	if !s.attached() {
		return Summary{}, failure(ErrBroken, nil, "the counters in ", s.config.dir(),
			" stand still, the program that counts is gone: run ", s.config.command("on"), " as root")
	}
	return s.read(q, v)
}

func (s *sockOps) read(q Query, v Visitor) (Summary, error) {
	summary, err := s.summary(q)
	if err != nil {
		return Summary{}, err
	}
	namespace := summary.Epoch.Namespace
	if v.Total != nil {
		if err := s.eachTotal(namespace, &q, v.Total); err != nil {
			return Summary{}, err
		}
	}
	if v.Peer != nil {
		if err := s.eachPeer(namespace, &q, v.Peer); err != nil {
			return Summary{}, err
		}
	}
	return summary, nil
}

func (s *sockOps) summary(q Query) (Summary, error) {
	namespace, err := namespaceOf(q)
	if err != nil {
		return Summary{}, err
	}
	summary := Summary{
		Epoch:  Epoch{Boot: s.boot, Generation: s.head.generation, Namespace: namespace},
		Method: SockOps,
		Since:  s.head.since,
		Taken:  sinceBoot(),
	}
	var value [namespaceSize]byte
	err = s.tables.namespaces.Lookup(namespace, &value)
	switch {
	case err == nil:
		summary.In, summary.Out = decodeFlows(&value)
	case !errors.Is(err, ebpf.ErrKeyNotExist):
		return Summary{}, readFailure(err)
	}
	var lost [lostSize]byte
	if err := s.tables.lost.Lookup(uint32(0), &lost); err != nil {
		return Summary{}, readFailure(err)
	}
	summary.Lost = order.Uint64(lost[:])
	return summary, nil
}

func namespaceOf(q Query) (uint64, error) {
	if q.Namespace != 0 {
		return q.Namespace, nil
	}
	return netns.Cookie()
}

func readFailure(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return failure(ErrPermission, errno(err), "the kernel lets only CAP_BPF read the counters (before Linux 5.19, kernel.unprivileged_bpf_disabled)")
	}
	return failure(ErrBroken, errno(err), "cannot read the counters: ", errno(err).Error())
}

func (s *sockOps) eachTotal(namespace uint64, q *Query, visit func(Total) error) error {
	return eachEntry(s.tables.services, func(key *[serviceKeySize]byte, value *[serviceSize]byte) error {
		if ns, service := keyService(key[:]); ns != namespace || !q.wants(service) {
			return nil
		}
		_, total := decodeService(key, value)
		return visit(total)
	})
}

func (s *sockOps) eachPeer(namespace uint64, q *Query, visit func(Peer) error) error {
	return eachEntry(s.tables.peers, func(key *[peerKeySize]byte, value *[peerSize]byte) error {
		if ns, service := keyService(key[:]); ns != namespace || !q.wants(service) {
			return nil
		}
		_, peer := decodePeer(key, value)
		return visit(peer)
	})
}

// batch is how many entries one system call fetches. A bucket of the kernel's hash
// that does not fit makes it ENOSPC, and the batch grows.
const batch = 1024

// eachEntry streams a table through one buffer.
func eachEntry[K, V any](m *ebpf.Map, visit func(*K, *V) error) error {
	keys, values := make([]K, batch), make([]V, batch)
	for cursor := new(ebpf.MapBatchCursor); ; {
		n, err := m.BatchLookup(cursor, keys, values, nil)
		if errors.Is(err, unix.ENOSPC) {
			keys, values = make([]K, 2*len(keys)), make([]V, 2*len(values))
			continue
		}
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return readFailure(err)
		}
		for i := range n {
			if err := visit(&keys[i], &values[i]); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// Status implements [Counter]. Memory is seen by root only.
func (s *sockOps) Status() (*Status, error) {
	status := &Status{Counting: s.attached(), Place: s.config.dir()}
	namespace, err := namespaceOf(Query{})
	if err != nil {
		return nil, err
	}
	status.Peers.Size = int(s.tables.peers.MaxEntries())
	status.Services.Size = int(s.tables.services.MaxEntries())
	status.Namespaces.Size = int(s.tables.namespaces.MaxEntries())
	if status.Summary, err = s.summary(Query{Namespace: namespace}); err != nil {
		return nil, err
	}
	err = errors.Join(
		eachEntry(s.tables.namespaces, func(*[namespaceKeySize]byte, *[namespaceSize]byte) error {
			status.Namespaces.Entries++
			return nil
		}),
		eachEntry(s.tables.services, func(key *[serviceKeySize]byte, value *[serviceSize]byte) error {
			status.Services.Entries++
			if ns, total := decodeService(key, value); ns == namespace {
				status.Overflow += total.Overflow
			}
			return nil
		}),
		eachEntry(s.tables.peers, func(*[peerKeySize]byte, *[peerSize]byte) error {
			status.Peers.Entries++
			return nil
		}),
	)
	if err != nil {
		return nil, err
	}
	status.Overflow += status.In.Rest + status.Out.Rest
	status.Memory = s.memory()
	if namespace == s.head.namespace {
		passive, active := kernelCounts()
		status.Kernel = &Comparison{PassiveOpens: fell(s.head.passive, passive), ActiveOpens: fell(s.head.active, active)}
	}
	return status, nil
}

func (s *sockOps) memory() (bytes uint64) {
	for _, name := range tableNames {
		info, err := (*s.tables.field(name)).Info()
		if err != nil {
			return 0
		}
		locked, ok := info.Memlock()
		if !ok {
			return 0
		}
		bytes += locked
	}
	return bytes
}

var _ Counter = (*sockOps)(nil)

func off(c Config) error {
	return failure(ErrOff, nil, "connections are not being counted: run ", c.command("on"), " as root to switch it on")
}
