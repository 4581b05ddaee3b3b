package report

import (
	"net/netip"
	"strings"
	"testing"
)

func TestLabel(t *testing.T) {
	tests := []struct{ prefix, name, want string }{
		{"proc_", "nginx", "proc_nginx"},
		{"proc_", "php_fpm7", "proc_php_fpm7"},
		// Changed to fit: with the FNV-1a of the original.
		{"proc_", "php-fpm", "proc_php_fpm_bf977947"},
		{"proc_", "Nginx", "proc_nginx_2354156f"},
		{"proc_", "", "proc__811c9dc5"},
		// Fits, but could be taken for one that was changed.
		{"proc_", "php_fpm_bf977947", "proc_php_fpm_bf977947_"},
		{"proc_", "a_00000000", "proc_a_00000000_"},
		{"proc_", "a_0000000", "proc_a_0000000"},
		{"proc_", "a_0000000g", "proc_a_0000000g"},
	}
	for _, tt := range tests {
		got := Label(tt.prefix, tt.name)
		if strings.HasSuffix(tt.want, "_") {
			if !strings.HasPrefix(got, tt.want) || len(got) != len(tt.want)+8 {
				t.Errorf("%q becomes %q, want %q and a hash", tt.name, got, tt.want)
			}
			continue
		}
		if got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLabelsDiffer(t *testing.T) {
	long := strings.Repeat("a", 300)
	seen := map[string]string{}
	for _, name := range []string{"php-fpm", "php_fpm", "php.fpm", "PHP-FPM", "php_fpm_bf977947", long, long + "b", strings.ToUpper(long), "", "_", "é", "\xff", "\xfe"} {
		got := Label("proc_", name)
		if other, ok := seen[got]; ok {
			t.Errorf("%.20q and %.20q are both %q", name, other, got)
		}
		if plain, changed := Unhashed(got); changed != (got != "proc_"+name) || changed && got[:len(plain)] != plain {
			t.Errorf("%.20q: without its hash %q is %q, %t", name, got, plain, changed)
		}
		if len(got) > len("proc_")+maxName+9 {
			t.Errorf("%.20q becomes %d bytes", name, len(got))
		}
		seen[got] = name
	}
}

func TestAddressLabel(t *testing.T) {
	for address, want := range map[string]string{
		"10.0.0.1": "ip_10_0_0_1", "::ffff:10.0.0.1": "ip_10_0_0_1", "2001:db8::1": "ip_2001_db8_0_0_0_0_0_1",
		"::": "ip_0_0_0_0_0_0_0_0", "fe80::1%eth0": "ip_fe80_0_0_0_0_0_0_1",
	} {
		if got := AddressLabel(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s becomes %q, want %q", address, got, want)
		}
	}
}

func TestNetworkLabel(t *testing.T) {
	for prefix, want := range map[string]string{
		"10.0.0.0/24": "net_10_0_0_0_24", "10.0.0.77/24": "net_10_0_0_0_24", "0.0.0.0/0": "net_0_0_0_0_0",
		"2001:db8::/64": "net_2001_db8_0_0_64", "2001:db8::1/32": "net_2001_db8_32", "2001:db8::/33": "net_2001_db8_0_33",
		"::1/128": "net_0_0_0_0_0_0_0_1_128", "::/0": "net_0",
	} {
		if got := NetworkLabel(netip.MustParsePrefix(prefix)); got != want {
			t.Errorf("%s becomes %q, want %q", prefix, got, want)
		}
	}
}

func FuzzLabel(f *testing.F) {
	for _, s := range []string{"nginx", "php-fpm", "a_0123abcd", "", "\xff", "日本", "::1", strings.Repeat("x", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := Label("proc_", name)
		if strings.Trim(got, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || len(got) > len("proc_")+maxName+9 {
			t.Fatalf("%q becomes %q", name, got)
		}
		// A label without a hash is the name itself.
		if !hashed(got) && got != "proc_"+name {
			t.Fatalf("%q becomes %q", name, got)
		}
	})
}

// A label stands for one address or network, and can be read back.
func TestLabelsReadBack(t *testing.T) {
	for _, text := range []string{"10.0.0.1", "0.0.0.0", "2001:db8::1", "::", "::1"} {
		want := netip.MustParseAddr(text)
		if got, ok := AddressOfLabel(AddressLabel(want)); !ok || got != want {
			t.Errorf("the label of %s reads as %s, %t", want, got, ok)
		}
	}
	for _, text := range []string{"10.0.0.0/24", "0.0.0.0/0", "10.1.2.3/32", "2001:db8::/64", "2001:db8::/32", "::/0", "::/1", "2001:db8::1/128", "2001:db8:0:ff00::/56"} {
		want := netip.MustParsePrefix(text)
		if got, ok := NetworkOfLabel(NetworkLabel(want)); !ok || got != want {
			t.Errorf("the label of %s reads as %s, %t", want, got, ok)
		}
	}
	for _, label := range []string{"", "ip_", "net_", "ip_10_0_0", "ip_10_0_0_256", "ip_10_0_0_01", "ip_2001_db8", "10_0_0_1", "ip_0:0_0_0_0_0_0_0_1", "net_foo", "net_24", "net_10_0_0_1_24", "net_10_0_0_0_024", "net_10_0_0_0_33", "net_2001_db8_64", "net_2001_DB8_0_0_64", "net_0_-1"} {
		if got, ok := AddressOfLabel(label); ok {
			t.Errorf("%q reads as the address %s", label, got)
		}
		if got, ok := NetworkOfLabel(label); ok {
			t.Errorf("%q reads as the network %s", label, got)
		}
	}
}

func FuzzLabelsReadBack(f *testing.F) {
	for _, seed := range []string{"ip_10_0_0_1", "ip_2001_db8_0_0_0_0_0_1", "net_10_0_0_0_24", "net_2001_db8_0_0_64", "net_0", "net__0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		if address, ok := AddressOfLabel(label); ok && AddressLabel(address) != label {
			t.Errorf("%q reads as %s", label, address)
		}
		if prefix, ok := NetworkOfLabel(label); ok && NetworkLabel(prefix) != label {
			t.Errorf("%q reads as %s", label, prefix)
		}
	})
}
