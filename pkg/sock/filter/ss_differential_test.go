//go:build linux

package filter_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/filter/filtertest"
	"github.com/sockcensus/sockcensus/pkg/sock/sockdiag"
)

// cookies are the identities of sockets, sorted.
type cookies []uint64

// rows reads what ss shows of sockets; option is -t or -u.
func (l *lab) rows(option string) map[uint64]*sock.Socket {
	l.t.Helper()
	rows := map[uint64]*sock.Socket{}
	for line := range strings.Lines(l.run("ss", "-Hane", "-O", "--cgroup", option)) {
		s, err := parseRow(strings.Fields(line))
		if err != nil {
			l.t.Fatalf("%q: %v", line, err)
		}
		rows[s.Cookie] = s
	}
	return rows
}

func parseRow(fields []string) (*sock.Socket, error) {
	if len(fields) < 5 {
		return nil, errors.New("too few columns")
	}
	states, err := sock.ParseStates(fields[0])
	if err != nil {
		return nil, err
	}
	s := &sock.Socket{Family: sock.IPv4}
	for _, state := range sock.States() {
		if states.Only(state) {
			s.State = state
		}
	}
	local, device, err := parseEndpoint(fields[3])
	if err != nil {
		return nil, err
	}
	peer, _, err := parseEndpoint(fields[4])
	if err != nil {
		return nil, err
	}
	if local.Addr().Is6() {
		s.Mapped = local.Addr().Is4In6() || peer.Addr().Is4In6()
		if !s.Mapped {
			s.Family = sock.IPv6
		} else if peer.Addr() == netip.IPv6Unspecified() {
			peer = netip.AddrPortFrom(netip.IPv4Unspecified(), peer.Port()) // as the sources have it
		}
	}
	s.Local.AddrPort = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	s.Peer.AddrPort = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if device != "" {
		s.Interface, err = names{}.Interface(device)
	}
	for _, field := range fields[5:] {
		key, value, _ := strings.Cut(field, ":")
		switch key {
		case "sk":
			s.Cookie, err = strconv.ParseUint(value, 16, 64)
		case "fwmark":
			var n uint64
			n, err = strconv.ParseUint(value, 0, 32)
			s.Mark = uint32(n)
		case "cgroup":
			s.Cgroup, err = names{}.Cgroup(value)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parseEndpoint reads an address as ss -n shows it: * is :: of a socket that
// takes IPv4 too.
func parseEndpoint(text string) (addr netip.AddrPort, device string, err error) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return addr, "", errors.New("no port")
	}
	host, port := text[:colon], strings.Replace(text[colon+1:], "*", "0", 1)
	host, device, _ = strings.Cut(host, "%")
	host = strings.Trim(host, "[]")
	if host == "*" {
		host = "::"
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return addr, "", err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return netip.AddrPortFrom(a, uint16(n)), device, err
}

// names resolves as ss does, in the namespace of the thread.
type names struct{}

func (names) Service(name string) (uint16, error) {
	port, err := net.LookupPort("tcp", name)
	if err != nil {
		port, err = net.LookupPort("udp", name)
	}
	return uint16(port), err
}

func (names) Host(string) ([]netip.Addr, error) { return nil, errors.New("not resolved") }

func (names) Interface(name string) (uint32, error) {
	dev, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	return uint32(dev.Index), nil
}

var cgroupRoot string

// Cgroup takes what ss takes, a path in the file system, and what it shows, a
// path in the hierarchy.
func (names) Cgroup(path string) (uint64, error) {
	if !strings.HasPrefix(path, cgroupRoot) {
		path = cgroupRoot + path
	}
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	return st.Ino, err
}

// ssSelects runs the real ss with a filter.
func (l *lab) ssSelects(option string, words ...string) (cookies, error) {
	cmd := exec.Command("ss", append([]string{"-Hane", "-O", option}, words...)...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		return nil, fmt.Errorf("ss: %v: %.100s", err, complaints.String())
	}
	var found cookies
	for line := range strings.Lines(string(out)) {
		if _, sk, ok := strings.Cut(line, " sk:"); ok {
			n, err := strconv.ParseUint(strings.Fields(sk)[0], 16, 64)
			l.must(err)
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found, nil
}

// matched returns the rows that match, of those listed.
func matched(e filter.Expr, rows map[uint64]*sock.Socket, listed cookies) cookies {
	var found cookies
	for _, cookie := range listed {
		if s := rows[cookie]; s != nil && (e == nil || e.Match(s)) {
			found = append(found, cookie)
		}
	}
	slices.Sort(found)
	return found
}

// kernelSelects dumps the sockets that the kernel selects by bytecode.
func (l *lab) kernelSelects(c *netlink.Conn, protocol byte, code []byte) cookies {
	l.t.Helper()
	var found cookies
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		request := make([]byte, 56) // struct inet_diag_req_v2
		request[0], request[1] = family, protocol
		binary.NativeEndian.PutUint32(request[4:], 1<<32-1)
		if code != nil {
			attr, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: 1, Data: code}})
			l.must(err)
			request = append(request, attr...)
		}
		replies, err := c.Execute(netlink.Message{
			Header: netlink.Header{Type: unix.SOCK_DIAG_BY_FAMILY, Flags: netlink.Request | netlink.Dump},
			Data:   request,
		})
		if err != nil {
			l.t.Fatalf("the kernel refuses % x: %v", code, err)
		}
		for _, m := range replies {
			low, high := binary.NativeEndian.Uint32(m.Data[44:]), binary.NativeEndian.Uint32(m.Data[48:])
			found = append(found, uint64(high)<<32|uint64(low))
		}
	}
	slices.Sort(found)
	return found
}

