package procnet

import "github.com/sockcensus/sockcensus/pkg/sock"

// tcpTable is /proc/net/tcp.
//
// Kernel: net/ipv4/tcp_ipv4.c, tcp4_seq_show.
func tcpTable() table {
	return table{name: "tcp", protocol: sock.TCP, header: "local_address", parse: parseTCP}
}

// parseTCP reads a row of either TCP table. A listening socket's receive queue
// is the number of connections that wait to be accepted; the limit is not shown.
func parseTCP(c *cursor, t *table, s *sock.Socket) {
	var r row
	r.read(c, t)
	r.fill(s, t.protocol)
	r.setTimer(s)
}
