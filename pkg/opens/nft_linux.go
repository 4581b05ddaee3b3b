package opens

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
	"github.com/sockcensus/sockcensus/pkg/netns"
)

// namespaceID names the calling thread's namespace: its cookie, or before Linux
// 5.14 the number of its inode, which can be given again.
func namespaceID() (uint64, error) {
	cookie, err := netns.Cookie()
	if !errors.Is(err, errors.ErrUnsupported) {
		return cookie, err
	}
	id, err := netns.Current()
	return id.Inode, err
}

// nft reads the table of the namespace that it was opened in.
type nft struct {
	config Config
	conn   *nftables.Conn
	sets   *nftSets
	note   *nftNote
}

// onNFT makes the table, unless it is there.
func onNFT(c Config, reason string) (Change, error) {
	boot, namespace, err := here()
	if err != nil {
		return "", err
	}
	conn, err := nftables.New()
	if err != nil {
		return "", nftFailure("switch counting on", err)
	}
	note, err := readNote(c, boot, namespace)
	there, tableErr := haveNFTTable(conn)
	if tableErr != nil {
		return "", tableErr
	}
	if err == nil && note != nil && there {
		return Unchanged, nil
	}
	change := Started
	if there || note != nil || err != nil {
		change = Restarted
	}
	if there {
		conn.DelTable(newNFTSets(1).table)
	}
	if err := addNFTTable(conn, c.size()); err != nil {
		return "", nftFailure("make the table of the counters", err)
	}
	if err := newNote(c, boot, namespace, reason).write(c); err != nil {
		conn.DelTable(newNFTSets(1).table)
		return "", errors.Join(failure(ErrBroken, err, "cannot write ", c.notePath(namespace), ": ", err.Error()), conn.Flush())
	}
	return change, nil
}

func newNote(c Config, boot string, namespace uint64, reason string) *nftNote {
	var generation [8]byte
	_, _ = rand.Read(generation[:]) // never fails, by its documentation
	note := &nftNote{
		Boot: boot, Generation: order.Uint64(generation[:]), Namespace: namespace,
		Since: sinceBoot(), Size: c.size(), Reason: reason,
	}
	note.Passive, note.Active = kernelCounts()
	return note
}

// here is where and when we are.
func here() (boot string, namespace uint64, err error) {
	if boot, err = kernfs.New("", "").BootID(); err != nil {
		return "", 0, err
	}
	namespace, err = namespaceID()
	return boot, namespace, err
}

func haveNFTTable(conn *nftables.Conn) (bool, error) {
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return false, nftFailure("look at the tables of nftables", err)
	}
	for _, table := range tables {
		if table.Name == nftTable {
			return true, nil
		}
	}
	return false, nil
}

func nftFailure(what string, err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return failure(ErrPermission, err, "no right to ", what, ": nftables needs CAP_NET_ADMIN (run as root)")
	case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EPROTONOSUPPORT), errors.Is(err, syscall.EINVAL),
		errors.Is(err, syscall.ENOENT):
		return failure(ErrRefused, err, "this kernel's nftables cannot ", what, " (dynamic sets with counters need Linux 5.11): ", err.Error())
	}
	return failure(ErrRefused, err, "cannot ", what, ": ", err.Error())
}

// offNFT removes the table and its note. ErrOff: there was neither.
func offNFT(c Config) error {
	boot, namespace, err := here()
	if err != nil {
		return err
	}
	note, noteErr := readNote(c, boot, namespace)
	if note == nil && noteErr == nil {
		return off(c)
	}
	conn, err := nftables.New()
	if err != nil {
		return nftFailure("switch counting off", err)
	}
	there, err := haveNFTTable(conn)
	if err != nil {
		return err
	}
	if there {
		conn.DelTable(newNFTSets(1).table)
		if err := conn.Flush(); err != nil {
			return nftFailure("remove the table of the counters", err)
		}
	}
	return os.Remove(c.notePath(namespace))
}

// openNFT is for CAP_NET_ADMIN.
func openNFT(c Config) (*nft, error) {
	boot, namespace, err := here()
	if err != nil {
		return nil, err
	}
	note, err := readNote(c, boot, namespace)
	if err != nil {
		return nil, err
	}
	if note == nil {
		return nil, off(c)
	}
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return nil, nftFailure("read the counters", err)
	}
	n := &nft{config: c, conn: conn, sets: newNFTSets(note.Size), note: note}
	there, err := haveNFTTable(conn)
	if err == nil && !there {
		err = failure(ErrBroken, nil, "the table inet sockcensus is gone (somebody flushed the ruleset): run ", c.command("on"), " as root")
	}
	if err != nil {
		_ = conn.CloseLasting()
		return nil, err
	}
	return n, nil
}

// Close lets the socket go.
func (n *nft) Close() error { return n.conn.CloseLasting() }