// difference names the sockets in one of the selections only, a few of them.
func difference(ss, ours cookies, rows map[uint64]*sock.Socket) string {
	var text strings.Builder
	only := func(who string, these, others cookies) {
		shown := 0
		for _, cookie := range these {
			if slices.Contains(others, cookie) {
				continue
			}
			if shown++; shown > 5 {
				text.WriteString(" ...")
				return
			}
			fmt.Fprintf(&text, "\n\tonly %s: %d", who, cookie)
			if s := rows[cookie]; s != nil {
				fmt.Fprintf(&text, " %s %s %s mapped %v dev %d mark %#x cgroup %d",
					s.State, s.Local.AddrPort, s.Peer.AddrPort, s.Mapped, s.Interface, s.Mark, s.Cgroup)
			}
		}
	}
	only("ss", ss, ours)
	only("ours", ours, ss)
	return text.String()
}

func (l *lab) generator() *filtertest.Generator {
	g := filtertest.New(2024)
	g.Ports = []uint16{22, 53, 80, 91, 443, 8080, 9090, 20003, 40000}
	g.Hosts4 = []string{"127.0.0.1", "127.0.0.2", "127/8", "127.0.0.0/29", "127.0.1/24", "127.2.0.0/16", "10.9/16", "0.0.0.0",
		"0/0", "10.9.3.3", "127.0.0.0/255.255.255.0", "193.233.7/24"}
	g.Hosts6 = []string{"::1", "::", "::/0", "::ffff:0:0/96", "::ffff:127.0.0.1", "::ffff:127.2.0.0/112", "2001:db8::/32", "2001:db8::1", "::/64"}
	g.Devices = []string{"lo", "hole", "1", "0"}
	g.Marks = []string{"1", "0x3", "0", "0x1/0x3", "0x10/0xf0", "2/2"}
	if l.cgroup != "" {
		g.Cgroups = []string{l.cgroupRoot, l.cgroupRoot + l.cgroup}
	}
	g.Families, g.Autobound = true, true
	return g
}

func ephemeralPorts(t *testing.T) (low, high uint16) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(text), &low, &high); err != nil {
		t.Fatal(err)
	}
	return low, high
}

