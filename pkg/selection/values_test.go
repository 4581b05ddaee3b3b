package selection

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/plugin"
	"github.com/sockcensus/sockcensus/pkg/quote"
	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

// services knows one name.
type services struct{}

func (services) Service(name string) (uint16, error) {
	if name == "https" || name == "iscsi-target" {
		return 443, nil
	}
	return 0, errors.New("no such service")
}

func TestPorts(t *testing.T) {
	tests := []struct {
		values []string
		want   string
	}{
		{nil, "[]"},
		{[]string{"", " ", ","}, "[]"},
		{[]string{"443"}, "[{443 443}]"},
		{[]string{"80,443", "22"}, "[{80 80} {443 443} {22 22}]"},
		{[]string{" 80 , 443 "}, "[{80 80} {443 443}]"},
		{[]string{"0-65535"}, "[{0 65535}]"},
		{[]string{"8000-8080"}, "[{8000 8080}]"},
		{[]string{"80-80"}, "[{80 80}]"},
		{[]string{"https"}, "[{443 443}]"},
		{[]string{"iscsi-target"}, "[{443 443}]"},
	}
	for _, tt := range tests {
		got, err := Ports("--port", tt.values, services{})
		if err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("Ports(%q) = %v, %v, want %s", tt.values, got, err, tt.want)
		}
	}
}

func TestBadPorts(t *testing.T) {
	for text, want := range map[string]string{
		"65536": "from 0 to 65535", "70000": "from 0 to 65535", "99999999999999999999": "from 0 to 65535",
		"80-70000": "from 0 to 65535", "443-80": "ends before it begins", "nosuch": "service name",
		"-80": "service name", "80-": "service name", "1-2-3": "service name", "0x50": "service name", "+80": "service name", "٤٤٣": "service name",
	} {
		wantUsage(t, "--port", text, want, func() error { _, err := Ports("--port", []string{"22," + text}, services{}); return err })
	}
}

// wantUsage wants a usage error that names the option, quotes the value and
// says what is allowed.
func wantUsage(t *testing.T, option, value, allowed string, read func() error) {
	t.Helper()
	err := read()
	var usage *plugin.UsageError
	if !errors.As(err, &usage) || !strings.HasPrefix(usage.Sentence, option) ||
		!strings.Contains(usage.Sentence, quote.Line(value)) || !strings.Contains(usage.Sentence, allowed) {
		t.Errorf("%s %q: %v, want a usage error with %q", option, value, err, allowed)
	}
}

