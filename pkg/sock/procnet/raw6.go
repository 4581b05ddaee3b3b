package procnet

import "github.com/sockcensus/sockcensus/pkg/sock"

// raw6Table is /proc/net/raw6.
//
// Kernel: net/ipv6/raw.c, raw6_seq_show.
func raw6Table() table {
	return table{name: "raw6", protocol: sock.Raw, header: "local_address", v6: true, parse: parseDatagram}
}