// TestSelectsWhatSSSelects compares generated filters: the real ss, the
// filter matched by this module, and the filter divided between the kernel's
// bytecode and this module.
func TestSelectsWhatSSSelects(t *testing.T) {
	l := newLab(t)
	cgroupRoot = l.cgroupRoot
	c, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	l.must(err)
	defer c.Close()
	g := l.generator()
	low, high := ephemeralPorts(t)
	for _, table := range []struct {
		option   string
		protocol byte
		count    int
		services []string
	}{
		{"-t", unix.IPPROTO_TCP, 400, []string{"http", "https", "ssh", "domain"}},
		{"-u", unix.IPPROTO_UDP, 150, []string{"domain", "ntp", "https"}},
	} {
		g.Services = table.services
		rows := l.rows(table.option)
		var all cookies
		for cookie := range rows {
			all = append(all, cookie)
		}
		some := 0
		for i := range table.count {
			text := g.Expression(i % 6)
			want, err := l.ssSelects(table.option, text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if len(want) > 0 && len(want) < len(all) {
				some++
			}
			f, err := filter.Parse(text, names{})
			l.must(err)
			e := filter.NarrowAutobound(f.Expr, low, high)
			if !filter.Needs(e).Has(sock.FieldAutobound) {
				if diff := difference(want, matched(e, rows, all), rows); diff != "" {
					t.Errorf("%s %q matched:%s", table.option, text, diff)
				}
			}
			code, rest := sockdiag.Compile(e)
			l.must(sockdiag.Undecidable(rest))
			got := matched(rest, rows, l.kernelSelects(c, table.protocol, code))
			if diff := difference(want, got, rows); diff != "" {
				t.Errorf("%s %q compiled:%s", table.option, text, diff)
			}
		}
		t.Logf("%s: %d sockets, %d filters, of which %d select some and not all", table.option, len(all), table.count, some)
		if some < table.count/3 {
			t.Errorf("only %d filters select some of the sockets and not all", some)
		}
	}
}

// TestStatesAsSS compares what leading state words pick.
func TestStatesAsSS(t *testing.T) {
	l := newLab(t)
	rows := l.rows("-t")
	for _, text := range []string{
		"state established", "state listening", "state all", "state connected", "state synchronized", "state bucket",
		"state big", "state time-wait state close-wait", "exclude listening", "exclude bucket", "exclude established state established",
		"state connected exclude time-wait", "state all exclude connected", "state closed", "state syn-sent", "state close-wait",
		"state fin-wait-2", "state ESTABLISHED", "exclude listening ( sport = :443 or sport = :80 )", "excl established dport 443",
	} {
		want, err := l.ssSelects("-t", strings.Fields(text)...)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		f, err := filter.Parse(text, names{})
		l.must(err)
		var picked cookies
		for cookie, s := range rows {
			if f.States.Has(s.State) {
				picked = append(picked, cookie)
			}
		}
		if diff := difference(want, matched(f.Expr, rows, picked), rows); diff != "" {
			t.Errorf("%q:%s", text, diff)
		}
	}
}

// TestUnsayable proves of the names in filtertest.Unsayable that ss does not
// take them, or selects something else.
func TestUnsayable(t *testing.T) {
	l := newLab(t)
	rows := l.rows("-t")
	for _, u := range filtertest.Unsayable {
		ss, err := l.ssSelects("-t", strings.Fields(u.Example)...)
		if err != nil {
			continue
		}
		f, err := filter.Parse(u.Example, names{})
		if err != nil {
			continue // an error here, not there
		}
		if filter.Needs(f.Expr).Has(sock.FieldAutobound) {
			f.Expr = filter.All(f.Expr, filter.Not{X: filter.Ports(filter.Local, 40000, 40000)}) // it is bound
		}
		var picked cookies
		for cookie, s := range rows {
			if f.States == sock.NoStates || f.States.Has(s.State) {
				picked = append(picked, cookie)
			}
		}
		if slices.Equal(ss, matched(f.Expr, rows, picked)) {
			t.Errorf("%s: ss selects the same for %q", u.Name, u.Example)
		}
	}
}
