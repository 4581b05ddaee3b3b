package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/sockcensus/sockcensus/pkg/conntrack"
	"github.com/sockcensus/sockcensus/pkg/report"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
)

// flowRows turns flows into cells, reusing one row. A person gets address and
// port joined, and what only some flows have in one column; JSON and CSV get
// every part apart.
type flowRows struct {
	detailed bool
	events   bool
	services *names.Services // nil shows ports as numbers
	now      func() time.Time
	row      []report.Cell
	text     []byte
}

func newFlowRows(format string, events, services bool, now func() time.Time) *flowRows {
	r := &flowRows{detailed: format == "json" || format == "csv", events: events, now: now}
	if services {
		r.services = names.NewServices("")
	}
	return r
}

func (r *flowRows) columns() []report.Column {
	if r.detailed {
		var columns []report.Column
		for key := range strings.FieldsSeq(`family protocol state status src sport dst dport
			reply_src reply_sport reply_dst reply_dport zone mark timeout_s
			packets bytes reply_packets reply_bytes start duration_s labels event`) {
			columns = append(columns, report.Column{Key: key})
		}
		return columns
	}
	columns := []report.Column{
		{Key: "time", Title: "TIME"},
		{Key: "event", Title: "EVENT"},
		{Key: "protocol", Title: "PROTO"},
		{Key: "state", Title: "STATE"},
		{Key: "timeout_s", Title: "TIMEOUT", Right: true},
		{Key: "source", Title: "SOURCE"},
		{Key: "destination", Title: "DESTINATION"},
		{Key: "status", Title: "STATUS"},
		{Key: "more", Title: "MORE"},
	}
	if !r.events {
		return columns[2:]
	}
	// Nobody can look ahead for the widths of what has not happened.
	for i, width := range [...]int{12, 7, 6, 11, 7, 21, 21, 10, 0} {
		columns[i].Title = fmt.Sprintf("%-*s", width, columns[i].Title)
	}
	return columns
}

// cells returns the cells of a flow, in the order of columns. The event may be
// nil.
func (r *flowRows) cells(f *conntrack.Flow, e *conntrack.Event) []report.Cell {
	r.row = r.row[:0]
	if r.detailed {
		return r.details(f, e)
	}
	if r.events {
		r.row = append(r.row, report.Text(e.Time.Format("15:04:05.000")), report.Text(e.Type.String()))
	}
	r.row = append(r.row,
		report.Text(f.Protocol.String()), stateCell(f), timeoutCell(f),
		report.Text(r.joined(f, f.Original.Src, f.Original.SrcPort)),
		report.Text(r.joined(f, f.Original.Dst, f.Original.DstPort)),
		report.Text(statusText(f)), report.Text(r.more(f)))
	return r.row
}

func (r *flowRows) details(f *conntrack.Flow, e *conntrack.Event) []report.Cell {
	r.row = append(r.row,
		report.Text(f.Family.String()), report.Text(f.Protocol.String()), stateCell(f), statusCell(f),
		addressCell(f.Original.Src), portCell(f, f.Original.SrcPort), addressCell(f.Original.Dst), portCell(f, f.Original.DstPort),
		addressCell(f.Reply.Src), portCell(f, f.Reply.SrcPort), addressCell(f.Reply.Dst), portCell(f, f.Reply.DstPort),
		report.Uint(f.Zone), report.Uint(f.Mark), timeoutCell(f))
	for _, t := range []conntrack.Traffic{f.OriginalTraffic, f.ReplyTraffic} {
		r.row = append(r.row, orNull(t.Known, report.Uint(t.Packets)), orNull(t.Known, report.Uint(t.Bytes)))
	}
	duration, timed := f.Duration(r.now())
	r.row = append(r.row,
		orNull(!f.Start.IsZero(), report.Text(f.Start.UTC().Format(time.RFC3339Nano))),
		orNull(timed, report.Float(duration.Seconds())), labelsCell(f.Labels))
	if e == nil {
		return append(r.row, report.Null())
	}
	return append(r.row, report.Text(e.Type.String()))
}

func orNull(known bool, cell report.Cell) report.Cell {
	if !known {
		return report.Null()
	}
	return cell
}

