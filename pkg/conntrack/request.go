package conntrack

import (
	"net/netip"
	"strings"
)

// Flags of a CTA_FILTER: which parts of the tuple the kernel compares
// (net/netfilter/nf_conntrack_netlink.c, enum ctattr_filter_flags in
// net/netfilter/nf_internals.h).
const (
	compareSrc      = 1 << 0
	compareDst      = 1 << 1
	compareProtocol = 1 << 3
	compareSrcPort  = 1 << 4
	compareDstPort  = 1 << 5

	attrFilterOrig  = 1
	attrFilterReply = 2
)

// A request is one dump: the family and the conditions that the kernel is
// asked to check. Conditions are only ever necessary ones, so an older kernel
// that ignores some sends too much, never too little, and Filter.Match decides.
type request struct {
	family Family
	status StatusTerm
	mark   *Mark
	zone   *uint16
	orig   tupleCondition
	reply  tupleCondition
}

// A tupleCondition is what CTA_FILTER compares in one direction.
type tupleCondition struct {
	flags    uint32
	src, dst netip.Addr
	protocol Protocol
	srcPort  uint16
	dstPort  uint16
}

// plan turns a filter into dumps. A condition on a tuple needs a family, so
// without one there are two dumps; without such a condition one dump covers
// both families.
func plan(f *Filter) []request {
	base := request{family: f.Family, status: f.Status}
	if len(f.Marks) == 1 {
		base.mark = &f.Marks[0]
	}
	if len(f.Zones) == 1 {
		base.zone = &f.Zones[0]
	}
	families := []Family{IPv4, IPv6}
	if f.Family != AnyFamily {
		families = []Family{f.Family}
	}
	var requests []request
	for _, family := range families {
		r := base
		r.family = family
		r.orig = f.tupleCondition(family, f.Src, f.Dst, f.SrcPorts, f.DstPorts)
		r.reply = f.tupleCondition(family, f.ReplySrc, f.ReplyDst, f.ReplySrcPorts, f.ReplyDstPorts)
		if f.possible(family) {
			requests = append(requests, r)
		}
	}
	return merge(base, requests)
}

// merge makes one dump of two that differ in nothing but the family.
func merge(base request, requests []request) []request {
	if len(requests) == 2 && requests[0].orig.flags|requests[0].reply.flags|
		requests[1].orig.flags|requests[1].reply.flags == 0 {
		return []request{base}
	}
	return requests
}

// possible says whether a flow of the family can match the addresses and
// protocols that the filter asks for.
func (f *Filter) possible(family Family) bool {
	for _, prefixes := range [][]netip.Prefix{f.Src, f.Dst, f.ReplySrc, f.ReplyDst} {
		if len(prefixes) > 0 && !hasFamily(prefixes, family) {
			return false
		}
	}
	return true
}

func hasFamily(prefixes []netip.Prefix, family Family) bool {
	for _, p := range prefixes {
		if p.Addr().Is4() == (family == IPv4) {
			return true
		}
	}
	return false
}

// tupleCondition is what the kernel can check of one direction: one protocol,
// single ports of TCP or UDP, and single IPv4 addresses. It compares no
// prefixes and no ranges. IPv6 addresses stay in user space because the
// kernel's comparison is inverted: it leaves out the flows that match (Linux
// 5.8 to at least 6.18).
func (f *Filter) tupleCondition(family Family, src, dst []netip.Prefix, srcPorts, dstPorts []PortRange) tupleCondition {
	var c tupleCondition
	if family == IPv4 {
		c.addAddress(compareSrc, src)
		c.addAddress(compareDst, dst)
	}
	if len(f.Protocols) == 1 {
		c.protocol = f.Protocols[0]
		c.flags |= compareProtocol
	} else if f.States != 0 {
		c.protocol = TCP
		c.flags |= compareProtocol
	}
	if c.protocol == TCP || c.protocol == UDP {
		c.addPort(compareSrcPort, srcPorts)
		c.addPort(compareDstPort, dstPorts)
	}
	return c
}

func (c *tupleCondition) addAddress(flag uint32, prefixes []netip.Prefix) {
	if len(prefixes) != 1 || !prefixes[0].IsSingleIP() {
		return
	}
	c.flags |= flag
	if flag == compareSrc {
		c.src = prefixes[0].Addr()
	} else {
		c.dst = prefixes[0].Addr()
	}
}

