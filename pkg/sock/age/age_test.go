package age_test

import (
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/age"
)

const day = 24 * time.Hour

// ms32 is how the kernel shows the time since its jiffies were zero.
func ms32(uptime time.Duration) time.Duration {
	return time.Duration(uint32((uptime-300*time.Second)/time.Millisecond)) * time.Millisecond
}

// A timestamp that was never set proves nothing, at any uptime: in the first five
// minutes, and after its 32 bits of milliseconds have overflowed.
func TestSinceNever(t *testing.T) {
	for _, up := range []time.Duration{time.Second, 299 * time.Second, 301 * time.Second, time.Hour, 10 * day, 49 * day, 50 * day, 300 * day, 3000 * day} {
		s := sock.Socket{State: sock.Established, Known: sock.FieldTCPInfo, TCPInfo: sock.TCPInfo{
			LastDataSent: 7 * time.Second, LastAckReceived: ms32(up), LastDataReceived: ms32(up) + time.Second,
		}}
		want := 7*time.Second - 50*time.Millisecond
		if up < 7*time.Second {
			want = 0
		}
		if a := age.OfTCPInfo(&s, up); a.Min != want {
			t.Errorf("up %v: proven %v, want %v", up, a.Min, want)
		}
	}
}

func TestOfTCPInfo(t *testing.T) {
	info := sock.TCPInfo{LastDataSent: time.Second, LastDataReceived: 3 * time.Second, LastAckReceived: 2 * time.Second, BusyTime: 4 * time.Second, BytesSent: 1}
	inherited := info
	inherited.BytesSent, inherited.BytesAcked = 0, 1
	early := inherited // Linux before 4.19
	early.BytesAcked = 2
	for _, c := range []struct {
		name string
		s    sock.Socket
		want time.Duration
	}{
		{"established", sock.Socket{State: sock.Established, Known: sock.FieldTCPInfo, TCPInfo: info}, 3950 * time.Millisecond},
		{"close-wait", sock.Socket{State: sock.CloseWait, Known: sock.FieldTCPInfo, TCPInfo: info}, 3950 * time.Millisecond},
		{"busy in another life", sock.Socket{State: sock.Established, Known: sock.FieldTCPInfo, TCPInfo: inherited}, 2950 * time.Millisecond},
		{"without bytes sent", sock.Socket{State: sock.Established, Known: sock.FieldTCPInfo, TCPInfo: early}, 3950 * time.Millisecond},
		{"not known", sock.Socket{State: sock.Established, TCPInfo: info}, 0},
		{"listening", sock.Socket{State: sock.Listen, Known: sock.FieldTCPInfo, TCPInfo: info}, 0},
		{"syn-sent", sock.Socket{State: sock.SynSent, Known: sock.FieldTCPInfo, TCPInfo: info}, 0},
		{"syn-recv", sock.Socket{State: sock.SynRecv, Known: sock.FieldTCPInfo, TCPInfo: info}, 0},
		{"longer than the host is up", sock.Socket{State: sock.Established, Known: sock.FieldTCPInfo, TCPInfo: sock.TCPInfo{LastDataSent: 30 * day, BusyTime: 30 * day}}, 0},
		{"just now", sock.Socket{State: sock.Established, Known: sock.FieldTCPInfo, TCPInfo: sock.TCPInfo{LastDataSent: 4 * time.Millisecond}}, 0},
	} {
		if a := age.OfTCPInfo(&c.s, day); a.Min != c.want || a.Max != age.Unbounded {
			t.Errorf("%s: %v, want at least %v", c.name, a, c.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	const limit = 5 * time.Second
	for _, c := range []struct {
		a    age.Age
		want age.Verdict
	}{
		{age.Unknown(), age.Undecided},
		{age.Age{Min: limit, Max: age.Unbounded}, age.Older},
		{age.Age{Min: limit - 1, Max: age.Unbounded}, age.Undecided},
		{age.Age{Max: limit}, age.Undecided},
		{age.Age{Max: limit - 1}, age.Younger},
		{age.Age{Min: 4 * time.Second, Max: age.Unbounded}.And(age.Age{Max: limit - 1}), age.Younger},
		// A contradiction: a connection that was overlooked is not young.
		{age.Age{Min: 6 * time.Second, Max: age.Unbounded}.And(age.Age{Max: limit - 1}), age.Older},
	} {
		if got := c.a.AtLeast(limit); got != c.want {
			t.Errorf("%v at least %v: %v, want %v", c.a, limit, got, c.want)
		}
	}
}

func TestVerdictWithTolerance(t *testing.T) {
	if got := age.Unknown().AtLeastAbout(time.Second, day); got != age.Undecided {
		t.Errorf("unknown: %v, want undecided", got)
	}
	a := age.Age{Min: time.Second, Max: 2 * time.Second}
	if got := a.AtLeastAbout(time.Second, day); got != age.Older {
		t.Errorf("%v: %v, want older, which is proven", a, got)
	}
	if got := a.AtLeastAbout(1500*time.Millisecond, 500*time.Millisecond); got != age.Undecided {
		t.Errorf("%v: %v, want undecided at the very end of the tolerance", a, got)
	}
}
