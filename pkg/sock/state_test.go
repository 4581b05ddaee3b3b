package sock

import (
	"strings"
	"testing"
)

// The words are those of ss(8): its spellings in filters, those in its output,
// and its groups.
func TestParseStates(t *testing.T) {
	tests := map[string]StateSet{
		"established": 1 << 1, "syn-sent": 1 << 2, "syn-recv": 1<<3 | 1<<12, "fin-wait-1": 1 << 4, "fin-wait-2": 1 << 5,
		"time-wait": 1 << 6, "closed": 1 << 7, "close-wait": 1 << 8, "last-ack": 1 << 9, "listening": 1 << 10,
		"closing": 1 << 11, "bound-inactive": 1 << 13,
		"close": 1 << 7, "unconnected": 1 << 7, "syn-rcv": 1<<3 | 1<<12, "LISTEN": 1 << 10, "UNCONN": 1 << 7, "Time-Wait": 1 << 6, "close_wait": 1 << 8, "CLOSE_WAIT": 1 << 8, "FIN_WAIT2": 1 << 5, "FIN-WAIT1": 1 << 4, "ESTAB": 1 << 1,
		"all":          1<<14 - 2,
		"connected":    1<<14 - 2 - 1<<7 - 1<<10 - 1<<13,
		"synchronized": 1<<14 - 2 - 1<<7 - 1<<10 - 1<<13 - 1<<2,
		"bucket":       1<<3 | 1<<12 | 1<<6,
		"big":          1<<14 - 2 - 1<<3 - 1<<12 - 1<<6,
	}
	for word, want := range tests {
		if got, err := ParseStates(word); err != nil || got != want {
			t.Errorf("ParseStates(%q) = %v, %v, want %v", word, got, err, want)
		}
	}
	for _, word := range []string{"", "open", "time wait", "unknown", "state(20)", " established"} {
		got, err := ParseStates(word)
		if err == nil || !strings.Contains(err.Error(), "established, syn-sent") {
			t.Errorf("ParseStates(%q) = %v, %v, want an error that lists the states", word, got, err)
		}
	}
}

func TestStatesRoundTrip(t *testing.T) {
	var all StateSet
	for _, s := range States() {
		set, err := ParseStates(s.String())
		if err != nil || !set.Has(s) || !set.Only(s) || set.Len() != 1 {
			t.Errorf("%s comes back as %v, %v", s, set, err)
		}
		all |= set
	}
	if all != AllStates {
		t.Errorf("the states make %b, want all: %b", all, AllStates)
	}
	if got := StatesOf(Established, CloseWait).String(); got != "established,close-wait" {
		t.Errorf("String = %q", got)
	}
}

// The groups as the manual page of ss describes them.
func TestStateGroups(t *testing.T) {
	for _, s := range States() {
		for _, group := range []struct {
			name string
			set  StateSet
			want bool
		}{
			{"all", AllStates, true},
			{"connected", Connected, s != Listen && s != Close && s != BoundInactive},
			{"synchronized", Synchronized, s != Listen && s != Close && s != BoundInactive && s != SynSent},
			{"bucket", Bucket, s == TimeWait || s == SynRecv},
			{"big", Big, s != TimeWait && s != SynRecv},
		} {
			if group.set.Has(s) != group.want {
				t.Errorf("%s holds %s: %t, want %t", group.name, s, !group.want, group.want)
			}
		}
	}
	if n := AllStates.Len(); n != len(States()) || n != 12 {
		t.Errorf("%d states in the set of all, %d in the list, want 12", n, len(States()))
	}
}

// Whichever of its two numbers the kernel uses, a half-open connection is in
// SYN_RECV, and what it may say in future is no state of today.
func TestStateOf(t *testing.T) {
	for kernel, want := range map[uint8]State{0: UnknownState, 1: Established, 3: SynRecv, 7: Close, 10: Listen, 12: SynRecv, 13: BoundInactive, 14: UnknownState, 255: UnknownState} {
		if got := StateOf(kernel); got != want {
			t.Errorf("StateOf(%d) = %s, want %s", kernel, got, want)
		}
	}
	if set := StatesOf(SynRecv); !set.Only(SynRecv) || set.Len() != 1 || uint32(set) != 1<<3|1<<12 {
		t.Errorf("the set of SYN_RECV is %b of length %d", set, set.Len())
	}
}

func FuzzParseStates(f *testing.F) {
	for _, seed := range []string{"established", "syn-rcv", "ALL", "\xff", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		set, err := ParseStates(word)
		if (err == nil) != (set != NoStates) || set&^AllStates != 0 {
			t.Errorf("ParseStates(%q) = %b, %v", word, set, err)
		}
	})
}

func TestParseProtocol(t *testing.T) {
	for _, p := range Protocols() {
		if got, err := ParseProtocol(p.String()); err != nil || got != p {
			t.Errorf("ParseProtocol(%q) = %v, %v", p, got, err)
		}
	}
	for _, name := range []string{"", "vsock", "icmp", "TCP "} {
		if got, err := ParseProtocol(name); err == nil || !strings.Contains(err.Error(), "tcp, udp") {
			t.Errorf("ParseProtocol(%q) = %v, %v, want an error that lists the protocols", name, got, err)
		}
	}
}

func TestNetID(t *testing.T) {
	for want, s := range map[string]Socket{
		"tcp": {}, "udp": {Protocol: UDP}, "u_str": {Protocol: Unix, Type: Stream}, "u_dgr": {Protocol: Unix, Type: Datagram},
		"u_seq": {Protocol: Unix, Type: Seqpacket}, "p_raw": {Protocol: Packet, Type: RawType}, "p_dgr": {Protocol: Packet, Type: Datagram},
	} {
		if got := s.NetID(); got != want {
			t.Errorf("NetID = %q, want %q", got, want)
		}
	}
}

func TestFamilies(t *testing.T) {
	var any Families
	v4 := any.Set(IPv4)
	if !any.Has(IPv6) || !any.Has(NoFamily) || !v4.Has(IPv4) || v4.Has(IPv6) || v4.Has(NoFamily) {
		t.Error("the zero value has to select every family, and a set only its own")
	}
}
