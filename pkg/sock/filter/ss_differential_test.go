//go:build linux

package filter_test

import (
	"encoding/binary"
	"fmt"
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

// A comparison asks for the same sockets in three ways.
type comparison struct {
	*lab
	option    string
	protocol  byte
	conn      *netlink.Conn
	low, high uint16 // ip_local_port_range
	rows      map[uint64]*sock.Socket
	all       cookies
	some      int // filters that selected some of the sockets and not all
}

func (c *comparison) refresh() {
	c.rows, c.all = c.lab.rows(c.option), nil
	for cookie := range c.rows {
		c.all = append(c.all, cookie)
	}
}

// compare tells how the selections of ss, of this module and of the kernel's
// bytecode with this module differ.
func (c *comparison) compare(text string) string {
	c.t.Helper()
	want, err := c.ssSelects(c.option, text)
	if err != nil {
		c.t.Fatalf("%q: %v", text, err)
	}
	f, err := filter.Parse(text, names{})
	c.must(err)
	e := filter.NarrowAutobound(f.Expr, c.low, c.high)
	code, rest := sockdiag.Compile(e)
	c.must(sockdiag.Undecidable(rest))
	got := matched(rest, c.rows, c.kernelSelects(c.conn, c.protocol, code))
	if diff := difference(want, got, c.rows); diff != "" {
		return "compiled:" + diff
	}
	if !filter.Needs(e).Has(sock.FieldAutobound) {
		if diff := difference(want, matched(e, c.rows, c.all), c.rows); diff != "" {
			return "matched:" + diff
		}
	}
	if len(want) > 0 && len(want) < len(c.all) {
		c.some++
	}
	return ""
}

// TestSelectsWhatSSSelects compares generated filters: the real ss, the
// filter matched by this module, and the filter divided between the kernel's
// bytecode and this module.
func TestSelectsWhatSSSelects(t *testing.T) {
	l := newLab(t)
	cgroupRoot = l.cgroupRoot
	conn, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	l.must(err)
	defer conn.Close()
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
		c := comparison{lab: l, option: table.option, protocol: table.protocol, conn: conn, low: low, high: high}
		c.refresh()
		for i, wrong := 0, 0; i < table.count && wrong < 10; i++ {
			text := g.Expression(i % 6)
			diff := c.compare(text)
			for again := 0; diff != "" && again < 3; again++ {
				c.refresh() // a state may have run out
				diff = c.compare(text)
			}
			if diff != "" {
				t.Errorf("%s %q %s", table.option, text, diff)
				wrong++
			}
		}
		t.Logf("%s: %d sockets, %d filters, of which %d select some and not all", table.option, len(c.all), table.count, c.some)
		if c.some < table.count/3 {
			t.Errorf("only %d filters select some of the sockets and not all", c.some)
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
