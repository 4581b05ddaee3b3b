package baseline

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
)

// ParseSocket reads PROTO/PORT, which is any socket on the port that can be
// reached from beyond this host, or PROTO/ADDR:PORT, in which the last colon
// splits: tcp/443, tcp/127.0.0.1:8080, tcp/::1:80, udp/*:5000-5010. IPv6
// addresses may stand between brackets. service knows the ports of services by
// name; it may be nil.
//
// The error is of type *[SocketError].
func ParseSocket(text string, service func(name string) (uint16, error)) (Place, error) {
	protocol, rest, ok := strings.Cut(text, "/")
	if !ok {
		return Place{}, &SocketError{text, "there is no / after the protocol: use PROTO/PORT or PROTO/ADDR:PORT, such as tcp/443 or tcp/127.0.0.1:8080"}
	}
	p, err := parseProtocol(protocol)
	if err != nil {
		return Place{}, &SocketError{text, err.Error()}
	}
	place := Place{Protocol: p, Scope: Public}
	ports := rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		if err := place.setAddress(rest[:i]); err != nil {
			return Place{}, &SocketError{text, err.Error()}
		}
		ports = rest[i+1:]
	}
	if err := place.setPorts(ports, service); err != nil {
		return Place{}, &SocketError{text, err.Error()}
	}
	return place, nil
}

func parseProtocol(text string) (sock.Protocol, error) {
	for _, p := range []sock.Protocol{sock.TCP, sock.UDP} {
		if strings.EqualFold(text, p.String()) {
			return p, nil
		}
	}
	return 0, errors.New("unknown protocol " + quote.Text(text) + ": use tcp or udp")
}

// setAddress reads an address, a network, or "*".
func (p *Place) setAddress(text string) error {
	if text == "*" {
		p.Scope = Wildcard
		return nil
	}
	bare := text
	if inner, ok := strings.CutPrefix(text, "["); ok {
		address, length, closed := strings.Cut(inner, "]")
		if !closed || !strings.Contains(address, ":") || length != "" && length[0] != '/' {
			return badAddress(text)
		}
		bare = address + length
	}
	network, ok := parseNetwork(bare)
	if !ok {
		return badAddress(text)
	}
	p.Scope, p.Network = Network, network
	return nil
}

func badAddress(text string) error {
	return errors.New(quote.Text(text) + " is not an address: use one such as 0.0.0.0, 192.0.2.1, [::], [2001:db8::1], a network such as 10.0.0.0/8, or * for the wildcard address")
}

func parseNetwork(text string) (netip.Prefix, bool) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		if err != nil || network.Addr().Is4In6() || network != network.Masked() {
			return netip.Prefix{}, false
		}
		return network, true
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, false
	}
	address = address.Unmap()
	return netip.PrefixFrom(address, address.BitLen()), true
}

// setPorts reads a port, a range of ports, or the name of a service.
func (p *Place) setPorts(text string, service func(string) (uint16, error)) error {
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	first, err1 := parsePort(low)
	last, err2 := parsePort(high)
	switch {
	case err1 == nil && err2 == nil && first > last:
		return errors.New(quote.Text(text) + " ends before it begins: write the lower port first")
	case err1 == nil && err2 == nil:
		p.Low, p.High = first, last
		return nil
	}
	if service != nil && text != "" {
		if port, err := service(text); err == nil && port != 0 {
			p.Low, p.High = port, port
			return nil
		}
	}
	return errors.New(quote.Text(text) + " is not a port: use one from 1 to 65535, or a range such as 8000-8080")
}

var errPort = errors.New("not a port")

func parsePort(text string) (uint16, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, errPort
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, errPort
	}
	return uint16(n), nil
}