func (c *tupleCondition) addPort(flag uint32, ranges []PortRange) {
	if len(ranges) != 1 || ranges[0].First != ranges[0].Last {
		return
	}
	c.flags |= flag
	if flag == compareSrcPort {
		c.srcPort = ranges[0].First
	} else {
		c.dstPort = ranges[0].First
	}
}

// plain is the dump of the same family without conditions, which every kernel
// with ctnetlink has.
func (r request) plain() request { return request{family: r.family} }

// bothFamilies is the one dump in place of two that differ in the family.
func (r request) bothFamilies() request {
	return request{status: r.status, mark: r.mark, zone: r.zone}
}

// filtered says that the kernel is asked for more than a family.
func (r request) filtered() bool {
	return r.status.Mask != 0 || r.mark != nil || r.zone != nil || r.orig.flags|r.reply.flags != 0
}

// marshal appends the request.
func (r request) marshal(b []byte, seq uint32) []byte {
	return appendMessage(b, messageGet, flagRequest|flagDump, seq, r.family, r.appendConditions)
}

func (r request) appendConditions(b []byte) []byte {
	if r.mark != nil {
		b = appendAttr32(b, attrMark, r.mark.Value&r.mark.Mask)
		b = appendAttr32(b, attrMarkMask, r.mark.Mask)
	}
	if r.status.Mask != 0 {
		b = appendAttr32(b, attrStatus, uint32(r.status.Value&r.status.Mask))
		b = appendAttr32(b, attrStatusMask, uint32(r.status.Mask))
	}
	if r.zone != nil {
		b = appendAttr16(b, attrZone, *r.zone)
	}
	if r.orig.flags|r.reply.flags == 0 {
		return b
	}
	b = r.orig.append(b, attrTupleOrig)
	b = r.reply.append(b, attrTupleReply)
	return appendNested(b, attrFilter, func(b []byte) []byte {
		b = appendFlags(b, attrFilterOrig, r.orig.flags)
		return appendFlags(b, attrFilterReply, r.reply.flags)
	})
}

// append appends the tuple that holds the values to compare with.
func (c tupleCondition) append(b []byte, typ uint16) []byte {
	if c.flags == 0 {
		return b
	}
	return appendNested(b, typ, func(b []byte) []byte {
		if c.flags&(compareSrc|compareDst) != 0 {
			b = appendNested(b, attrTupleIP, c.appendAddresses)
		}
		if c.flags&compareProtocol != 0 {
			b = appendNested(b, attrTupleProto, c.appendProto)
		}
		return b
	})
}

func (c tupleCondition) appendAddresses(b []byte) []byte {
	if c.flags&compareSrc != 0 {
		b = appendAttr(b, attrIPv4Src, c.src.AsSlice())
	}
	if c.flags&compareDst != 0 {
		b = appendAttr(b, attrIPv4Dst, c.dst.AsSlice())
	}
	return b
}

func (c tupleCondition) appendProto(b []byte) []byte {
	b = appendAttr8(b, attrProtoNum, uint8(c.protocol))
	if c.flags&compareSrcPort != 0 {
		b = appendAttr16(b, attrSrcPort, c.srcPort)
	}
	if c.flags&compareDstPort != 0 {
		b = appendAttr16(b, attrDstPort, c.dstPort)
	}
	return b
}

// String names the conditions, for a person who asks how a question was
// answered.
func (r request) String() string {
	words := []string{r.family.String()}
	add := func(yes bool, word string) {
		if yes {
			words = append(words, word)
		}
	}
	add(r.status.Mask != 0, "status")
	add(r.mark != nil, "mark")
	add(r.zone != nil, "zone")
	flags := r.orig.flags | r.reply.flags
	add(flags&compareProtocol != 0, "protocol")
	add(flags&(compareSrc|compareDst) != 0, "address")
	add(flags&(compareSrcPort|compareDstPort) != 0, "port")
	return strings.Join(words, " ")
}

// Plan says how a Dump with the filter asks the kernel: the dumps, and what
// the kernel decides in each. The rest is decided in user space. Where there
// are two dumps, one for both families replaces them when a sample of the
// table shows that it costs less.
func (f *Filter) Plan() string {
	var dumps []string
	for _, r := range plan(f) {
		dumps = append(dumps, r.String())
	}
	if len(dumps) == 0 {
		return "none: no flow can match"
	}
	return strings.Join(dumps, "; ")
}
