package baseline

import (
	"errors"
	"strings"
	"testing"
)

func services(name string) (uint16, error) {
	if name == "https" {
		return 443, nil
	}
	return 0, errors.New("unknown")
}

func TestParseSocket(t *testing.T) {
	tests := []struct{ text, want string }{
		{"tcp/443", "tcp 443"},
		{"tcp/https", "tcp 443"},
		{"TCP/0.0.0.0:443", "tcp 0.0.0.0:443"},
		{"tcp/*:443", "tcp *:443"},
		{"udp/5000-5010", "udp 5000-5010"},
		{"udp/*:5000-5010", "udp *:5000-5010"},
		{"tcp/:::443", "tcp [::]:443"},
		{"tcp/[::1]:80", "tcp [::1]:80"},
		{"tcp/2001:DB8::1:80", "tcp [2001:db8::1]:80"},
		{"tcp/::ffff:127.0.0.1:80", "tcp 127.0.0.1:80"},
		{"tcp/10.0.0.0/8:80", "tcp 10.0.0.0/8:80"},
		{"tcp/fd00::/8:80", "tcp [fd00::]/8:80"},
		{"tcp/[fd00::]/8:80", "tcp [fd00::]/8:80"},
		{"tcp/[fd00::/8]:80", "tcp [fd00::]/8:80"},
		{"tcp/[::]/0:80", "tcp [::]/0:80"},
		{"tcp/127.0.0.1:65535", "tcp 127.0.0.1:65535"},
	}
	for _, tt := range tests {
		got, err := ParseSocket(tt.text, services)
		if err != nil || got.String() != tt.want {
			t.Errorf("ParseSocket(%q) = %q, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestParseSocketRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "PROTO/PORT"},
		{"443", "PROTO/PORT"},
		{"tcp:443", "PROTO/PORT"},
		{"sctp/443", `unknown protocol "sctp"`},
		{"tcp/", "not a port"},
		{"tcp/0", "from 1 to 65535"},
		{"tcp/65536", "from 1 to 65535"},
		{"tcp/+80", "not a port"},
		{"tcp/telnet", "not a port"},
		{"tcp/80-70", "ends before it begins"},
		{"tcp/80-", "not a port"},
		{"tcp/0.0.0.300:80", `"0.0.0.300" is not an address`},
		{"tcp/:80", `"" is not an address`},
		{"tcp/[::1:80", "not an address"},
		{"tcp/[127.0.0.1]:80", "not an address"},
		{"tcp/[::1]x:80", "not an address"},
		{"tcp/[::1]]:80", "not an address"},
		{"tcp/[::1/128]/8:80", "not an address"},
		{"tcp/fe80::1%eth0:80", "not an address"},
		{"tcp/10.0.0.1/8:80", "not an address"},
		{"tcp/::1", `":" is not an address`},
		{"tcp/localhost:80", "not an address"},
		{"tcp/1\n2", `"tcp/1\x0a2"`},
	}
	for _, tt := range tests {
		got, err := ParseSocket(tt.text, services)
		var bad *SocketError
		if !errors.As(err, &bad) || bad.Text != tt.text || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseSocket(%q) = %v, %v, want an error with %q", tt.text, got, err, tt.want)
		}
	}
}

func FuzzParseSocket(f *testing.F) {
	for _, text := range []string{"tcp/443", "udp/*:53", "tcp/:::443", "tcp/[::1]:80", "tcp/10.0.0.0/8:1-2", "tcp//", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		place, err := ParseSocket(text, nil)
		if err != nil {
			for _, c := range []byte(err.Error()) {
				if c < ' ' || c > '~' {
					t.Fatalf("error carries byte %#x: %q", c, err)
				}
			}
			return
		}
		if place.Low == 0 || place.Low > place.High {
			t.Fatalf("%q: ports %d-%d", text, place.Low, place.High)
		}
		again, err := ParseSocket(strings.Replace(place.String(), " ", "/", 1), nil)
		if err != nil || again != place {
			t.Fatalf("%q is printed as %q, which reads as %v, %v", text, place, again, err)
		}
	})
}
