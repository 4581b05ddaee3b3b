package baseline

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sockcensus/sockcensus/pkg/sock"
)

// listen makes a listener out of "tcp 0.0.0.0:443 nginx,nginx2"; the program
// "?" may not be seen, "-" is the kernel.
func listen(t testing.TB, text string) Listener {
	t.Helper()
	parts := strings.SplitN(text, " ", 3)
	l := Listener{Local: netip.MustParseAddrPort(parts[1])}
	if parts[0] == "udp" {
		l.Protocol = sock.UDP
	}
	l.Loopback = l.Local.Addr().IsLoopback()
	switch parts[2] {
	case "?":
		l.Unseen = true
	case "-":
	default:
		l.Programs = strings.Split(parts[2], ",")
	}
	return l
}

func listenAll(t testing.TB, texts ...string) []Listener {
	t.Helper()
	listeners := make([]Listener, len(texts))
	for i, text := range texts {
		listeners[i] = listen(t, text)
	}
	return listeners
}

// summary tells a result in words.
func summary(rules []Rule, listeners []Listener, r Result) []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, n := range r.Unexpected {
		say("unexpected %s", listeners[n].Local)
	}
	for _, i := range r.Missing {
		say("missing %s", rules[i].String())
	}
	for _, n := range r.Unverified {
		say("unverified %s", listeners[n].Local)
	}
	for _, m := range r.Moves {
		say("moved %s -> %s replaced=%t", rules[m.Rule].String(), listeners[m.Listener].Local, m.Replaced)
	}
	return lines
}

