package sockdiag

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/filter/filtertest"
)

// kernelEntry is struct inet_diag_entry: what the kernel tests of a socket.
type kernelEntry struct {
	family       byte
	saddr, daddr []byte
	sport, dport uint16
	ifindex      uint32
	mark         uint32
	cgroup       uint64
	autobound    bool
}

// kernelRun mirrors inet_diag_bc_run (net/ipv4/inet_diag.c).
func kernelRun(code []byte, e *kernelEntry) bool {
	length, at := len(code), 0
	for length > 0 {
		op := code[at:]
		step := int(binary.NativeEndian.Uint16(op[2:]))
		if kernelTest(op, e) {
			step = int(op[1])
		}
		length -= step
		at += step
	}
	return length == 0
}

func kernelTest(op []byte, e *kernelEntry) bool {
	port := func() uint16 { return binary.NativeEndian.Uint16(op[6:]) }
	switch op[0] {
	case 0: // NOP
		return true
	case bcSrcGE:
		return e.sport >= port()
	case bcSrcLE:
		return e.sport <= port()
	case bcDstGE:
		return e.dport >= port()
	case bcDstLE:
		return e.dport <= port()
	case bcAuto:
		return e.autobound
	case bcSrc:
		return kernelHost(op, e, e.saddr, e.sport)
	case bcDst:
		return kernelHost(op, e, e.daddr, e.dport)
	case bcDevice:
		return binary.NativeEndian.Uint32(op[4:]) == e.ifindex
	case bcMark:
		return e.mark&binary.NativeEndian.Uint32(op[8:]) == binary.NativeEndian.Uint32(op[4:])
	case bcCgroup:
		return binary.NativeEndian.Uint64(op[4:]) == e.cgroup
	}
	return false // JMP
}

func kernelHost(op []byte, e *kernelEntry, addr []byte, port uint16) bool {
	family, bits, want := op[4], int(op[5]), int32(binary.NativeEndian.Uint32(op[8:]))
	if want != -1 && want != int32(port) {
		return false
	}
	if family != bcAnyFamily && family != e.family {
		mapped := []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}
		return e.family == bcInet6 && family == bcInet && bytes.Equal(addr[:12], mapped) && sameBits(addr[12:], op[12:], bits)
	}
	return sameBits(addr, op[12:], bits)
}

func sameBits(a, b []byte, bits int) bool {
	for i := range bits {
		if (a[i/8]^b[i/8])&(0x80>>(i%8)) != 0 {
			return false
		}
	}
	return true
}

// kernelAudit mirrors inet_diag_bc_audit and what it calls.
func kernelAudit(code []byte) error {
	if len(code) < bcOpSize {
		return errors.New("too short")
	}
	for at := 0; at < len(code); {
		rest := len(code) - at
		least, err := operandSize(code[at:])
		if err != nil {
			return fmt.Errorf("at %d: %w", at, err)
		}
		yes, no := int(code[at+1]), int(binary.NativeEndian.Uint16(code[at+2:]))
		if code[at] != 0 {
			if no < least || no > rest+4 || no%4 != 0 {
				return fmt.Errorf("at %d: no = %d of %d", at, no, rest)
			}
			if no < rest && !onBoundary(code, at+no) {
				return fmt.Errorf("at %d: jump into an operation", at)
			}
		}
		if yes < least || yes > rest+4 || yes%4 != 0 {
			return fmt.Errorf("at %d: yes = %d of %d", at, yes, rest)
		}
		at += yes
		if at > len(code) {
			return errors.New("ends beyond the end")
		}
	}
	return nil
}

func onBoundary(code []byte, want int) bool {
	at := 0
	for at < want {
		if code[at+1] < 4 || code[at+1]%4 != 0 {
			return false
		}
		at += int(code[at+1])
	}
	return at == want
}

func operandSize(op []byte) (int, error) {
	if len(op) < bcOpSize {
		return 0, errors.New("truncated")
	}
	least := bcOpSize
	switch op[0] {
	case 0, bcJump, bcAuto:
	case bcSrcGE, bcSrcLE, bcDstGE, bcDstLE, bcDevice:
		least += 4
	case bcMark, bcCgroup:
		least += 8
	case bcSrc, bcDst:
		least += bcHostSize
		if len(op) < least {
			return 0, errors.New("truncated")
		}
		addr, known := map[byte]int{bcAnyFamily: 0, bcInet: 4, bcInet6: 16}[op[4]]
		if !known || int(op[5]) > 8*addr {
			return 0, errors.New("bad host condition")
		}
		least += addr
	default:
		return 0, errors.New("unknown operation")
	}
	if len(op) < least {
		return 0, errors.New("truncated")
	}
	return least, nil
}

