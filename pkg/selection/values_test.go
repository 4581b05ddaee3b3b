package selection

import (
	"errors"
	"fmt"
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
