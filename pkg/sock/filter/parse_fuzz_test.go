package filter

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter/filtertest"
)

// FuzzParse feeds the parser anything: what it accepts is printed and read
// back as it was, and what it refuses is reported in printable words.
func FuzzParse(f *testing.F) {
	g := filtertest.New(1)
	g.Ports, g.Services = []uint16{80, 443}, []string{"http"}
	g.Hosts4, g.Hosts6 = []string{"10/8", "10.0.0.1", "0/0"}, []string{"::/0", "::1", "2001:db8::/32"}
	g.Devices, g.Marks, g.Cgroups = []string{"lo", "2"}, []string{"1/3", "0x5"}, []string{"/a"}
	g.Families, g.Beyond, g.Autobound = true, true, true
	for i := range 60 {
		f.Add(g.Expression(i % 8))
	}
	for _, text := range []string{
		"state connected exclude syn-sent", "exclude listening sport 1", `src unix:/a\ b*`, "src link:ip:lo",
		"(sport=:80)or!(dport!=:81)", "src [::1]/64:80", "src both.example:http", `cgroup = \!x\(`,
		"dst 0x7f.1", "sport inet:80 or dport inet6:80", "fwmark 0x1/0", "src @a(b)", "((", "a|b`\xff", `\`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, protocol := range []sock.Protocol{sock.TCP, sock.Unix, sock.Packet} {
			checkRoundTrip(t, protocol, text)
		}
	})
}

func checkRoundTrip(t *testing.T, protocol sock.Protocol, text string) {
	parsed, err := ParseFor(protocol, text, testNames{})
	if err != nil {
		checkError(t, text, err)
		return
	}
	printed := parsed.String()
	again, err := Parse(printed, testNames{})
	if len(printed) > MaxLength {
		return
	}
	if err != nil || again != parsed {
		t.Fatalf("%q as %s is printed as %q and read back as %q: %v", text, protocol, printed, again, err)
	}
	if parsed.Expr != nil {
		var s sock.Socket
		s.Local.AddrPort = netip.MustParseAddrPort("10.0.0.1:80")
		parsed.Expr.Match(&s)
		Needs(parsed.Expr)
	}
}

func checkError(t *testing.T, text string, err error) {
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("%q: %T", text, err)
	}
	if syntax.Column < 1 || syntax.Column > len(text)+1 {
		t.Fatalf("%q: column %d", text, syntax.Column)
	}
	message := err.Error()
	for i := range len(message) {
		if c := message[i]; c < ' ' || c > '~' || c == '|' || c == '`' {
			t.Fatalf("%q: byte %#x in %q", text, c, message)
		}
	}
	if len(message) > 600 {
		t.Fatalf("%q: %d bytes of message", text, len(message))
	}
}