var testPorts = []uint16{0, 1, 22, 80, 443, 8080, 32768, 65535}

var testHosts4 = []string{"0.0.0.0", "0.0.0.0/0", "0/8", "10.0.0.1", "10.0.0.0/8", "10.0.0.0/31", "192.0.2.7/32", "127/8", "255.255.255.255"}

var testHosts6 = []string{"::", "::/0", "::/64", "::1", "::/96", "2001:db8::1", "2001:db8::/32", "2001:db8::/33",
	"::ffff:0:0/96", "::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "::ffff:0:0/95", "a00:1::/32", "fe80::/10"}

type testNames struct{}

func (testNames) Service(string) (uint16, error)     { return 443, nil }
func (testNames) Host(string) ([]netip.Addr, error)  { return nil, errors.New("none") }
func (testNames) Interface(string) (uint32, error)   { return 1, nil }
func (testNames) Cgroup(path string) (uint64, error) { return uint64(len(path)), nil }

// randomEntry makes up a socket as the kernel has it.
func randomEntry(r *rand.Rand) *kernelEntry {
	v4 := []string{"0.0.0.0", "10.0.0.1", "10.0.0.2", "10.9.9.9", "192.0.2.7", "127.0.0.1", "255.255.255.255"}
	v6 := []string{"::", "::1", "2001:db8::1", "2001:db8:8000::1", "fe80::1", "a00:1::", "::ffff:10.0.0.1",
		"::ffff:10.9.9.9", "::ffff:127.0.0.1", "::fffe:1.2.3.4"}
	pick := func(list []string) []byte { return netip.MustParseAddr(list[r.IntN(len(list))]).AsSlice() }
	e := &kernelEntry{
		family: bcInet, sport: testPorts[r.IntN(len(testPorts))], dport: testPorts[r.IntN(len(testPorts))],
		ifindex: uint32(r.IntN(3)), mark: uint32(r.IntN(4)), cgroup: uint64(r.IntN(4)), autobound: r.IntN(2) == 0,
	}
	if r.IntN(5) < 3 {
		e.family, e.saddr, e.daddr = bcInet6, pick(append(v6, "::ffff:0.0.0.0")), pick(v6)
	} else {
		e.saddr, e.daddr = pick(v4), pick(v4)
	}
	return e
}

// socket is what the row of the entry becomes.
func (e *kernelEntry) socket(r *rand.Rand) *sock.Socket {
	local, _ := netip.AddrFromSlice(e.saddr)
	peer, _ := netip.AddrFromSlice(e.daddr)
	s := &sock.Socket{
		Family: sock.IPv4, Interface: e.ifindex, Mark: e.mark, Cgroup: e.cgroup,
		UID: uint32(r.IntN(3)), Inode: uint64(r.IntN(2)),
	}
	if e.family == bcInet6 {
		s.Mapped = local.Is4In6() || peer.Is4In6()
		if !s.Mapped {
			s.Family = sock.IPv6
		}
	}
	if s.Mapped && peer == netip.IPv6Unspecified() && r.IntN(2) == 0 {
		peer = netip.IPv4Unspecified() // as parseInet shows it beside an IPv4 address
	}
	s.Local.AddrPort = netip.AddrPortFrom(local.Unmap(), e.sport)
	s.Peer.AddrPort = netip.AddrPortFrom(peer.Unmap(), e.dport)
	return s
}

// truth evaluates e as the language defines it; of autobound the entry knows.
func truth(e filter.Expr, entry *kernelEntry, s *sock.Socket) bool {
	switch e := e.(type) {
	case nil:
		return true
	case filter.And:
		return truth(e.Left, entry, s) && truth(e.Right, entry, s)
	case filter.Or:
		return truth(e.Left, entry, s) || truth(e.Right, entry, s)
	case filter.Not:
		return !truth(e.X, entry, s)
	case filter.Autobound:
		return entry.autobound
	default:
		return e.Match(s)
	}
}

func generator(seed uint64) *filtertest.Generator {
	g := filtertest.New(seed)
	g.Ports, g.Hosts4, g.Hosts6 = testPorts[1:], testHosts4, testHosts6
	g.Devices = []string{"0", "1", "2"}
	g.Marks = []string{"0", "1", "2/2", "1/3", "3/1"}
	g.Cgroups = []string{"0", "1", "2"}
	g.Families, g.Beyond, g.Autobound = true, true, true
	return g
}

// checkCompiled compares both halves of a compiled expression with the whole.
func checkCompiled(t *testing.T, text string, r *rand.Rand, sockets int) {
	t.Helper()
	f, err := filter.Parse(text, testNames{})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	code, rest := Compile(f.Expr)
	if code != nil {
		if err := kernelAudit(code); err != nil {
			t.Fatalf("%q: the kernel would refuse % x: %v", text, code, err)
		}
	}
	for range sockets {
		entry := randomEntry(r)
		s := entry.socket(r)
		want := truth(f.Expr, entry, s)
		selected := code == nil || kernelRun(code, entry)
		if want && !selected {
			t.Fatalf("%q: the kernel loses %+v", text, entry)
		}
		if Undecidable(rest) != nil {
			continue
		}
		if got := selected && (rest == nil || rest.Match(s)); got != want {
			t.Fatalf("%q: %+v %+v: %v, want %v (kernel: %v, rest %v)", text, entry, s, got, want, selected, rest)
		}
	}
}

func TestCompileAgreesWithMatch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	g := generator(3)
	for i := range 4000 {
		checkCompiled(t, g.Expression(1+i%6), r, 60)
	}
}

