package selection

import (
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// A PortRange is one value of --port: a port, or several in a row.
type PortRange struct{ Low, High uint16 }

// ServiceNames knows the port of a service.
type ServiceNames interface {
	Service(name string) (port uint16, err error)
}

// Ports reads the values of an option that names ports.
func Ports(option string, values []string, services ServiceNames) ([]PortRange, error) {
	var ports []PortRange
	for _, word := range plugin.Words(values) {
		r, err := portRange(option, word, services)
		if err != nil {
			return nil, err
		}
		ports = append(ports, r)
	}
	return ports, nil
}

func portRange(option, word string, services ServiceNames) (PortRange, error) {
	low, high, isRange := strings.Cut(word, "-")
	if isRange && digits(low) && digits(high) {
		from, err := number(option, word, low)
		if err != nil {
			return PortRange{}, err
		}
		to, err := number(option, word, high)
		if err == nil && from > to {
			err = plugin.Usagef("%s %s: the range ends before it begins", option, quote.Text(word))
		}
		return PortRange{from, to}, err
	}
	if digits(word) {
		port, err := number(option, word, word)
		return PortRange{port, port}, err
	}
	port, err := services.Service(word)
	if err != nil {
		return PortRange{}, plugin.Usagef("%s %s is neither a port from 0 to 65535, a range such as 8000-8080, nor a service name of /etc/services", option, quote.Text(word))
	}
	return PortRange{port, port}, nil
}

func number(option, word, text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, plugin.Usagef("%s %s: ports go from 0 to 65535", option, quote.Text(word))
	}
	return uint16(n), nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// states reads --state and --exclude. Given neither, it returns NoStates.
func (o *Options) states() (sock.StateSet, error) {
	picked := sock.NoStates
	for _, word := range plugin.Words(o.State) {
		set, err := sock.ParseStates(word)
		if err != nil {
			return 0, plugin.Usagef("--state: %w", err)
		}
		picked |= set
	}
	excluded := sock.NoStates
	for _, word := range plugin.Words(o.Exclude) {
		set, err := sock.ParseStates(word)
		if err != nil {
			return 0, plugin.Usagef("--exclude: %w", err)
		}
		excluded |= set
	}
	if excluded != sock.NoStates && picked == sock.NoStates {
		picked = sock.AllStates
	}
	if left := picked &^ excluded; left != sock.NoStates || picked == sock.NoStates {
		return left, nil
	}
	excluding := "--exclude " + quote.Line(strings.Join(plugin.Words(o.Exclude), ","))
	switch {
	case !set(o.State):
		return 0, plugin.Usagef("%s leaves no state", excluding)
	case o.Fixed:
		return 0, plugin.Usagef("%s leaves none of the states that this graph counts: %s", excluding, strings.Join(o.State, ","))
	}
	return 0, plugin.Usagef("--state %s and %s leave no state", quote.Line(strings.Join(plugin.Words(o.State), ",")), excluding)
}

// protocols reads --protocol; the default is TCP.
func (o *Options) protocols() ([]sock.Protocol, error) {
	var protocols []sock.Protocol
	seen := map[sock.Protocol]bool{}
	for _, word := range plugin.Words(o.Protocol) {
		p, err := sock.ParseProtocol(word)
		if err != nil {
			return nil, plugin.Usagef("--protocol: %w", err)
		}
		if !seen[p] {
			seen[p] = true
			protocols = append(protocols, p)
		}
	}
	if len(protocols) == 0 {
		protocols = []sock.Protocol{sock.TCP}
	}
	return protocols, nil
}

func (o *Options) marks(*Selected) (filter.Expr, error) { return marks(o.Mark) }

// marks reads --mark.
func marks(values []string) (filter.Expr, error) {
	var marks []filter.Expr
	for _, word := range plugin.Words(values) {
		text, mask, hasMask := strings.Cut(word, "/")
		value, err := strconv.ParseUint(text, 0, 32)
		bits := uint64(0xffffffff)
		if err == nil && hasMask {
			bits, err = strconv.ParseUint(mask, 0, 32)
		}
		if err != nil {
			return nil, plugin.Usagef("--mark %s: use a number of 32 bits, with a mask if need be: 0x10 or 0x10/0xff", quote.Text(word))
		}
		if value&^bits != 0 {
			return nil, plugin.Usagef("--mark %s never matches: the value %#x has bits outside of the mask %#x", quote.Text(word), value, bits)
		}
		marks = append(marks, filter.Mark{Value: uint32(value), Mask: uint32(bits)})
	}
	return filter.Either(marks...), nil
}