func (n *nft) summary(q Query) (Summary, error) {
	if q.Namespace != 0 && q.Namespace != n.note.Namespace {
		return Summary{}, failure(ErrInput, nil, "the nft method counts in each network namespace apart: open the counters inside of the other one")
	}
	object, err := n.conn.GetObject(&nftables.NamedObj{Table: n.sets.table, Name: nftAnswered, Type: nftables.ObjTypeCounter})
	if err != nil {
		return Summary{}, nftFailure("read the counters", err)
	}
	named, ok := object.(*nftables.NamedObj)
	if !ok {
		return Summary{}, failure(ErrBroken, nil, "the table inet sockcensus was changed: ", n.config.repair())
	}
	counter, ok := named.Obj.(*expr.Counter)
	if !ok {
		return Summary{}, failure(ErrBroken, nil, "the table inet sockcensus was changed: ", n.config.repair())
	}
	return Summary{
		Epoch:  Epoch{Boot: n.note.Boot, Generation: n.note.Generation, Namespace: n.note.Namespace},
		Method: NFT,
		Since:  n.note.Since,
		Taken:  sinceBoot(),
		In:     Flow{Opens: counter.Packets},
	}, nil
}

// Read implements [Counter]. Overflow and rest are no counters here but what is
// missing to the total, so it reads all sets when peers or totals are asked for.
func (n *nft) Read(q Query, v Visitor) (Summary, error) {
	summary, err := n.summary(q)
	if err != nil || v.Total == nil && v.Peer == nil {
		return summary, err
	}
	ports, err := n.ports()
	if err != nil {
		return Summary{}, err
	}
	peers, err := n.peers()
	if err != nil {
		return Summary{}, err
	}
	summary.In.Rest = restOf(summary.In.Opens, ports)
	if v.Total != nil {
		if err := n.totals(&q, v.Total, ports, peers); err != nil {
			return Summary{}, err
		}
	}
	if v.Peer == nil {
		return summary, nil
	}
	for id, count := range peers {
		peer := Peer{Service: id.Service, Addr: id.Addr, Mark: Mark{Opens: count}}
		if err := visitIf(q.wants(id.Service), v.Peer, peer); err != nil {
			return Summary{}, err
		}
	}
	return summary, nil
}

func restOf(all uint64, ports map[uint16]uint64) uint64 {
	var sum uint64
	for _, count := range ports {
		sum += count
	}
	if sum > all {
		return 0 // counted while we read
	}
	return all - sum
}

// full reports whether a set of peers holds all it can. Only then can a port have
// counted connections that no peer did.
func (n *nft) full(peers map[peerID]uint64) bool {
	var v4 int
	for id := range peers {
		if id.Addr.Is4() {
			v4++
		}
	}
	return v4 >= n.note.Size || len(peers)-v4 >= n.note.Size
}

func (n *nft) totals(q *Query, visit func(Total) error, ports map[uint16]uint64, peers map[peerID]uint64) error {
	sums := make(map[uint16]uint64, len(ports))
	for id, count := range peers {
		sums[id.Port] += count
	}
	full := n.full(peers)
	for port, count := range ports {
		total := Total{Service: Service{Port: port}, Mark: Mark{Opens: count}}
		if full && count > sums[port] {
			total.Overflow = count - sums[port]
		}
		if err := visitIf(q.wants(total.Service), visit, total); err != nil {
			return err
		}
	}
	return nil
}

func (n *nft) ports() (map[uint16]uint64, error) {
	ports := map[uint16]uint64{}
	return ports, n.each(n.sets.ports, 2, func(key []byte, count uint64) {
		port := binary.BigEndian.Uint16(key)
		ports[port] = max(ports[port], count)
	})
}

func (n *nft) peers() (map[peerID]uint64, error) {
	peers := map[peerID]uint64{}
	// A port takes four bytes in a key of several parts.
	add := func(key []byte, count uint64) {
		addr, _ := netip.AddrFromSlice(key[4:])
		id := peerID{Service{Port: binary.BigEndian.Uint16(key)}, addr.Unmap()}
		// A dump that runs while a set grows can tell an element twice.
		peers[id] = max(peers[id], count)
	}
	return peers, errors.Join(n.each(n.sets.peers4, 4+4, add), n.each(n.sets.peers6, 4+16, add))
}

// each hands over the elements of a set whose keys have the right size.
func (n *nft) each(set *nftables.Set, size int, visit func(key []byte, count uint64)) error {
	elements, err := n.conn.GetSetElements(set)
	if err != nil {
		return nftFailure("read the counters", err)
	}
	for i := range elements {
		if e := &elements[i]; e.Counter != nil && len(e.Key) == size {
			visit(e.Key, e.Counter.Packets)
		}
	}
	return nil
}

// Status implements [Counter].
func (n *nft) Status() (*Status, error) {
	status := &Status{Counting: true, Reason: n.note.Reason, Place: "table inet " + nftTable}
	peers := map[bool]int{}
	var err error
	status.Summary, err = n.Read(Query{}, Visitor{
		Total: func(t Total) error {
			status.Services.Entries++
			status.Overflow += t.Overflow
			return nil
		},
		Peer: func(p Peer) error { peers[p.Addr.Is4()]++; return nil },
	})
	if err != nil {
		return nil, err
	}
	// There are two sets of that size; the fuller one is what runs out.
	status.Peers = Usage{Entries: max(peers[true], peers[false]), Size: n.note.Size}
	status.Services.Size = maxServices
	status.Overflow += status.In.Rest
	passive, active := kernelCounts()
	status.Kernel = &Comparison{PassiveOpens: fell(n.note.Passive, passive), ActiveOpens: fell(n.note.Active, active)}
	return status, nil
}

var _ Counter = (*nft)(nil)