func TestCompileDividesWork(t *testing.T) {
	tests := []struct {
		text   string
		decide bool // the kernel takes part
		rest   string
	}{
		{"", false, ""},
		{"src *", false, ""},
		{"not src *", true, ""},
		{"sport = :443", true, ""},
		{"sport = :443 uid = 1", true, "uid = 1"},
		{"uid = 1", false, "uid = 1"},
		{"not ( uid = 1 or sport = :80 )", true, "not uid = 1"},
		{"( sport 1 and uid 1 ) or ( sport 2 and uid 2 )", true, "( sport = :1 and uid = 1 ) or ( sport = :2 and uid = 2 )"},
		{"sport 1 or uid 1", false, "sport = :1 or uid = 1"},
		{"src unix:/x or sport 3", true, ""},
		{"autobound and uid 1", true, "uid = 1"},
	}
	for _, tt := range tests {
		f, err := filter.Parse(tt.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		code, rest := Compile(f.Expr)
		got := filter.Filter{Expr: rest}.String()
		if (code != nil) != tt.decide || got != tt.rest {
			t.Errorf("Compile(%q) = % x, %q; want %v, %q", tt.text, code, got, tt.decide, tt.rest)
		}
	}
}

func TestCompileKnownCode(t *testing.T) {
	le := func(words ...any) []byte {
		var b bytes.Buffer
		for _, w := range words {
			_ = binary.Write(&b, binary.NativeEndian, w)
		}
		return b.Bytes()
	}
	// As ss 6.1 sends "sport = :80 or dst 10.0.0.0/8", but for the address of
	// the first condition, which has no family.
	want := bytes.Join([][]byte{
		le(byte(7), byte(12), uint16(16), byte(0), byte(0), uint16(0), int32(80)),
		le(byte(1), byte(4), uint16(20)),
		le(byte(8), byte(16), uint16(20), byte(2), byte(8), uint16(0), int32(-1)), {10, 0, 0, 0},
	}, nil)
	f, err := filter.Parse("sport = :80 or dst 10/8", nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := Compile(f.Expr); !bytes.Equal(code, want) {
		t.Errorf("got  % x\nwant % x", code, want)
	}
}

func TestUndecidable(t *testing.T) {
	for text, want := range map[string]bool{
		"autobound":                           false,
		"not autobound and uid 1":             false,
		"autobound or uid 1":                  true,
		"not ( uid 1 and not ( autobound ) )": true,
	} {
		f, err := filter.Parse(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, rest := Compile(f.Expr)
		var undecidable *sock.UndecidableError
		if got := errors.As(Undecidable(rest), &undecidable); got != want {
			t.Errorf("Undecidable of %q: %v, want %v", text, got, want)
		}
	}
}

// TestCompileTooLong leaves to the caller what does not fit into an attribute.
func TestCompileTooLong(t *testing.T) {
	text := "dport = :2 and ( sport = :1" + strings.Repeat(" or dst [2001:db8::1]:7", 2500) + " )"
	f, err := filter.Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	code, rest := Compile(f.Expr)
	if len(code) != 12 || rest == nil {
		t.Errorf("%d bytes of code, rest %v", len(code), rest != nil)
	}
	checkCompiled(t, text, rand.New(rand.NewPCG(1, 2)), 50)

	// The longest that fits is still one that the kernel takes.
	text = "sport = :1" + strings.Repeat(" or dst [2001:db8::1]:7", 2040)
	f, err = filter.Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, rest = Compile(f.Expr); rest != nil || len(code) < 60000 {
		t.Errorf("%d bytes of code, rest %v", len(code), rest != nil)
	}
	checkCompiled(t, text, rand.New(rand.NewPCG(1, 2)), 50)
}
