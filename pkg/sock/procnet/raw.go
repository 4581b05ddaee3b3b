package procnet

import "github.com/sockcensus/sockcensus/pkg/sock"

// rawTable is /proc/net/raw. The local port of a raw socket is the number of its
// IP protocol.
//
// Kernel: net/ipv4/raw.c, raw_seq_show.
func rawTable() table {
	return table{name: "raw", protocol: sock.Raw, header: "local_address", parse: parseDatagram}
}
