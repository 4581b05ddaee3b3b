package selection

import (
	"net/netip"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock"
	"github.com/sockcensus/sockcensus/pkg/sock/filter"
)

func TestPrefixes(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1": "10.0.0.1/32", "10.0.0.1/8": "10.0.0.0/8", "193.233.7/24": "193.233.7.0/24", "10/8": "10.0.0.0/8",
		"0.0.0.0/0": "0.0.0.0/0", "::/0": "::/0", "2001:db8::1": "2001:db8::1/128", "2001:db8::1/32": "2001:db8::/32",
		"::ffff:10.0.0.1": "10.0.0.1/32", "::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:0:0/96": "0.0.0.0/0",
		"::ffff:10.0.0.1/95": "::fffe:0:0/95", "10.0.0.1/32": "10.0.0.1/32",
		"[fd00::1]": "fd00::1/128", "[fd00::1]/64": "fd00::/64", "[fd00::1/64]": "fd00::/64", "[::ffff:10.0.0.1]": "10.0.0.1/32",
		"10.0.0.3/255.255.255.0": "10.0.0.0/24", "10.0.0.3/255.255.255.255": "10.0.0.3/32", "10/0.0.0.0": "0.0.0.0/0", "fd00::1:443": "fd00::1:443/128",
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
	const form, length, port = "is not an address: use ", "has no prefix length: ", "has a port: "
	for text, want := range map[string]string{
		"10.0.0": form, "10.0.0.256": form, "fe80::1%eth0": form, "localhost": form, "/8": form, "1.2.3.4.5/8": form, "010.0.0.1": form,
		"[::1": form, "[10.0.0.1]": form, "[::1]x": form, "[::1/64]/64": form, "::1]": form, "[]": form, "[fe80::1%eth0]": form,
		"10.0.0.1/33": length + `"33" is not from 0 to 32`, "2001:db8::/129": length + `"129" is not from 0 to 128`,
		"10.0.0.1/-1": length, "10.0.0.1/": length, "10.0.0.1/+8": length, "10.0.0.1/8/8": length, "[::1]/": length,
		"10.0.0.1/99999999999999999999": length, "10.0.0.1/255.0.255.0": length, "fd00::1/255.255.0.0": length, "10.0.0.1/::": length,
		"10.0.0.1:443": port, "[fd00::1]:443": port,
	} {
		wantUsage(t, "--peer", text, want, func() error { _, err := Prefixes("--peer", []string{text}); return err })
	}
}

func FuzzPrefixes(f *testing.F) {
	for _, seed := range []string{"10.0.0.1", "193.233.7/24", "::/0", "::ffff:10.0.0.0/104", "fe80::1%eth0", "10.0.0.1/033", "/", ".", "[fd00::1]/64", "10.0.0.3/255.255.255.0"} {
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

// A prefix of an option and the same in a filter select the same sockets. (Not
// so ::ffff:10.0.0.0/104: to ss it is mapped sockets alone, to an option, which
// goes by address, it is 10.0.0.0/8.)
func TestPrefixesAsInFilter(t *testing.T) {
	addresses := []string{"10.0.0.1", "127.0.0.1", "::1", "2001:db8::7", "0.0.0.0", "::"}
	for _, text := range []string{"10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "10.0.0.1", "::1", "10/8", "[2001:db8::/32]", "10.0.0.3/255.0.0.0"} {
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
