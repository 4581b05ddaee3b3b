package procnet

import "github.com/sockcensus/sockcensus/pkg/sock"

// udp6Table is /proc/net/udp6, and with another protocol /proc/net/udplite6 in
// the same form.
//
// Kernel: net/ipv6/udp.c, udp6_seq_show, through net/ipv6/datagram.c,
// __ip6_dgram_sock_seq_show; net/ipv6/udplite.c.
func udp6Table(name string, p sock.Protocol) table {
	return table{name: name, protocol: p, header: "local_address", v6: true, parse: parseDatagram}
}
