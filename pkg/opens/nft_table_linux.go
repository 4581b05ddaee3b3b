package opens

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The table as nft(8) would print it:
//
//	table inet sockcensus {
//		counter answered { }
//		set ports { type inet_service; size 16384; flags dynamic; counter }
//		set peers4 { type inet_service . ipv4_addr; size N; flags dynamic; counter }
//		set peers6 { type inet_service . ipv6_addr; size N; flags dynamic; counter }
//		chain output {
//			type filter hook output priority 300; policy accept;
//			tcp flags & (fin | syn | rst | ack) == syn | ack jump count
//		}
//		chain count {
//			counter name answered
//			add @ports { tcp sport counter }
//			meta nfproto ipv4 add @peers4 { tcp sport . ip daddr counter }
//			meta nfproto ipv6 add @peers6 { tcp sport . ip6 daddr counter }
//		}
//	}
//
// A full set ends its rule and no other: what found no room among the peers is
// still counted for its port, and what found none there for all.
const (
	nftTable    = "sockcensus"
	nftAnswered = "answered"
	nftPorts    = "ports"
	nftPeers4   = "peers4"
	nftPeers6   = "peers6"

	// After the filters: what they drop was not answered.
	nftPriority = nftables.ChainPriority(300)
)

// nftSets are the sets of the table.
type nftSets struct {
	table                 *nftables.Table
	ports, peers4, peers6 *nftables.Set
}

func newNFTSets(size int) *nftSets {
	table := &nftables.Table{Name: nftTable, Family: nftables.TableFamilyINet}
	set := func(name string, entries int, key nftables.SetDatatype) *nftables.Set {
		return &nftables.Set{Table: table, Name: name, Dynamic: true, Counter: true, Size: uint32(entries), KeyType: key}
	}
	return &nftSets{
		table:  table,
		ports:  set(nftPorts, maxServices, nftables.TypeInetService),
		peers4: set(nftPeers4, size, nftables.MustConcatSetType(nftables.TypeInetService, nftables.TypeIPAddr)),
		peers6: set(nftPeers6, size, nftables.MustConcatSetType(nftables.TypeInetService, nftables.TypeIP6Addr)),
	}
}

// Registers of four bytes: a key of several parts lies in successive ones.
const (
	regPort = unix.NFT_REG32_00
	regAddr = unix.NFT_REG32_01
)

// addNFTTable puts the whole table into one transaction: there is all of it or none.
func addNFTTable(conn *nftables.Conn, size int) error {
	s := newNFTSets(size)
	conn.CreateTable(s.table)
	conn.AddObj(&nftables.NamedObj{Table: s.table, Name: nftAnswered, Type: nftables.ObjTypeCounter, Obj: &expr.Counter{}})
	for _, set := range []*nftables.Set{s.ports, s.peers4, s.peers6} {
		if err := conn.AddSet(set, nil); err != nil {
			return err
		}
	}
	policy := nftables.ChainPolicyAccept
	output := conn.AddChain(&nftables.Chain{
		Name: "output", Table: s.table, Type: nftables.ChainTypeFilter, Policy: &policy,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityRef(nftPriority),
	})
	count := conn.AddChain(&nftables.Chain{Name: "count", Table: s.table})
	rule := func(chain *nftables.Chain, exprs ...expr.Any) {
		conn.AddRule(&nftables.Rule{Table: s.table, Chain: chain, Exprs: exprs})
	}
	rule(output, append(answers(), &expr.Verdict{Kind: expr.VerdictJump, Chain: "count"})...)
	rule(count, &expr.Objref{Type: int(nftables.ObjTypeCounter), Name: nftAnswered})
	rule(count, port(), addTo(s.ports))
	rule(count, append(is(expr.MetaKeyNFPROTO, unix.NFPROTO_IPV4), port(), destination(16, 4), addTo(s.peers4))...)
	rule(count, append(is(expr.MetaKeyNFPROTO, unix.NFPROTO_IPV6), port(), destination(24, 16), addTo(s.peers6))...)
	return conn.Flush()
}

// answers matches a SYN+ACK.
func answers() []expr.Any {
	const fin, syn, rst, ack = 0x01, 0x02, 0x04, 0x10
	return append(is(expr.MetaKeyL4PROTO, unix.IPPROTO_TCP),
		&expr.Payload{DestRegister: regPort, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1},
		&expr.Bitwise{SourceRegister: regPort, DestRegister: regPort, Len: 1, Mask: []byte{fin | syn | rst | ack}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: regPort, Data: []byte{syn | ack}},
	)
}

func is(key expr.MetaKey, value byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: regPort},
		&expr.Cmp{Op: expr.CmpOpEq, Register: regPort, Data: []byte{value}},
	}
}

func port() expr.Any {
	return &expr.Payload{DestRegister: regPort, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2}
}

func destination(offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: regAddr, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
}

func addTo(set *nftables.Set) expr.Any {
	return &expr.Dynset{
		SrcRegKey: regPort, SetName: set.Name, SetID: set.ID,
		Operation: uint32(unix.NFT_DYNSET_OP_ADD),
		Exprs:     []expr.Any{&expr.Counter{}},
	}
}
