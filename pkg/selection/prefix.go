package selection

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
)

// Prefixes reads the values of an option that names addresses or networks.
func Prefixes(option string, values []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, word := range plugin.Words(values) {
		prefix, problem := parsePrefix(word)
		if problem != "" {
			return nil, plugin.Usagef("%s %s %s", option, quote.Text(word), problem)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

func notAddress(word string) string {
	if _, err := netip.ParseAddrPort(word); err == nil {
		return "has a port: give the address alone, and the port as an option of its own"
	}
	return "is not an address: use 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32"
}

// parsePrefix reads an address with an optional prefix length; problem says
// what is wrong with it. As in ss, an IPv6 address may stand in brackets, an
// IPv4 length may be a mask, and the last parts of an IPv4 network may be left
// out: 193.233.7/24.
func parsePrefix(word string) (prefix netip.Prefix, problem string) {
	text, ok := unbracketed(word)
	if !ok {
		return prefix, notAddress(word)
	}
	text, length, hasLength := strings.Cut(text, "/")
	if hasLength && strings.Count(text, ".") < 3 && !strings.Contains(text, ":") {
		text += strings.Repeat(".0", 3-strings.Count(text, "."))
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return prefix, notAddress(word)
	}
	most := address.BitLen()
	n := most
	if hasLength {
		if n, ok = prefixLength(length, most); !ok {
			return prefix, "has no prefix length: " + quote.Text(length) + " is not from 0 to " + strconv.Itoa(most)
		}
	}
	if address.Is4In6() && n >= 96 {
		address, n = address.Unmap(), n-96
	}
	return netip.PrefixFrom(address, n).Masked(), ""
}

// unbracketed takes the brackets from [ADDR], [ADDR]/LEN and [ADDR/LEN].
func unbracketed(word string) (text string, ok bool) {
	inside, open := strings.CutPrefix(word, "[")
	if !open {
		return word, true
	}
	inside, rest, closed := strings.Cut(inside, "]")
	if !closed || !strings.Contains(inside, ":") || rest != "" && (rest[0] != '/' || strings.Contains(inside, "/")) {
		return "", false
	}
	return inside + rest, true
}

// prefixLength reads a number of bits or an IPv4 mask.
func prefixLength(text string, most int) (n int, ok bool) {
	if digits(text) {
		n, err := strconv.Atoi(text)
		return n, err == nil && n <= most
	}
	mask, err := netip.ParseAddr(text)
	if err != nil || !mask.Is4() || most != 32 {
		return 0, false
	}
	four := mask.As4()
	ones := bits.LeadingZeros32(^binary.BigEndian.Uint32(four[:]))
	return ones, bits.OnesCount32(binary.BigEndian.Uint32(four[:])) == ones
}
