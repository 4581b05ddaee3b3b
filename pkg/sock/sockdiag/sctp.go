package sockdiag

import "github.com/sockcensus/sockcensus/pkg/sock"

const attrPeers = 13 // INET_DIAG_PEERS

// parseSCTP decodes a row of SCTP. The kernel lists an endpoint, in the state
// of its socket, and then each of its associations, in a state of their own;
// an association is what tells its peers (net/sctp/diag.c).
//
// It reports false for an endpoint that neither listens nor is closed: that
// repeats its only association, which is the row to count.
func parseSCTP(b []byte, s *sock.Socket) (bool, error) {
	if err := parseInet(b, s, sock.SCTP, true); err != nil {
		return false, err
	}
	c := cutter{rest: b[inetMsgSize:]}
	for {
		kind, _, ok := c.next()
		if !ok {
			return s.State == sock.Listen || s.State == sock.Close, c.err
		}
		if kind == attrPeers {
			s.State = associationState(b[1])
			s.Known &^= sock.FieldAcceptQueue
			return true, nil
		}
	}
}

// associationState puts an enum sctp_state (include/net/sctp/constants.h) in
// the words of TCP.
func associationState(kernel uint8) sock.State {
	states := [...]sock.State{
		sock.Close,       // CLOSED
		sock.SynSent,     // COOKIE_WAIT
		sock.SynSent,     // COOKIE_ECHOED
		sock.Established, // ESTABLISHED
		sock.FinWait1,    // SHUTDOWN_PENDING
		sock.FinWait2,    // SHUTDOWN_SENT
		sock.CloseWait,   // SHUTDOWN_RECEIVED
		sock.LastAck,     // SHUTDOWN_ACK_SENT
	}
	if int(kernel) < len(states) {
		return states[kernel]
	}
	return sock.UnknownState
}

// kernelStates returns the states to ask for. Of SCTP the kernel looks at
// associations when any state but LISTEN and CLOSE is wanted, and does not
// compare theirs.
func kernelStates(p sock.Protocol, states sock.StateSet) sock.StateSet {
	if p == sock.SCTP && states != sock.StatesOf(sock.Listen) {
		return sock.AllStates
	}
	return states
}
