package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/report"
)

// A view decides which groups of a tally become which metrics. Groups of a set
// that is known beforehand, and those that options name, are always there; of
// all others the largest are shown and the rest is summed up.
type view struct {
	dimensions []dimension // none or one
	top        int
	// named are the values that are always shown, in order.
	named []string
	// limited are labels that a threshold names.
	limited []string
}

// mostNamed bounds the groups that a range of ports may name.
const mostNamed = 4096

func newView(call *plugin.Call, q question) (*view, error) {
	v := &view{dimensions: q.dimensions, top: q.top}
	if len(q.dimensions) == 0 {
		return v, nil
	}
	d := q.dimensions[0]
	v.named = namedValues(d, q.filter)
	if len(v.named) > mostNamed {
		return nil, plugin.Usagef("--%s names more than %d ports to count one by one: split the check", d, mostNamed)
	}
	for name := range call.Limits {
		if d.couldBe(name) {
			v.limited = append(v.limited, name)
		}
	}
	slices.Sort(v.limited)
	return v, nil
}

// statesShown are the TCP states in conntrack(8)'s order. A simultaneous open
// (syn_sent2) is among the others.
func statesShown() []conntrack.State {
	return []conntrack.State{
		conntrack.StateNone, conntrack.StateSynSent, conntrack.StateSynRecv, conntrack.StateEstablished, conntrack.StateFinWait,
		conntrack.StateCloseWait, conntrack.StateLastAck, conntrack.StateTimeWait, conntrack.StateClose,
	}
}

// protocolsShown are the protocols that the tracker has a module for.
func protocolsShown() []conntrack.Protocol {
	return []conntrack.Protocol{
		conntrack.TCP, conntrack.UDP, conntrack.ICMP, conntrack.ICMPv6,
		conntrack.SCTP, conntrack.DCCP, conntrack.UDPLite, conntrack.GRE,
	}
}

// namedValues are the groups that are known beforehand or named by options.
func namedValues(d dimension, f *conntrack.Filter) (values []string) {
	switch d {
	case byProtocol:
		protocols := f.Protocols
		if len(protocols) == 0 {
			protocols = protocolsShown()
		}
		for _, p := range protocols {
			values = append(values, string([]byte{byte(p)}))
		}
	case byState:
		for _, s := range statesShown() {
			values = append(values, string([]byte{byte(s)}))
		}
	case byStatus:
		for i := range conntrack.StatusNames() {
			values = append(values, string([]byte{byte(i)}))
		}
	case bySrc:
		values = singleAddresses(f.Src)
	case byDst:
		values = singleAddresses(f.Dst)
	case byReplySrc:
		values = singleAddresses(f.ReplySrc)
	case bySport:
		values = eachPort(f.SrcPorts)
	case byDport:
		values = eachPort(f.DstPorts)
	case byZone:
		for _, z := range f.Zones {
			values = append(values, string(binary.BigEndian.AppendUint16(nil, z)))
		}
	case byMark:
		for _, m := range f.Marks {
			if m.Mask == ^uint32(0) {
				values = append(values, string(binary.BigEndian.AppendUint32(nil, m.Value)))
			}
		}
	}
	return unique(values)
}

