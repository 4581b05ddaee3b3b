package conntrack

import (
	"fmt"
	"slices"
	"strings"
)

// listed renders flows as conntrack -L -o extended,id does, without what
// changes by itself: the timeout and the use count.
func listed(flows []Flow) []string {
	var lines []string
	for i := range flows {
		lines = append(lines, listedFlow(&flows[i]))
	}
	slices.Sort(lines)
	return lines
}

func listedFlow(f *Flow) string {
	words := []string{f.Family.String(), fmt.Sprint(map[Family]int{IPv4: 2, IPv6: 10}[f.Family]),
		f.Protocol.String(), fmt.Sprint(uint8(f.Protocol))}
	if f.State != StateUnknown {
		words = append(words, strings.ToUpper(f.State.String()))
	}
	words = append(words, listedTuple(f, ZoneOriginal)...)
	if f.Status&StatusSeenReply == 0 {
		words = append(words, "[UNREPLIED]")
	}
	words = append(words, listedTuple(f, ZoneReply)...)
	if f.Status&StatusAssured != 0 {
		words = append(words, "[ASSURED]")
	}
	words = append(words, fmt.Sprintf("mark=%d", f.Mark))
	if f.Zone != 0 && f.ZoneDirection == ZoneBoth {
		words = append(words, fmt.Sprintf("zone=%d", f.Zone))
	}
	return strings.Join(append(words, fmt.Sprintf("id=%d", f.ID)), " ")
}

func listedTuple(f *Flow, direction ZoneDirection) []string {
	t, traffic, zone := &f.Original, f.OriginalTraffic, "zone-orig"
	if direction == ZoneReply {
		t, traffic, zone = &f.Reply, f.ReplyTraffic, "zone-reply"
	}
	words := []string{"src=" + t.Src.String(), "dst=" + t.Dst.String()}
	if f.Protocol.IsICMP() {
		words = append(words, fmt.Sprintf("type=%d", t.ICMPType), fmt.Sprintf("code=%d", t.ICMPCode), fmt.Sprintf("id=%d", t.ICMPID))
	} else {
		words = append(words, fmt.Sprintf("sport=%d", t.SrcPort), fmt.Sprintf("dport=%d", t.DstPort))
	}
	if f.ZoneDirection == direction {
		words = append(words, fmt.Sprintf("%s=%d", zone, f.Zone))
	}
	if traffic.Known {
		words = append(words, fmt.Sprintf("packets=%d", traffic.Packets), fmt.Sprintf("bytes=%d", traffic.Bytes))
	}
	return words
}