func stateCell(f *conntrack.Flow) report.Cell {
	return orNull(f.State != conntrack.StateUnknown, report.Text(f.State.String()))
}

func timeoutCell(f *conntrack.Flow) report.Cell {
	return orNull(f.TimeoutKnown, report.Uint(int(f.Timeout/time.Second)))
}

func statusCell(f *conntrack.Flow) report.Cell {
	if !f.StatusKnown {
		return report.Null()
	}
	var items []report.Cell
	for _, name := range f.Status.Names() {
		items = append(items, report.Text(name))
	}
	return report.List(items...)
}

func addressCell(a netip.Addr) report.Cell { return orNull(a.IsValid(), report.Text(a.String())) }

func portCell(f *conntrack.Flow, port uint16) report.Cell {
	return orNull(f.Protocol.HasPorts(), report.Uint(port))
}

func labelsCell(l conntrack.Labels) report.Cell {
	if l.IsZero() {
		return report.Null()
	}
	var items []report.Cell
	for _, bit := range l.Bits() {
		items = append(items, report.Uint(bit))
	}
	return report.List(items...)
}

// joined is an address with its port, where the protocol has ports.
func (r *flowRows) joined(f *conntrack.Flow, a netip.Addr, port uint16) string {
	b := r.text[:0]
	switch {
	case !a.IsValid():
		b = append(b, '*')
	case a.Is6() && f.Protocol.HasPorts():
		b = append(a.AppendTo(append(b, '[')), ']')
	default:
		b = a.AppendTo(b)
	}
	if f.Protocol.HasPorts() {
		b = append(b, ':')
		if r.services != nil {
			b = append(b, r.services.Name(port, f.Protocol.String())...)
		} else {
			b = strconv.AppendUint(b, uint64(port), 10)
		}
	}
	r.text = b
	return string(b)
}

func statusText(f *conntrack.Flow) string {
	if !f.StatusKnown {
		return "-"
	}
	names := f.Status.Names()
	if len(names) > 1 && names[0] == "assured" && names[1] == "seen_reply" {
		names = append(names[:1], names[2:]...) // what is assured has seen a reply
	}
	return strings.Join(names, ",")
}

// more is what only some flows have.
func (r *flowRows) more(f *conntrack.Flow) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if f.Protocol.IsICMP() {
		add("type=%d code=%d id=%d", f.Original.ICMPType, f.Original.ICMPCode, f.Original.ICMPID)
	}
	if f.Protocol == conntrack.GRE {
		add("keys=%#x,%#x", f.Original.SrcPort, f.Original.DstPort)
	}
	if f.Reply.Dst.IsValid() && (f.Reply.Dst != f.Original.Src || f.Protocol.HasPorts() && f.Reply.DstPort != f.Original.SrcPort) {
		add("snat=%s", r.joined(f, f.Reply.Dst, f.Reply.DstPort))
	}
	if f.Reply.Src.IsValid() && (f.Reply.Src != f.Original.Dst || f.Protocol.HasPorts() && f.Reply.SrcPort != f.Original.DstPort) {
		add("dnat=%s", r.joined(f, f.Reply.Src, f.Reply.SrcPort))
	}
	if f.Mark != 0 {
		add("mark=%d", f.Mark)
	}
	if f.Zone != 0 {
		add("zone%s=%d", zoneDirection(f.ZoneDirection), f.Zone)
	}
	if f.OriginalTraffic.Known && f.ReplyTraffic.Known {
		add("packets=%d+%d bytes=%d+%d", f.OriginalTraffic.Packets, f.ReplyTraffic.Packets, f.OriginalTraffic.Bytes, f.ReplyTraffic.Bytes)
	}
	if duration, ok := f.Duration(r.now()); ok {
		add("duration=%s", duration.Round(time.Millisecond))
	}
	if !f.Labels.IsZero() {
		add("labels=%s", strings.Join(strings.Fields(strings.Trim(fmt.Sprint(f.Labels.Bits()), "[]")), ","))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, " ")
}

func zoneDirection(d conntrack.ZoneDirection) string {
	switch d {
	case conntrack.ZoneOriginal:
		return "-orig"
	case conntrack.ZoneReply:
		return "-reply"
	default:
		return ""
	}
}
