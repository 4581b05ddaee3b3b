package sockdiag

import (
	"encoding/binary"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// The operations of INET_DIAG_REQ_BYTECODE (include/uapi/linux/inet_diag.h)
// that are emitted. S_EQ and D_EQ need a newer kernel than S_COND with a port
// and no address, which says the same.
const (
	bcJump   = 1  // INET_DIAG_BC_JMP
	bcSrcGE  = 2  // INET_DIAG_BC_S_GE
	bcSrcLE  = 3  // INET_DIAG_BC_S_LE
	bcDstGE  = 4  // INET_DIAG_BC_D_GE
	bcDstLE  = 5  // INET_DIAG_BC_D_LE
	bcAuto   = 6  // INET_DIAG_BC_AUTO
	bcSrc    = 7  // INET_DIAG_BC_S_COND
	bcDst    = 8  // INET_DIAG_BC_D_COND
	bcDevice = 9  // INET_DIAG_BC_DEV_COND
	bcMark   = 10 // INET_DIAG_BC_MARK_COND
	bcCgroup = 13 // INET_DIAG_BC_CGROUP_COND

	bcAnyFamily = 0  // AF_UNSPEC
	bcInet      = 2  // AF_INET on Linux
	bcInet6     = 10 // AF_INET6 on Linux
	bcAnyPort   = -1

	bcOpSize   = 4                  // struct inet_diag_bc_op
	bcHostSize = 8                  // struct inet_diag_hostcond without its address
	bcMaxSize  = 1<<16 - 4*bcOpSize // a jump has 16 bits, the attribute too
)

// Compile divides a condition on internet sockets between the kernel and the
// caller: a socket matches e exactly if the kernel selects it by code (a value
// of INET_DIAG_REQ_BYTECODE; nil selects every socket) and it matches rest (nil
// matches every socket). When e is decided by parts that the kernel does not
// know, code selects as few more as it can, and never fewer.
//
// The kernel refuses code that tests marks with EPERM unless the caller has
// CAP_NET_ADMIN, and code with operations that it does not know yet with
// EINVAL: DEV_COND, MARK_COND and CGROUP_COND came with Linux 4.4, 4.10 and
// 5.8. The addresses that it shows of SCTP associations need not be those
// that it tests, so addresses of SCTP are better matched by the caller alone.
//
// Use Undecidable on rest: the caller cannot match what it reports.
func Compile(e filter.Expr) (code []byte, rest filter.Expr) {
	var kernel, user []filter.Expr
	size := bcOpSize
	take := func(part filter.Expr) bool {
		n := codeSize(part)
		if size+n > bcMaxSize {
			return false
		}
		size += n
		kernel = append(kernel, part)
		return true
	}
	for _, part := range conjuncts(nil, e, false) {
		if kernelDecides(part) && take(part) {
			continue
		}
		user = append(user, part)
		if wider := superset(part, false); wider != nil {
			take(wider)
		}
	}
	if all := filter.All(kernel...); all != nil {
		code = assemble(all)
	}
	return code, filter.All(user...)
}

// Undecidable returns a *sock.UndecidableError if rest, as Compile left it to
// the caller, asks what only the kernel can know, and nil otherwise.
func Undecidable(rest filter.Expr) error {
	if filter.Needs(rest).Has(sock.FieldAutobound) {
		return &sock.UndecidableError{
			Source: "netlink",
			What:   "autobound in one condition with what the kernel does not filter by",
		}
	}
	return nil
}

// conjuncts appends the conditions that e (or, if negated, its opposite)
// demands all of.
func conjuncts(list []filter.Expr, e filter.Expr, negated bool) []filter.Expr {
	switch e := e.(type) {
	case nil:
		return list
	case filter.And:
		if !negated {
			return conjuncts(conjuncts(list, e.Left, false), e.Right, false)
		}
	case filter.Or:
		if negated {
			return conjuncts(conjuncts(list, e.Left, true), e.Right, true)
		}
	case filter.Not:
		return conjuncts(list, e.X, !negated)
	case filter.Any:
		if !negated {
			return list
		}
	}
	if negated {
		e = filter.Not{X: e}
	}
	return append(list, e)
}

// kernelDecides reports whether bytecode can say e. No internet socket has a
// unix name or a link, so that is decided too.
func kernelDecides(e filter.Expr) bool {
	switch e := e.(type) {
	case filter.And:
		return kernelDecides(e.Left) && kernelDecides(e.Right)
	case filter.Or:
		return kernelDecides(e.Left) && kernelDecides(e.Right)
	case filter.Not:
		return kernelDecides(e.X)
	case filter.Any, filter.Host, filter.Domain, filter.Port, filter.Device, filter.Mark,
		filter.Cgroup, filter.Autobound, filter.UnixPath, filter.Link:
		return true
	default:
		return false
	}
}

// superset returns a condition that bytecode can say and that holds wherever
// e (if negated, its opposite) does. Nil stands for the one that always holds.
func superset(e filter.Expr, negated bool) filter.Expr {
	switch x := e.(type) {
	case filter.Not:
		return superset(x.X, !negated)
	case filter.And:
		return supersetOfTwo(x.Left, x.Right, negated, !negated)
	case filter.Or:
		return supersetOfTwo(x.Left, x.Right, negated, negated)
	}
	switch {
	case !kernelDecides(e):
		return nil
	case negated:
		return filter.Not{X: e}
	default:
		return e
	}
}

func supersetOfTwo(left, right filter.Expr, negated, both bool) filter.Expr {
	left, right = superset(left, negated), superset(right, negated)
	switch {
	case both:
		return filter.All(left, right)
	case left == nil || right == nil:
		return nil
	default:
		return filter.Or{Left: left, Right: right}
	}
}

// codeSize bounds the size of the code for e: a jump may follow every test.
func codeSize(e filter.Expr) int {
	const host6 = bcOpSize + bcHostSize + 16 + bcOpSize
	switch e := e.(type) {
	case filter.And:
		return codeSize(e.Left) + codeSize(e.Right)
	case filter.Or:
		return codeSize(e.Left) + codeSize(e.Right)
	case filter.Not:
		return codeSize(e.X)
	default:
		return host6 // the longest test
	}
}

// An assembler emits tests. The kernel goes on behind a test that holds and
// jumps, forward only, when it does not; a program that ends exactly at its
// end selects the socket, one that jumps beyond does not.
type assembler struct {
	code   []byte
	labels []int  // where each label stands
	jumps  []jump // to be filled in when it is known
}

type jump struct{ from, label int }

func assemble(e filter.Expr) []byte {
	var a assembler
	accept, reject := a.label(), a.label()
	a.branch(e, accept, reject, accept)
	a.labels[accept] = len(a.code)
	a.labels[reject] = len(a.code) + bcOpSize
	for _, j := range a.jumps {
		binary.NativeEndian.PutUint16(a.code[j.from+2:], uint16(a.labels[j.label]-j.from))
	}
	return a.code
}

func (a *assembler) label() int {
	a.labels = append(a.labels, 0)
	return len(a.labels) - 1
}

// branch emits code that goes to yes or no, as e matches or not. The label
// next stands right behind the code.
func (a *assembler) branch(e filter.Expr, yes, no, next int) {
	switch e := e.(type) {
	case filter.And:
		middle := a.label()
		a.branch(e.Left, middle, no, middle)
		a.labels[middle] = len(a.code)
		a.branch(e.Right, yes, no, next)
	case filter.Or:
		middle := a.label()
		a.branch(e.Left, yes, middle, middle)
		a.labels[middle] = len(a.code)
		a.branch(e.Right, yes, no, next)
	case filter.Not:
		a.branch(e.X, no, yes, next)
	case filter.Domain:
		if e.Family == sock.IPv4 {
			yes, no = no, yes
		}
		a.test(bcSrc, no, hostCondition(bcInet6, 0, bcAnyPort, make([]byte, 16)))
		a.jump(yes, next)
	case filter.Port:
		a.port(e, yes, no, next)
	case filter.Any:
		a.jump(yes, next)
	case filter.UnixPath, filter.Link:
		a.jump(no, next)
	default:
		code, condition := condition(e)
		a.test(code, no, condition)
		a.jump(yes, next)
	}
}

func (a *assembler) port(e filter.Port, yes, no, next int) {
	equal, atLeast, atMost := byte(bcSrc), byte(bcSrcGE), byte(bcSrcLE)
	if e.Side == filter.Peer {
		equal, atLeast, atMost = bcDst, bcDstGE, bcDstLE
	}
	switch e.Op {
	case filter.NotEqual, filter.Less, filter.Greater:
		yes, no = no, yes // tested by the opposite
	}
	switch e.Op {
	case filter.Equal, filter.NotEqual:
		a.test(equal, no, hostCondition(bcAnyFamily, 0, int32(e.Port), nil))
	case filter.GreaterOrEqual, filter.Less:
		a.test(atLeast, no, portCondition(e.Port))
	case filter.LessOrEqual, filter.Greater:
		a.test(atMost, no, portCondition(e.Port))
	}
	a.jump(yes, next)
}

// test emits a test that jumps to no when it does not hold.
func (a *assembler) test(code byte, no int, condition []byte) {
	a.jumps = append(a.jumps, jump{len(a.code), no})
	a.code = append(a.code, code, byte(bcOpSize+len(condition)), 0, 0)
	a.code = append(a.code, condition...)
}

// jump emits a jump to a label unless that stands right here.
func (a *assembler) jump(to, next int) {
	if to != next {
		a.test(bcJump, to, nil)
	}
}

// condition returns the operation and operand of a test without variants.
func condition(e filter.Expr) (code byte, operand []byte) {
	switch e := e.(type) {
	case filter.Host:
		port := int32(bcAnyPort)
		if e.HasPort {
			port = int32(e.Port)
		}
		code, family := byte(bcSrc), byte(bcInet6)
		if e.Side == filter.Peer {
			code = bcDst
		}
		if e.Prefix.Addr().Is4() {
			family = bcInet
		}
		return code, hostCondition(family, byte(e.Prefix.Bits()), port, e.Prefix.Addr().AsSlice())
	case filter.Device:
		return bcDevice, binary.NativeEndian.AppendUint32(nil, e.Index)
	case filter.Mark:
		operand = binary.NativeEndian.AppendUint32(nil, e.Value)
		return bcMark, binary.NativeEndian.AppendUint32(operand, e.Mask)
	case filter.Cgroup:
		return bcCgroup, binary.NativeEndian.AppendUint64(nil, e.ID)
	default: // filter.Autobound; kernelDecides lets nothing else through
		return bcAuto, nil
	}
}

// hostCondition encodes struct inet_diag_hostcond. Port is in host order.
func hostCondition(family, bits byte, port int32, addr []byte) []byte {
	operand := []byte{family, bits, 0, 0}
	operand = binary.NativeEndian.AppendUint32(operand, uint32(port))
	return append(operand, addr...)
}

// portCondition encodes a port as the field no of a struct inet_diag_bc_op.
func portCondition(port uint16) []byte {
	return binary.NativeEndian.AppendUint16([]byte{0, 0}, port)
}