// unique drops repetitions and keeps the order.
func unique(values []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(values, func(v string) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}

func singleAddresses(prefixes []netip.Prefix) (values []string) {
	for _, p := range prefixes {
		if p.IsSingleIP() {
			values = append(values, string(appendAddress(nil, p.Addr())))
		}
	}
	return values
}

func eachPort(ranges []conntrack.PortRange) (values []string) {
	for _, r := range ranges {
		for p := uint32(r.First); p <= uint32(r.Last) && len(values) <= mostNamed; p++ {
			values = append(values, string([]byte{1, byte(p >> 8), byte(p)}))
		}
	}
	return values
}

// metrics turns the tally into metrics.
func (v *view) metrics(t *tally) []report.Metric {
	metrics := []report.Metric{{
		Name: "flows", Label: "flows", Help: "Every flow that the selection picks.", Value: report.Count(t.total), Min: report.Count(0),
	}}
	if len(v.dimensions) == 0 {
		return metrics
	}
	d := v.dimensions[0]
	ranking := report.Rank(t.ranked(), d.metric)
	for _, value := range v.named {
		metrics = append(metrics, ranking.Named(value, t.of([]byte(value)...)))
	}
	metrics = append(metrics, v.limitedMetrics(ranking)...)
	if !d.closed() {
		metrics = append(metrics, ranking.Top(v.top)...)
	}
	if d != byStatus { // a flow has several, so there is no rest
		metrics = append(metrics, report.Metric{
			Name: "other", Label: "other", Help: "Flows of the groups that are not shown.",
			Value: report.Count(ranking.Rest()), Min: report.Count(0), Draw: report.Stack,
		})
	}
	return append(metrics, report.Metric{
		Name: "largest", Label: "largest", Help: "Flows of the largest group.",
		Value: report.Count(t.largest()), Min: report.Count(0),
	})
}

func (d dimension) metric(value string, n uint64, open bool) report.Metric {
	text := d.text(value)
	return report.Metric{
		Name: d.label(value), Label: text, Help: fmt.Sprintf("Flows with %s %s.", d, text),
		Value: report.Count(n), Min: report.Count(0),
		Dimension: d.key(), Key: text, Open: open, Draw: report.Stack,
	}
}

// limitedMetrics are the groups that thresholds name, zero where there is none
// now.
func (v *view) limitedMetrics(ranking *report.Ranking[string]) []report.Metric {
	var metrics []report.Metric
	d := v.dimensions[0]
	for _, label := range v.limited {
		if slices.ContainsFunc(v.named, func(value string) bool { return d.label(value) == label }) {
			continue
		}
		metrics = append(metrics, ranking.Labelled(label, d.label, report.Metric{
			Name: label, Label: label, Help: fmt.Sprintf("Flows of one %s.", d),
			Value: report.Count(0), Min: report.Count(0), Dimension: d.key(), Key: label,
		}))
	}
	return metrics
}

// couldBe reports whether a label can be that of a group of the dimension.
func (d dimension) couldBe(label string) bool {
	switch d {
	case byProtocol:
		number, numbered := strings.CutPrefix(label, "proto_")
		if !numbered {
			number = label
		}
		p, err := conntrack.ParseProtocol(number)
		return err == nil && byProtocol.label(string([]byte{byte(p)})) == label
	case bySrc, byDst, byReplySrc:
		return isAddressLabel(label)
	case bySport:
		return label == noValue || isNumber(label, "rp", 16)
	case byDport:
		return label == noValue || isNumber(label, "p", 16)
	case byZone:
		return isNumber(label, "zone_", 16)
	case byMark:
		return isNumber(label, "mark_", 32)
	default:
		return false
	}
}

func isNumber(label, prefix string, bits int) bool {
	digits, ok := strings.CutPrefix(label, prefix)
	n, err := strconv.ParseUint(digits, 10, bits)
	return ok && err == nil && strconv.FormatUint(n, 10) == digits
}

// isAddressLabel reads a label back into the address that it stands for.
func isAddressLabel(label string) bool {
	parts, ok := strings.CutPrefix(label, "ip_")
	if !ok {
		return false
	}
	for _, separator := range []string{".", ":"} {
		if a, err := netip.ParseAddr(strings.ReplaceAll(parts, "_", separator)); err == nil && report.AddressLabel(a) == label {
			return true
		}
	}
	return false
}

// example is a label of the dimension.
func (d dimension) example() string {
	switch d {
	case bySport:
		return "rp40000"
	case byDport:
		return "p443"
	case byZone:
		return "zone_1"
	case byMark:
		return "mark_16"
	default:
		return "ip_10_0_0_1"
	}
}
