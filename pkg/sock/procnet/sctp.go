package procnet

import (
	"bytes"
	"math"
	"net/netip"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// sctpEndpointTable is /proc/net/sctp/eps. An endpoint that neither listens nor is
// closed repeats its only association, which is in the other table, and is left
// out. Several addresses of one endpoint are one socket with the first of them.
// The table tells no queues.
//
// Kernel: net/sctp/proc.c, sctp_eps_seq_show.
func sctpEndpointTable() table {
	return table{name: "sctp/eps", protocol: sock.SCTP, header: "ENDPT", parse: parseSCTPEndpoint}
}

// sctpAssociationTable is /proc/net/sctp/assocs. An association has the states of
// RFC 9260; they come out as the ones of TCP which mean the same. Of several
// addresses the primary one counts, which the kernel marks with "*".
//
// Kernel: net/sctp/proc.c, sctp_assocs_seq_show.
func sctpAssociationTable() table {
	return table{name: "sctp/assocs", protocol: sock.SCTP, header: "ASSOC", parse: parseSCTPAssociation}
}

// ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS
//
//	ffff88 ffff99 2   10  29   7      0 12345 0.0.0.0
func parseSCTPEndpoint(c *cursor, _ *table, s *sock.Socket) {
	c.word("no pointer of the endpoint")
	c.word("no pointer of the socket")
	c.decimal(math.MaxUint8, "no type")
	state := c.decimal(math.MaxUint8, "no state")
	c.decimal(math.MaxInt32, "no bucket")
	port := c.decimal(math.MaxUint16, "no local port")
	uid := c.decimal(math.MaxUint32, "no user id")
	inode := c.decimal(math.MaxUint64, "no inode")
	local := readAddresses(c)
	fillSCTP(s, sock.StateOf(uint8(state)), uint32(uid), inode)
	s.Local.AddrPort = netip.AddrPortFrom(local, uint16(port))
	s.Peer.AddrPort = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	c.skip = s.State != sock.Listen && s.State != sock.Close
	if local.Is6() {
		s.Peer.AddrPort = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
		setFamily6(s)
	}
}

// ASSOC     SOCK   STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS HBINT ...
// ffff88 ffff99 2   1   3  0       5        0        0       0 12345 7     36105  *127.0.0.1 <-> *127.0.0.1  30000 ...
func parseSCTPAssociation(c *cursor, _ *table, s *sock.Socket) {
	c.word("no pointer of the association")
	c.word("no pointer of the socket")
	c.decimal(math.MaxUint8, "no type")
	c.decimal(math.MaxUint8, "no state of the socket")
	state := c.decimal(math.MaxUint8, "no state of the association")
	c.decimal(math.MaxInt32, "no bucket")
	c.decimal(math.MaxUint32, "no association id")
	sendQ := c.decimal(math.MaxUint32, "no send queue")
	recvQ := c.decimal(math.MaxUint32, "no receive queue")
	uid := c.decimal(math.MaxUint32, "no user id")
	inode := c.decimal(math.MaxUint64, "no inode")
	localPort := c.decimal(math.MaxUint16, "no local port")
	peerPort := c.decimal(math.MaxUint16, "no peer port")
	local := readAddresses(c)
	if !bytes.Equal(c.word("no <-> between the addresses"), []byte("<->")) {
		c.fail("no <-> between the addresses")
	}
	peer := readAddresses(c)
	fillSCTP(s, sctpState(state), uint32(uid), inode)
	s.SendQ, s.RecvQ = uint32(sendQ), uint32(recvQ)
	s.Known |= sock.FieldQueues
	s.Local.AddrPort = netip.AddrPortFrom(local, uint16(localPort))
	s.Peer.AddrPort = netip.AddrPortFrom(peer, uint16(peerPort))
	if local.Is6() || peer.Is6() {
		setFamily6(s)
	}
}

func fillSCTP(s *sock.Socket, state sock.State, uid uint32, inode uint64) {
	*s = sock.Socket{Protocol: sock.SCTP, Family: sock.IPv4, State: state, Inode: inode}
	if inode != 0 {
		s.UID, s.Known = uid, sock.FieldUID
	}
}

// sctpState maps the states of an association (include/net/sctp/constants.h).
func sctpState(state uint64) sock.State {
	switch state {
	case 0:
		return sock.Close
	case 1: // COOKIE-WAIT: our INIT is out
		return sock.SynSent
	case 2: // COOKIE-ECHOED
		return sock.SynSent
	case 3:
		return sock.Established
	case 4: // SHUTDOWN-PENDING
		return sock.FinWait1
	case 5: // SHUTDOWN-SENT
		return sock.FinWait2
	case 6: // SHUTDOWN-RECEIVED
		return sock.CloseWait
	case 7: // SHUTDOWN-ACK-SENT
		return sock.LastAck
	}
	return sock.UnknownState
}

// readAddresses reads the addresses up to the next thing that is none and
// returns the primary one, or else the first.
func readAddresses(c *cursor) netip.Addr {
	var chosen netip.Addr
	for c.blanks(); startsAddress(c.rest); c.blanks() {
		word := c.word("no address")
		primary := word[0] == '*'
		if primary {
			word = word[1:]
		}
		addr, err := netip.ParseAddr(string(word))
		if err != nil || addr.Zone() != "" {
			c.fail("no IP address")
			return netip.Addr{}
		}
		if primary || !chosen.IsValid() {
			chosen = addr
		}
	}
	if !chosen.IsValid() {
		c.fail("no IP address")
	}
	return chosen
}

// startsAddress reports whether the next word holds a dot or a colon, as every
// address does and neither "<->" nor a number.
func startsAddress(rest []byte) bool {
	end := bytes.IndexAny(rest, " \t")
	if end < 0 {
		end = len(rest)
	}
	return bytes.ContainsAny(rest[:end], ".:*")
}
