//go:build linux

package filter_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// fillUnix makes unix sockets with and without names, below dir and in the
// abstract namespace of the lab.
func (l *lab) fillUnix(dir string) {
	l.t.Helper()
	for _, name := range []string{dir + "/Alpha.sock", dir + "/beta[1].sock", "@abstract", "@ABC", "@12345", "@123456", "@1234g"} {
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		l.must(err)
		l.t.Cleanup(func() { _ = listener.Close() })
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	l.must(err)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	l.must(err)
	l.must(unix.Bind(fd, &unix.SockaddrUnix{})) // the kernel chooses @ and five digits
	l.t.Cleanup(func() { _, _, _ = unix.Close(pair[0]), unix.Close(pair[1]), unix.Close(fd) })
}

func (l *lab) fillPacket() {
	l.t.Helper()
	loopback, err := net.InterfaceByName("lo")
	l.must(err)
	for i, protocol := range []uint16{3, 0x800, 0x806, 0x86dd, 0} {
		order := protocol<<8 | protocol>>8
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, int(order))
		l.must(err)
		l.t.Cleanup(func() { _ = unix.Close(fd) })
		if i%2 == 0 {
			l.must(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: order, Ifindex: loopback.Index}))
		}
	}
}

// unixRows reads "u_str ESTAB 0 0 NAME INODE PEER INODE"; names without blanks.
func (l *lab) unixRows(words ...string) map[uint64]*sock.Socket {
	l.t.Helper()
	rows := map[uint64]*sock.Socket{}
	for line := range strings.Lines(l.run("ss", append([]string{"-Hxan"}, words...)...)) {
		fields := strings.Fields(line)
		inode, err := strconv.ParseUint(fields[5], 10, 64)
		l.must(err)
		s := &sock.Socket{Protocol: sock.Unix, Inode: inode}
		if fields[4] != "*" {
			s.Local.Name = fields[4]
		}
		rows[inode] = s
	}
	return rows
}

// packetRows reads "p_raw UNCONN 0 0 PROTOCOL:DEVICE * ino:INODE ...".
func (l *lab) packetRows(words ...string) map[uint64]*sock.Socket {
	l.t.Helper()
	rows := map[uint64]*sock.Socket{}
	for line := range strings.Lines(l.run("ss", append([]string{"-H0aneO"}, words...)...)) {
		fields := strings.Fields(line)
		s := &sock.Socket{Protocol: sock.Packet}
		protocol, device, _ := strings.Cut(fields[4], ":")
		if n, err := strconv.Atoi(strings.Trim(protocol, "[]")); err == nil {
			protocol = fmt.Sprintf("%#04x", n)
		}
		s.Local.Name = protocol
		if device != "*" {
			index, err := names{}.Interface(device)
			l.must(err)
			s.Interface = index
		}
		for _, field := range fields {
			if text, ok := strings.CutPrefix(field, "ino:"); ok {
				s.Inode, _ = strconv.ParseUint(text, 10, 64)
			}
		}
		rows[s.Inode] = s
	}
	return rows
}

type rowReader func(words ...string) map[uint64]*sock.Socket

// compareRows compares what ss and this module select of the rows.
func (l *lab) compareRows(protocol sock.Protocol, read rowReader, texts []string) {
	l.t.Helper()
	rows := read()
	for _, text := range texts {
		f, err := filter.ParseFor(protocol, text, names{})
		l.must(err)
		var ours, theirs []string
		for _, s := range rows {
			if f.Expr.Match(s) {
				ours = append(ours, s.Local.Name)
			}
		}
		for _, s := range read(text) {
			theirs = append(theirs, s.Local.Name)
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		if !slices.Equal(ours, theirs) {
			l.t.Errorf("%s %q: ss selects %q, ours %q", protocol, text, theirs, ours)
		}
	}
}

// TestUnixNamesAsSS compares globs of unix names.
func TestUnixNamesAsSS(t *testing.T) {
	l := newLab(t)
	dir := t.TempDir()
	l.fillUnix(dir)
	l.compareRows(sock.Unix, l.unixRows, []string{
		"src " + dir + "/*", "src *alpha.SOCK", "src *ALPHA?sock", "src *[a-b]*", "src *beta[[]1].sock", `src *beta\\[1].sock`,
		"src unix:@*", "src @abc", "src @ABC", "src @a[!b]*", "src @[[:digit:]]*", "src unix:", "src *", "src ?*", "dst *",
		"dst @abstract", "autobound", "not autobound", "not src @*", "src @a* or src *.sock and not src *alpha*",
		"src *[0-9]* and ( autobound or src *sock )",
	})
}

// TestLinksAsSS compares protocols and interfaces of packet sockets.
func TestLinksAsSS(t *testing.T) {
	l := newLab(t)
	l.fillPacket()
	if len(l.packetRows()) == 0 {
		lacking(t, "packet sockets cannot be listed here (module af_packet_diag)")
	}
	l.compareRows(sock.Packet, l.packetRows, []string{
		"src ip", "src link:ARP", "src 0x86dd", "src all", "src *", "src *:lo", "src :lo", "src arp:lo", "src ip:lo", "src arp:1",
		"dst arp", "dst *", "sport = lo", "sport = :lo", "not src ip", "not src *:lo", "autobound", "src arp or src ipv6",
	})
}
