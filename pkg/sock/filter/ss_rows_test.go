//go:build linux

package filter_test

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sockcensus/sockcensus/pkg/sock"
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
