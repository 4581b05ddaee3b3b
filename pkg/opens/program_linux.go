package opens

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// programRevision rises with every change to the program, so that On knows when to
// put the new one in the place of the old.
const programRevision = 1

// struct bpf_sock_ops and its operations, include/uapi/linux/bpf.h.
const (
	ctxOp         = 0
	ctxFamily     = 20
	ctxRemoteIP4  = 24 // network order
	ctxRemoteIP6  = 32 // four words in network order
	ctxRemotePort = 64 // network order
	ctxLocalPort  = 68 // host order

	opActiveEstablished  = 4
	opPassiveEstablished = 5

	familyIPv4, familyIPv6 = 2, 10
)

// Where things lie on the program's stack.
const (
	stackKey   = -peerKeySize             // the peer's key; its beginnings are the other keys
	stackValue = stackKey - namespaceSize // a value to be inserted
	stackIndex = stackValue - 8           // the key of the array of the lost
	keyDir     = stackKey + 10
)

// tables are the maps that the program counts in.
type tables struct{ meta, namespaces, services, peers, lost *ebpf.Map }

// countProgram counts one completed handshake: the peer's counter first, then the
// service's, then the namespace's, so that one who reads the other way round never
// sees a total without its peer. It has no loops, reads no packet and touches no
// socket.
//
//	r6 context   r7 value of the service   r8 1: no room below   r9 now
func countProgram(t *tables) asm.Instructions {
	return join(
		keyAt(stackKey),
		asm.Instructions{
			asm.FnKtimeGetBootNs.Call(),
			asm.Mov.Reg(asm.R9, asm.R0),
			asm.Mov.Imm(asm.R8, 0),
		},
		find("service", t.services, serviceSize, serviceFirst, serviceLast),
		asm.Instructions{
			asm.JEq.Imm(asm.R0, 0, "no_service"),
			asm.Mov.Reg(asm.R7, asm.R0),
		},
		find("peer", t.peers, peerSize, peerFirst, peerLast),
		asm.Instructions{
			asm.JEq.Imm(asm.R0, 0, "no_peer"),
			asm.Mov.Imm(asm.R1, 1),
			asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, peerOpens),
			asm.StoreMem(asm.R0, peerLast, asm.R9, asm.DWord),
			asm.Ja.Label("count_service"),
			asm.Mov.Imm(asm.R1, 1).WithSymbol("no_peer"),
			asm.AddAtomic.Mem(asm.R7, asm.R1, asm.DWord, serviceOverflow),
			asm.Mov.Imm(asm.R1, 1).WithSymbol("count_service"),
			asm.AddAtomic.Mem(asm.R7, asm.R1, asm.DWord, serviceOpens),
			asm.StoreMem(asm.R7, serviceLast, asm.R9, asm.DWord),
			asm.Ja.Label("namespace"),
			asm.Mov.Imm(asm.R8, 1).WithSymbol("no_service"),
			asm.Mov.Reg(asm.R1, asm.R9).WithSymbol("namespace"), // a place for the label
		},
		find("flows", t.namespaces, namespaceSize, namespaceFirst, namespaceLast),
		asm.Instructions{
			asm.JEq.Imm(asm.R0, 0, "no_namespace"),
			asm.StoreMem(asm.R0, namespaceLast, asm.R9, asm.DWord),
			asm.LoadMem(asm.R1, asm.RFP, keyDir, asm.Half),
			asm.JEq.Imm(asm.R1, int32(In), "count_flow"),
			asm.Add.Imm(asm.R0, outFlow),
			asm.JEq.Imm(asm.R8, 0, "flow").WithSymbol("count_flow"),
			asm.AddAtomic.Mem(asm.R0, asm.R8, asm.DWord, flowRest),
			asm.Mov.Imm(asm.R1, 1).WithSymbol("flow"),
			asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, flowOpens),
			asm.Ja.Label("exit"),
		},
		loseAt("no_namespace", t.lost),
		asm.Instructions{
			// Any other answer would take the event from the programs beside us.
			asm.Mov.Imm(asm.R0, 1).WithSymbol("exit"),
			asm.Return(),
		},
	)
}

