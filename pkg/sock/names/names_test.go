package names_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockcensus/sockcensus/pkg/sock/filter"
	"github.com/sockcensus/sockcensus/pkg/sock/names"
)

var _ filter.Resolver = (*names.Resolver)(nil)

const services = `# comment
ssh		22/tcp				# SSH
domain		53/tcp
domain		53/udp
http		80/tcp		www		# WorldWideWeb
https		443/tcp
https		443/udp
alternate	443/tcp
syslog		514/udp
shell		514/tcp		cmd syslog
broken		tcp
worse		99999/tcp
odd		12x/tcp
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestServicePort(t *testing.T) {
	s := names.NewServices(file(t, services))
	for _, c := range []struct {
		name, protocol string
		want           uint16
	}{
		{"ssh", "tcp", 22}, {"www", "tcp", 80}, {"https", "udp", 443}, {"domain", "udp", 53},
		{"ssh", "udp", 22}, {"syslog", "tcp", 514}, {"cmd", "tcp", 514},
	} {
		if got, err := s.Port(c.name, c.protocol); got != c.want || err != nil {
			t.Errorf("Port(%q, %q) = %d, %v, want %d", c.name, c.protocol, got, err, c.want)
		}
	}
	for _, name := range []string{"nonsense", "broken", "worse", "odd", "", "# comment", "SSH"} {
		if got, err := s.Port(name, "tcp"); err == nil {
			t.Errorf("Port(%q) = %d, want an error", name, got)
		}
	}
}

func TestServiceName(t *testing.T) {
	s := names.NewServices(file(t, services))
	for _, c := range []struct {
		port           uint16
		protocol, want string
	}{
		{443, "tcp", "https"}, {443, "udp", "https"}, {514, "udp", "syslog"}, {514, "tcp", "shell"},
		{22, "udp", "22"}, {9, "tcp", "9"},
	} {
		if got := s.Name(c.port, c.protocol); got != c.want {
			t.Errorf("Name(%d, %q) = %q, want %q", c.port, c.protocol, got, c.want)
		}
	}
}

func TestServicesMissing(t *testing.T) {
	s := names.NewServices(filepath.Join(t.TempDir(), "none"))
	if got := s.Name(443, "tcp"); got != "443" || s.Err() == nil {
		t.Errorf("Name = %q, %v, want the number and an error", got, s.Err())
	}
	_, err := s.Port("https", "tcp")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "number") {
		t.Errorf("Port: %v, want one that says to use the number", err)
	}
}

func TestHost(t *testing.T) {
	var r names.Resolver
	if _, err := r.Host("localhost"); !errors.Is(err, names.ErrHostsOff) {
		t.Errorf("Host = %v, want ErrHostsOff", err)
	}
	r.LookupHost = func(string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.1")}, nil
	}
	if got, err := r.Host("x"); err != nil || len(got) != 1 || got[0] != netip.MustParseAddr("10.0.0.1") {
		t.Errorf("Host = %v, %v, want the address unmapped", got, err)
	}
}

// The interfaces are the ones that the net package finds by other means.
func TestInterface(t *testing.T) {
	known, err := net.Interfaces()
	if err != nil || len(known) == 0 {
		t.Skipf("no network interfaces to compare with: %v", err)
	}
	var r names.Resolver
	for _, i := range known {
		if got, err := r.Interface(i.Name); err != nil || got != uint32(i.Index) {
			t.Errorf("Interface(%q) = %d, %v, want %d", i.Name, got, err, i.Index)
		}
		if got, err := names.InterfaceName(uint32(i.Index)); err != nil || got != i.Name {
			t.Errorf("InterfaceName(%d) = %q, %v, want %q", i.Index, got, err, i.Name)
		}
	}
	for _, name := range []string{"nonsense0", "", "muchtoolongforaname"} {
		if got, err := r.Interface(name); err == nil {
			t.Errorf("Interface(%q) = %d, want an error", name, got)
		}
	}
	if got, err := names.InterfaceName(1 << 30); err == nil {
		t.Errorf("InterfaceName(1<<30) = %q, want an error", got)
	}
}

func FuzzService(f *testing.F) {
	for line := range strings.Lines(services) {
		f.Add(line, "ssh")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		s := names.NewServices(file(t, text))
		if port, err := s.Port(name, "tcp"); err == nil && !strings.Contains(text, name) {
			t.Errorf("Port(%q) = %d, which is not in the file", name, port)
		}
		s.Name(443, "tcp")
	})
}