func TestCompare(t *testing.T) {
	tests := []struct {
		name      string
		file      string
		listeners []string
		want      []string
	}{
		{"as expected", "tcp 0.0.0.0:443 nginx\nudp 127.0.0.1:53 named", []string{"tcp 0.0.0.0:443 nginx", "udp 127.0.0.1:53 named"}, nil},
		{"new", "tcp 0.0.0.0:443 nginx", []string{"tcp 0.0.0.0:443 nginx", "tcp 0.0.0.0:4444 nc"}, []string{"unexpected 0.0.0.0:4444"}},
		{"gone", "tcp 0.0.0.0:443 nginx\ntcp 0.0.0.0:22 sshd", []string{"tcp 0.0.0.0:22 sshd"}, []string{"missing tcp 0.0.0.0:443 nginx"}},
		{"the protocol counts", "tcp 0.0.0.0:53 named", []string{"udp 0.0.0.0:53 named"}, []string{"unexpected 0.0.0.0:53", "missing tcp 0.0.0.0:53 named"}},
		{"moved to another port", "tcp 0.0.0.0:80 httpd", []string{"tcp 0.0.0.0:8080 httpd"},
			[]string{"unexpected 0.0.0.0:8080", "missing tcp 0.0.0.0:80 httpd", "moved tcp 0.0.0.0:80 httpd -> 0.0.0.0:8080 replaced=false"}},
		{"moved to another address is likelier", "tcp 127.0.0.1:80 httpd", []string{"tcp 0.0.0.0:8080 httpd", "tcp 0.0.0.0:80 httpd"},
			[]string{"unexpected 0.0.0.0:8080", "unexpected 0.0.0.0:80", "missing tcp 127.0.0.1:80 httpd", "moved tcp 127.0.0.1:80 httpd -> 0.0.0.0:80 replaced=false"}},
		{"another program", "tcp 0.0.0.0:80 httpd", []string{"tcp 0.0.0.0:80 nc"},
			[]string{"unexpected 0.0.0.0:80", "missing tcp 0.0.0.0:80 httpd", "moved tcp 0.0.0.0:80 httpd -> 0.0.0.0:80 replaced=true"}},
		{"one of several holders is enough", "tcp 0.0.0.0:80 httpd", []string{"tcp 0.0.0.0:80 systemd,httpd"}, nil},
		{"one of several programs", "tcp 0.0.0.0:80 httpd,nginx", []string{"tcp 0.0.0.0:80 nginx"}, nil},
		{"a program that may not be seen", "tcp 0.0.0.0:80 httpd", []string{"tcp 0.0.0.0:80 ?"}, []string{"unverified 0.0.0.0:80"}},
		{"any program needs no look", "tcp 0.0.0.0:80 *", []string{"tcp 0.0.0.0:80 ?"}, nil},
		{"the kernel", "udp 0.0.0.0:51820 -", []string{"udp 0.0.0.0:51820 -"}, nil},
		{"a program instead of the kernel", "udp 0.0.0.0:518 -", []string{"udp 0.0.0.0:518 nc"},
			[]string{"unexpected 0.0.0.0:518", "missing udp 0.0.0.0:518 -", "moved udp 0.0.0.0:518 - -> 0.0.0.0:518 replaced=true"}},
		{"a program that calls itself -", "udp 0.0.0.0:518 -", []string{"udp 0.0.0.0:518 -,"}, []string{"unexpected 0.0.0.0:518", "missing udp 0.0.0.0:518 -", "moved udp 0.0.0.0:518 - -> 0.0.0.0:518 replaced=true"}},
		{"a range of ports", "tcp *:8000-8080 app*", []string{"tcp 0.0.0.0:8000 app1", "tcp [::]:8080 app2"}, nil},
		{"the wildcard is no address", "tcp *:80 httpd", []string{"tcp 127.0.0.1:80 httpd"},
			[]string{"unexpected 127.0.0.1:80", "missing tcp *:80 httpd", "moved tcp *:80 httpd -> 127.0.0.1:80 replaced=false"}},
		{"a network", "udp 10.0.0.0/8:123 ntpd", []string{"udp 10.0.0.5:123 ntpd", "udp 10.1.2.3:123 ntpd"}, nil},
		{"a long name means its beginning", "udp 127.0.0.53:53 systemd-resolved", []string{"udp 127.0.0.53:53 systemd-resolve"}, nil},
		{"contradicting lines accept either", "tcp 0.0.0.0:80 httpd\ntcp 0.0.0.0:80 nginx", []string{"tcp 0.0.0.0:80 nginx"}, nil},
		{"an odd name", `tcp 0.0.0.0:80 "my prog\x0a"`, []string{"tcp 0.0.0.0:80 my prog\n"}, nil},
		{"a star that is meant", `tcp 0.0.0.0:80 a\*`, []string{"tcp 0.0.0.0:80 ab"}, []string{"unexpected 0.0.0.0:80", "missing tcp 0.0.0.0:80 a\\*", "moved tcp 0.0.0.0:80 a\\* -> 0.0.0.0:80 replaced=true"}},
	}
	for _, tt := range tests {
		f := Parse([]byte(tt.file))
		rules, listeners := f.Rules(), listenAll(t, tt.listeners...)
		got := summary(rules, listeners, Compare(rules, listeners))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestCompareFamilies(t *testing.T) {
	v6only := listen(t, "tcp [::]:443 nginx")
	v6only.V6Only = true
	rules := Parse([]byte("tcp *:443 nginx")).Rules()
	got := summary(rules, []Listener{v6only}, Compare(rules, []Listener{v6only}))
	if diff := cmp.Diff([]string{"missing tcp *:443 nginx"}, got); diff != "" {
		t.Errorf("an IPv6-only socket is allowed by the wildcard and does not fulfil it (-want +got):\n%s", diff)
	}
	dual := listen(t, "tcp [::]:443 nginx")
	if r := Compare(rules, []Listener{dual}); r.Differs() {
		t.Errorf("a dual-stack socket is not the wildcard: %+v", r)
	}
}

func TestCompareOptions(t *testing.T) {
	place, err := ParseSocket("tcp/80", nil)
	if err != nil {
		t.Fatal(err)
	}
	rules := []Rule{{Place: place, Programs: []string{AnyProgram}, Required: true, Origin: "--require"}}
	loopback := listenAll(t, "tcp 127.0.0.1:80 httpd")
	if got := summary(rules, loopback, Compare(rules, loopback)); !cmp.Equal(got, []string{"unexpected 127.0.0.1:80", "missing tcp/80"}) {
		t.Errorf("loopback is taken for reachable: %q", got)
	}
	public := listenAll(t, "tcp [2001:db8::1]:80 httpd")
	if r := Compare(rules, public); r.Differs() {
		t.Errorf("tcp/80 does not mean one address: %+v", r)
	}
	rules[0].Required = false
	if r := Compare(rules, nil); r.Differs() {
		t.Errorf("what is merely allowed is missing: %+v", r)
	}
}

func TestUncounted(t *testing.T) {
	listeners := listenAll(t, "udp 0.0.0.0:51820 -", "udp 0.0.0.0:40000 x")
	listeners[0].Uncounted, listeners[1].Uncounted = true, true
	rules := Parse([]byte("udp 0.0.0.0:51820 -")).Rules()
	if r := Compare(rules, listeners); r.Differs() || len(r.Unverified) > 0 {
		t.Errorf("uncounted listeners: %+v", r)
	}
}

func TestNeeds(t *testing.T) {
	rules := Parse([]byte("tcp 0.0.0.0:80 *\ntcp 0.0.0.0:81 httpd\ntcp *:84 *\ntcp 0.0.0.0:84 httpd")).Rules()
	listeners := listenAll(t, "tcp 0.0.0.0:80 ?", "tcp 0.0.0.0:81 ?", "tcp 0.0.0.0:82 ?", "tcp 0.0.0.0:83 ?", "tcp 0.0.0.0:84 ?")
	listeners[3].Uncounted = true
	if diff := cmp.Diff([]Need{NoNeed, ToCompare, ToDescribe, NoNeed, ToCompare}, Needs(rules, listeners)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Thousands of listeners against thousands of lines take no noticeable time.
func TestCompareMany(t *testing.T) {
	var file strings.Builder
	var listeners []Listener
	for port := 1; port <= 20000; port++ {
		fmt.Fprintf(&file, "tcp 0.0.0.0:%d httpd\n", port)
		listeners = append(listeners, Listener{Local: netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)), Programs: []string{"httpd"}})
	}
	rules := Parse([]byte(file.String())).Rules()
	if r := Compare(rules, listeners); r.Differs() || len(rules) != 20000 {
		t.Errorf("%d rules, %d unexpected, %d missing", len(rules), len(r.Unexpected), len(r.Missing))
	}
	if r := Compare(rules, nil); len(r.Missing) != 20000 {
		t.Errorf("%d missing", len(r.Missing))
	}
}
