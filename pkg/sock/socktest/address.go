package socktest

import "net/netip"

// Peers6 is the number of IPv6 addresses of a Namespace besides ::1.
const Peers6 = 64

// Peer6 returns one of the IPv6 addresses of a Namespace, for i below Peers6.
func Peer6(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xfd, 14: byte(i >> 8), 15: byte(i + 1)})
}

// Peer4 returns one of the many loopback addresses that a Namespace has:
// 127.1.0.1, 127.1.0.2 and so on up to some 64,000.
func Peer4(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 1, byte(i / 250), byte(i%250 + 1)})
}
