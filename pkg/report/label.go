package report

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strconv"
	"strings"
)

// maxName bounds the part of a label that comes from outside: Munin makes a
// file name of it, and the path of a cgroup may be longer than that may be.
const maxName = 64

// Label returns the label of performance data and Munin for a name that comes
// from outside: prefix and name in [a-z0-9_]. A name that had to be changed to
// fit, or that could be taken for a changed one, carries the FNV-1a hash of
// the original, so that a label never depends on who else is present. A name
// that is longer than any process's is cut.
func Label(prefix, name string) string {
	fitted := fit(name)
	if len(fitted) > maxName {
		fitted = fitted[:maxName]
	}
	if fitted == name && !hashed(name) && name != "" {
		return prefix + fitted
	}
	hash := fnv.New32a()
	hash.Write([]byte(name))
	return fmt.Sprintf("%s%s_%08x", prefix, fitted, hash.Sum32())
}

// fit replaces every byte that a label may not hold.
func fit(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '_'
		}
	}, name)
}

// Unhashed returns the label that a name would have without the hash which says
// that it was changed; ok is false for a label without one.
func Unhashed(label string) (plain string, ok bool) {
	if !hashed(label) {
		return label, false
	}
	return label[:len(label)-9], true
}

// hashed reports whether a name ends in _ and 8 hex digits.
func hashed(name string) bool {
	if len(name) < 9 || name[len(name)-9] != '_' {
		return false
	}
	for _, c := range name[len(name)-8:] {
		if !strings.ContainsRune("0123456789abcdef", c) {
			return false
		}
	}
	return true
}

// AddressLabel returns the label of an address: ip_10_0_0_1, or
// ip_2001_db8_0_0_0_0_0_1 with all eight groups.
func AddressLabel(address netip.Addr) string {
	if address.Is4() || address.Is4In6() {
		return "ip_" + strings.ReplaceAll(address.Unmap().String(), ".", "_")
	}
	return "ip" + groups(address, 8)
}

// NetworkLabel returns the label of a prefix: net_10_0_0_0_24, or
// net_2001_db8_0_0_64 with as many groups as the prefix covers.
func NetworkLabel(prefix netip.Prefix) string {
	address, length := prefix.Masked().Addr(), strconv.Itoa(prefix.Bits())
	if address.Is4() {
		return "net_" + strings.ReplaceAll(address.String(), ".", "_") + "_" + length
	}
	return "net" + groups(address, (prefix.Bits()+15)/16) + "_" + length
}

// AddressOfLabel reads back what AddressLabel made.
func AddressOfLabel(label string) (netip.Addr, bool) {
	text, ok := strings.CutPrefix(label, "ip_")
	if !ok {
		return netip.Addr{}, false
	}
	address, ok := addressOf(strings.Split(text, "_"), 8)
	return address, ok && AddressLabel(address) == label
}

// NetworkOfLabel reads back what NetworkLabel made.
func NetworkOfLabel(label string) (netip.Prefix, bool) {
	text, ok := strings.CutPrefix(label, "net_")
	if !ok {
		return netip.Prefix{}, false
	}
	words := strings.Split(text, "_")
	bits, err := strconv.Atoi(words[len(words)-1])
	words = words[:len(words)-1]
	if err != nil || bits < 0 || bits > 128 {
		return netip.Prefix{}, false
	}
	// Four words are an IPv4 network, or an IPv6 one of 49 to 64 bits.
	covered := (bits + 15) / 16
	if len(words) == 4 && bits <= 32 {
		covered = 8
	}
	address, ok := addressOf(words, covered)
	prefix := netip.PrefixFrom(address, bits)
	return prefix, ok && prefix.IsValid() && NetworkLabel(prefix) == label
}

// addressOf joins four words to an IPv4 address, or as many as an IPv6 prefix
// covers to one that ends in zeros.
func addressOf(words []string, covered int) (netip.Addr, bool) {
	if len(words) == 4 && covered == 8 {
		address, err := netip.ParseAddr(strings.Join(words, "."))
		return address, err == nil
	}
	if len(words) != covered {
		return netip.Addr{}, false
	}
	text := strings.Join(words, ":")
	if covered < 8 {
		text += strings.Repeat(":0", 8-covered)
	}
	address, err := netip.ParseAddr(strings.TrimPrefix(text, ":"))
	return address, err == nil
}

// groups returns the first n 16-bit groups of an IPv6 address, each with an
// underscore before it.
func groups(address netip.Addr, n int) string {
	var b strings.Builder
	raw := address.As16()
	for i := range n {
		fmt.Fprintf(&b, "_%x", uint16(raw[2*i])<<8|uint16(raw[2*i+1]))
	}
	return b.String()
}