// keyAt leaves for "exit" unless a handshake was completed, and else puts the key of
// namespace, service and peer on the stack at an offset, and the namespace in r0.
func keyAt(offset int16) asm.Instructions {
	port, dir, zero, ip := offset+8, offset+10, offset+12, offset+16
	return asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.LoadMem(asm.R1, asm.R6, ctxOp, asm.Word),
		asm.JEq.Imm(asm.R1, opPassiveEstablished, "passive"),
		asm.JNE.Imm(asm.R1, opActiveEstablished, "exit"),
		asm.LoadMem(asm.R1, asm.R6, ctxRemotePort, asm.Word),
		asm.HostTo(asm.BE, asm.R1, asm.Word),
		asm.Mov.Imm(asm.R2, int32(Out)),
		asm.Ja.Label("port"),
		asm.LoadMem(asm.R1, asm.R6, ctxLocalPort, asm.Word).WithSymbol("passive"),
		asm.Mov.Imm(asm.R2, int32(In)),
		asm.StoreMem(asm.RFP, port, asm.R1, asm.Half).WithSymbol("port"),
		asm.StoreMem(asm.RFP, dir, asm.R2, asm.Half),
		asm.StoreImm(asm.RFP, zero, 0, asm.Word),

		asm.LoadMem(asm.R1, asm.R6, ctxFamily, asm.Word),
		asm.JEq.Imm(asm.R1, familyIPv6, "ipv6"),
		asm.JNE.Imm(asm.R1, familyIPv4, "exit"),
		asm.StoreImm(asm.RFP, ip, 0, asm.Word),
		asm.StoreImm(asm.RFP, ip+4, 0, asm.Word),
		asm.StoreImm(asm.RFP, ip+8, 0, asm.Half),
		asm.StoreImm(asm.RFP, ip+10, 0xffff, asm.Half),
		asm.LoadMem(asm.R1, asm.R6, ctxRemoteIP4, asm.Word),
		asm.StoreMem(asm.RFP, ip+12, asm.R1, asm.Word),
		asm.Ja.Label("netns"),
		asm.LoadMem(asm.R1, asm.R6, ctxRemoteIP6, asm.Word).WithSymbol("ipv6"),
		asm.StoreMem(asm.RFP, ip, asm.R1, asm.Word),
		asm.LoadMem(asm.R1, asm.R6, ctxRemoteIP6+4, asm.Word),
		asm.StoreMem(asm.RFP, ip+4, asm.R1, asm.Word),
		asm.LoadMem(asm.R1, asm.R6, ctxRemoteIP6+8, asm.Word),
		asm.StoreMem(asm.RFP, ip+8, asm.R1, asm.Word),
		asm.LoadMem(asm.R1, asm.R6, ctxRemoteIP6+12, asm.Word),
		asm.StoreMem(asm.RFP, ip+12, asm.R1, asm.Word),

		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("netns"),
		asm.FnGetNetnsCookie.Call(),
		asm.StoreMem(asm.RFP, offset, asm.R0, asm.DWord),
	}
}

// find leaves in r0 the value of the key on the stack, made of zeros and the time
// where there was none, or 0 where there is no room for it. Making and counting are
// two steps, so that of two processors that make the same one none is lost.
func find(name string, m *ebpf.Map, size, first, last int16) asm.Instructions {
	found := "found_" + name
	lookup := asm.Instructions{
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, stackKey),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.FnMapLookupElem.Call(),
	}
	insert := asm.Instructions{asm.JNE.Imm(asm.R0, 0, found), asm.Mov.Imm(asm.R1, 0)}
	for offset := int16(0); offset < size; offset += 8 {
		word := asm.R1
		if offset == first || offset == last {
			word = asm.R9
		}
		insert = append(insert, asm.StoreMem(asm.RFP, stackValue+offset, word, asm.DWord))
	}
	insert = append(insert,
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, stackKey),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, stackValue),
		asm.Mov.Imm(asm.R4, int32(ebpf.UpdateNoExist)),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.FnMapUpdateElem.Call(),
	)
	return join(lookup, insert, lookup, asm.Instructions{
		asm.Mov.Reg(asm.R1, asm.R9).WithSymbol(found), // a place for the label
	})
}

// loseAt counts, at a label, a connection that found no room.
func loseAt(label string, m *ebpf.Map) asm.Instructions {
	return asm.Instructions{
		asm.StoreImm(asm.RFP, stackIndex, 0, asm.Word).WithSymbol(label),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, stackIndex),
		asm.LoadMapPtr(asm.R1, m.FD()),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "exit"),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
	}
}

func join(parts ...asm.Instructions) (all asm.Instructions) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}