func TestPrefixes(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1": "10.0.0.1/32", "10.0.0.1/8": "10.0.0.0/8", "193.233.7/24": "193.233.7.0/24", "10/8": "10.0.0.0/8",
		"0.0.0.0/0": "0.0.0.0/0", "::/0": "::/0", "2001:db8::1": "2001:db8::1/128", "2001:db8::1/32": "2001:db8::/32",
		"::ffff:10.0.0.1": "10.0.0.1/32", "::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:0:0/96": "0.0.0.0/0",
		"::ffff:10.0.0.1/95": "::fffe:0:0/95", "10.0.0.1/32": "10.0.0.1/32",
	} {
		got, err := Prefixes("--peer", []string{text})
		if err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("Prefixes(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
	if got, err := Prefixes("--peer", []string{"10.0.0.1,::1", ""}); err != nil || len(got) != 2 {
		t.Errorf("a list: %v, %v", got, err)
	}
}

func TestBadPrefixes(t *testing.T) {
	for _, text := range []string{
		"10.0.0", "10.0.0.256", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/", "10.0.0.1/+8", "10.0.0.1/8/8", "2001:db8::/129",
		"[::1]", "fe80::1%eth0", "localhost", "/8", "1.2.3.4.5/8", "010.0.0.1", "10.0.0.1/99999999999999999999",
	} {
		wantUsage(t, "--peer", text, "is not an address: use ", func() error { _, err := Prefixes("--peer", []string{text}); return err })
	}
}

func TestStates(t *testing.T) {
	all := sock.AllStates
	tests := []struct {
		state, exclude []string
		want           sock.StateSet
	}{
		{nil, nil, sock.NoStates},
		{[]string{""}, []string{""}, sock.NoStates},
		{[]string{"established,syn-sent"}, nil, sock.StatesOf(sock.Established, sock.SynSent)},
		{nil, []string{"time-wait"}, all &^ sock.StatesOf(sock.TimeWait)},
		{[]string{"connected"}, []string{"established,time-wait"}, sock.Connected &^ sock.StatesOf(sock.Established, sock.TimeWait)},
		{[]string{"close"}, nil, sock.StatesOf(sock.Close)},
		{[]string{"unconnected"}, nil, sock.StatesOf(sock.Close)},
		{[]string{"syn-rcv"}, nil, sock.StatesOf(sock.SynRecv)},
	}
	for _, tt := range tests {
		got, err := (&Options{State: tt.state, Exclude: tt.exclude}).states()
		if err != nil || got != tt.want {
			t.Errorf("--state %q --exclude %q: %v, %v, want %v", tt.state, tt.exclude, got, err, tt.want)
		}
	}
	for _, o := range []Options{{State: []string{"open"}}, {Exclude: []string{"open"}}, {State: []string{"established"}, Exclude: []string{"big"}}, {Exclude: []string{"all"}}} {
		if got, err := o.states(); err == nil {
			t.Errorf("--state %q --exclude %q: %v, want an error", o.State, o.Exclude, got)
		}
	}
}

func TestMarks(t *testing.T) {
	got, err := marks([]string{"0x10/0xff", "", "7"})
	want := filter.Either(filter.Mark{Value: 0x10, Mask: 0xff}, filter.Mark{Value: 7, Mask: 0xffffffff})
	if err != nil || got.String() != want.String() {
		t.Errorf("marks = %v, %v, want %v", got, err, want)
	}
	if got, err := marks(nil); err != nil || got != nil {
		t.Errorf("no mark is %v, %v", got, err)
	}
	for _, text := range []string{"abc", "-1", "0x100000000", "1/", "/1", "1/0x100000000", "1/2/3"} {
		wantUsage(t, "--mark", text, "number of 32 bits", func() error { _, err := marks([]string{text}); return err })
	}
}

func TestProtocols(t *testing.T) {
	got, err := (&Options{Protocol: []string{"udp,tcp", "udp"}}).protocols()
	if err != nil || fmt.Sprint(got) != "[udp tcp]" {
		t.Errorf("protocols = %v, %v", got, err)
	}
	if got, err := (&Options{Protocol: []string{""}}).protocols(); err != nil || fmt.Sprint(got) != "[tcp]" {
		t.Errorf("no protocol is %v, %v", got, err)
	}
	wantUsage(t, "--protocol", "vsock", "use one of tcp", func() error { _, err := (&Options{Protocol: []string{"vsock"}}).protocols(); return err })
}

func FuzzPorts(f *testing.F) {
	for _, seed := range []string{"443", "80,443", "8000-8080", "https", "0-65535", "443-80", "-", "65536", "٤"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ports, err := Ports("--port", []string{text}, services{})
		for _, r := range ports {
			if r.Low > r.High {
				t.Errorf("%q has the range %v", text, r)
			}
		}
		if err != nil && ports != nil {
			t.Errorf("%q: %v, and %v", text, ports, err)
		}
	})
}

func FuzzPrefixes(f *testing.F) {
	for _, seed := range []string{"10.0.0.1", "193.233.7/24", "::/0", "::ffff:10.0.0.0/104", "fe80::1%eth0", "10.0.0.1/033", "/", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prefixes, err := Prefixes("--peer", []string{text})
		if err != nil {
			return
		}
		for _, p := range prefixes {
			if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() && p.Bits() >= 96 || p.Addr().Zone() != "" {
				t.Errorf("%q is %v", text, p)
			}
			again, err := Prefixes("--peer", []string{p.String()})
			if err != nil || len(again) != 1 || again[0] != p {
				t.Errorf("%q is %v, read again %v, %v", text, p, again, err)
			}
		}
	})
}

func FuzzMarks(f *testing.F) {
	for _, seed := range []string{"0x10/0xff", "7", "0b1", "1_0", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := marks([]string{text})
		if err == nil && e == nil && len(plugin.Words([]string{text})) > 0 {
			t.Errorf("%q is no mark and no error", text)
		}
	})
}

// A prefix of an option and the same in a filter select the same sockets. (Not
// so ::ffff:10.0.0.0/104: to ss it is mapped sockets alone, to an option, which
// goes by address, it is 10.0.0.0/8.)
func TestPrefixesAsInFilter(t *testing.T) {
	addresses := []string{"10.0.0.1", "127.0.0.1", "::1", "2001:db8::7", "0.0.0.0", "::"}
	for _, text := range []string{"10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "10.0.0.1", "::1", "10/8"} {
		prefixes, err := Prefixes("--peer", []string{text})
		if err != nil {
			t.Fatal(err)
		}
		f, err := filter.Parse("dst "+text, nil)
		if err != nil {
			t.Fatal(err)
		}
		byOption := filter.Address(filter.Peer, prefixes)
		for _, address := range addresses {
			for _, mapped := range []bool{false, true} {
				s := sock.Socket{Family: sock.IPv6, Peer: sock.Endpoint{AddrPort: netip.AddrPortFrom(netip.MustParseAddr(address), 1)}}
				if s.Peer.Addr().Is4() {
					s.Family, s.Mapped = sock.IPv4, mapped
				}
				if byOption.Match(&s) != f.Expr.Match(&s) {
					t.Errorf("peer %s (mapped %t): --peer %s %t, dst %s %t", address, mapped, text, byOption.Match(&s), text, f.Expr.Match(&s))
				}
			}
		}
	}
}
