package filter

import (
	"errors"
	"net/netip"
)

// testNames resolves a few names, and no others.
type testNames struct{}

var errNoName = errors.New("no such name")

func (testNames) Service(name string) (uint16, error) {
	if port, ok := map[string]uint16{"http": 80, "https": 443, "ssh": 22, "3com-tsmux": 106}[name]; ok {
		return port, nil
	}
	return 0, errNoName
}

func (testNames) Host(name string) ([]netip.Addr, error) {
	switch name {
	case "one.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	case "both.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
	case "none.example":
		return nil, nil
	}
	return nil, errNoName
}

func (testNames) Interface(name string) (uint32, error) {
	if index, ok := map[string]uint32{"lo": 1, "eth0": 2, "end": 3, "and": 9}[name]; ok {
		return index, nil
	}
	return 0, errNoName
}

func (testNames) Cgroup(path string) (uint64, error) {
	if path == "/missing" {
		return 0, errNoName
	}
	return uint64(len(path)) + 100, nil
}
