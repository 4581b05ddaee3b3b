package procnet

import "github.com/sockcensus/sockcensus/pkg/sock"

// tcp6Table is /proc/net/tcp6.
//
// Kernel: net/ipv6/tcp_ipv6.c, tcp6_seq_show.
func tcp6Table() table {
	return table{name: "tcp6", protocol: sock.TCP, header: "local_address", v6: true, parse: parseTCP}
}
