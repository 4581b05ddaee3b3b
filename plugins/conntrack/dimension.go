package main

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// A dimension is one way to group flows (--by).
type dimension uint8

const (
	byProtocol dimension = iota
	byState
	byStatus
	bySrc
	byDst
	bySport
	byDport
	byReplySrc
	byZone
	byMark
	dimensionCount
)

var dimensionNames = [dimensionCount]string{
	"protocol", "state", "status", "src", "dst", "sport", "dport", "reply-src", "zone", "mark",
}

func (d dimension) String() string { return dimensionNames[d] }

// key is the name in JSON and in Prometheus labels.
func (d dimension) key() string { return strings.ReplaceAll(d.String(), "-", "_") }

// closed reports whether the groups are known beforehand.
func (d dimension) closed() bool { return d <= byStatus }

// parseDimensions reads the values of --by.
func parseDimensions(values []string) ([]dimension, error) {
	var dimensions []dimension
	for _, word := range plugin.Words(values) {
		d, err := parseDimension(word)
		if err != nil {
			return nil, err
		}
		if slices.Contains(dimensions, d) {
			return nil, plugin.Usagef("--by %s is given twice", d)
		}
		dimensions = append(dimensions, d)
	}
	return dimensions, nil
}

// parseDimension reads one of the names, or what other plugins call the two
// that matter most.
func parseDimension(word string) (dimension, error) {
	switch word {
	case "peer":
		return bySrc, nil
	case "port":
		return byDport, nil
	}
	for d, name := range dimensionNames {
		if word == name || word == strings.ReplaceAll(name, "-", "_") {
			return dimension(d), nil
		}
	}
	return 0, plugin.Usagef("--by %s: use one of %s, peer (src), port (dport)", quote.Text(word), strings.Join(dimensionNames[:], ", "))
}

// A group's value in a dimension is kept as a few bytes of a fixed length, so
// that a million peers fit into memory. Bytes compare as the values do.

// width is the number of bytes of a value.
func (d dimension) width() int {
	switch d {
	case bySrc, byDst, byReplySrc:
		return 1 + 16
	case bySport, byDport:
		return 1 + 2
	case byZone:
		return 2
	case byMark:
		return 4
	default:
		return 1
	}
}

// appendValue appends a flow's value; status is the number of the one that is
// meant, of the several that a flow has.
func (d dimension) appendValue(b []byte, f *conntrack.Flow, status uint8) []byte {
	switch d {
	case byProtocol:
		return append(b, byte(f.Protocol))
	case byState:
		return append(b, byte(f.State))
	case byStatus:
		return append(b, status)
	case bySrc:
		return appendAddress(b, f.Original.Src)
	case byDst:
		return appendAddress(b, f.Original.Dst)
	case byReplySrc:
		return appendAddress(b, f.Reply.Src)
	case bySport:
		return appendPort(b, f, f.Original.SrcPort)
	case byDport:
		return appendPort(b, f, f.Original.DstPort)
	case byZone:
		return binary.BigEndian.AppendUint16(b, f.Zone)
	default:
		return binary.BigEndian.AppendUint32(b, f.Mark)
	}
}

func appendAddress(b []byte, a netip.Addr) []byte {
	length := byte(a.BitLen() / 8)
	raw := a.As16()
	return append(append(b, length), raw[:]...)
}

func appendPort(b []byte, f *conntrack.Flow, port uint16) []byte {
	if !f.Protocol.HasPorts() {
		return append(b, 0, 0, 0)
	}
	return binary.BigEndian.AppendUint16(append(b, 1), port)
}

func address(value string) netip.Addr {
	raw := [16]byte([]byte(value[1:]))
	if value[0] == 4 {
		return netip.AddrFrom16(raw).Unmap()
	}
	return netip.AddrFrom16(raw)
}

func number(value string) uint64 {
	var n uint64
	for i := range len(value) {
		n = n<<8 | uint64(value[i])
	}
	return n
}

// text returns a value for people, and none where a flow cannot have one: a
// port without ports, a TCP state without TCP.
func (d dimension) text(value string) string {
	switch d {
	case byProtocol:
		return conntrack.Protocol(value[0]).String()
	case byState:
		if value[0] == byte(conntrack.StateUnknown) {
			return noValue
		}
		return conntrack.State(value[0]).String()
	case byStatus:
		return conntrack.StatusNames()[value[0]]
	case bySrc, byDst, byReplySrc:
		return address(value).String()
	case bySport, byDport:
		if value[0] == 0 {
			return noValue
		}
		return strconv.FormatUint(number(value[1:]), 10)
	default:
		return strconv.FormatUint(number(value), 10)
	}
}

// noValue is the group of flows without a value in a dimension.
const noValue = "none"

// port returns a value that is a port.
func (d dimension) port(value string) (port uint16, ok bool) {
	if d != bySport && d != byDport || value[0] == 0 {
		return 0, false
	}
	return uint16(number(value[1:])), true
}

// cell returns a value for tables: a number where it is one, null where the
// flow has none.
func (d dimension) cell(value string) report.Cell {
	switch d {
	case bySport, byDport:
		if value[0] == 0 {
			return report.Null()
		}
		return report.Uint(number(value[1:]))
	case byZone, byMark:
		return report.Uint(number(value))
	case byState:
		if value[0] == byte(conntrack.StateUnknown) {
			return report.Null()
		}
	}
	return report.Text(d.text(value))
}

// label returns the value's name as a metric.
func (d dimension) label(value string) string {
	text := d.text(value)
	if text == noValue {
		return noValue
	}
	switch d {
	case bySrc, byDst, byReplySrc:
		return report.AddressLabel(address(value))
	case bySport:
		return "rp" + text
	case byDport:
		return "p" + text
	case byZone:
		return "zone_" + text
	case byMark:
		return "mark_" + text
	case byProtocol:
		if text[0] >= '0' && text[0] <= '9' {
			return "proto_" + text
		}
	}
	return text
}
