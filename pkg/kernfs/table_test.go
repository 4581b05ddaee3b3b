package kernfs

import (
	"errors"
	"io/fs"
	"math"
	"strconv"
	"testing"
)

var fixture = New("testdata/proc", "")

func TestCounters(t *testing.T) {
	dir := fixture.NetDir()
	tests := []struct {
		name        string
		read        func(string) (Counters, error)
		group, word string
		want        uint64
	}{
		{"SNMP", SNMP, "Tcp", "RtoMin", 200},
		{"SNMP", SNMP, "Tcp", "PassiveOpens", 37},
		{"SNMP", SNMP, "Ip", "DefaultTTL", 64},
		{"Netstat", Netstat, "TcpExt", "SyncookiesSent", 0},
		{"Netstat", Netstat, "TcpExt", "ListenOverflows", 0},
		{"Sockstat", Sockstat, "TCP", "inuse", 27},
		{"Sockstat", Sockstat, "TCP", "tw", 4},
		{"Sockstat", Sockstat, "TCP", "mem", 3},
		{"Sockstat", Sockstat, "sockets", "used", 1013},
		{"Sockstat", Sockstat, "RAW", "inuse", 1},
		{"Sockstat6", Sockstat6, "TCP6", "inuse", 0},
	}
	for _, tt := range tests {
		c, err := tt.read(dir)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got, ok := c.Uint(tt.group, tt.word); !ok || got != tt.want {
			t.Errorf("%s %s %s: %d, %v, want %d", tt.name, tt.group, tt.word, got, ok, tt.want)
		}
		for _, none := range [][2]string{{tt.group, "None"}, {"None", tt.word}, {tt.group + ":", tt.word}, {"", ""}, {tt.group, ""}} {
			if got, ok := c.Uint(none[0], none[1]); ok {
				t.Errorf("%s has %q: %d", tt.name, none, got)
			}
		}
	}
	snmp, _ := SNMP(dir)
	if got, ok := snmp.Uint("Tcp", "MaxConn"); ok {
		t.Errorf("-1 is %d", got)
	}
	if _, ok := (Counters{}).Uint("Tcp", "RtoMin"); ok {
		t.Error("the zero value has counters")
	}
	if _, err := SNMP(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"x", "\n", "Tcp: A B\n", "Tcp: A B\nTcp: 1\n", "Tcp: A\nTcp: 1 2\n", "Tcp: A\nUdp: 1\n", "Tcp A\nTcp 1\n",
		"Tcp: A\nTcp: x\n", "Tcp: A\nTcp: 1\nTcp: B\n", "Tcp: A\nTcp: -\n", "Tcp: A\nTcp: 18446744073709551616\n",
	} {
		if _, err := ParseTable([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("table %q: %v", text, err)
		}
	}
	for _, text := range []string{"x", "\n", "TCP inuse 1\n", "TCP: inuse\n", "TCP: inuse x\n", "TCP: inuse 1 tw\n", "TCP: inuse 1\n\n"} {
		if _, err := ParseSockstat([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("sockstat %q: %v", text, err)
		}
	}
}

func TestPortRange(t *testing.T) {
	if low, high, err := fixture.PortRange(); err != nil || low != 32768 || high != 60999 {
		t.Errorf("%d, %d, %v", low, high, err)
	}
	if _, _, err := New(t.TempDir(), "").PortRange(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestBootID(t *testing.T) {
	if id, err := fixture.BootID(); err != nil || id != "1d4a5a5e-6c4e-4a0c-9a1b-0f8f6a1f3c55" {
		t.Errorf("%q, %v", id, err)
	}
	for _, id := range []string{"", "x", "1d4a5a5e-6c4e-4a0c-9a1b-0f8f6a1f3c5", "1d4a5a5e-6c4e-4a0c-9a1b-0f8f6a1f3c5g", "1d4a5a5e06c4e-4a0c-9a1b-0f8f6a1f3c55", "1d4a5a5e-6c4e-4a0c-9a1b-0f8f6a1f3-55"} {
		if isUUID(id) {
			t.Errorf("%q is taken for a boot id", id)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, text := range []string{"0", "18446744073709551615", "18446744073709551616", "99999999999999999999", "", "-1", "1a", "/", ":"} {
		want, err := strconv.ParseUint(text, 10, 64)
		if got, ok := ParseUint([]byte(text)); ok != (err == nil) || ok && got != want {
			t.Errorf("decimal %q: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"0", "0A", "ffffffffffffffff", "00000000000000001", "", "g", "0x1", "FfFf"} {
		want, err := strconv.ParseUint(text, 16, 64)
		if got, ok := ParseHex([]byte(text)); ok != (err == nil && len(text) <= 16) || ok && got != want {
			t.Errorf("hexadecimal %q: %d, %v", text, got, ok)
		}
	}
	if got, ok := ParseUint([]byte("18446744073709551615")); !ok || got != math.MaxUint64 {
		t.Error(got)
	}
}

func FuzzParseTable(f *testing.F) {
	f.Add([]byte("Tcp: A MaxConn\nTcp: 1 -1\n"))
	f.Add([]byte("Ip: A\nIp: 1\nTcp: B\nTcp: 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ParseTable(data); err == nil {
			c.Uint("Tcp", "MaxConn")
			if group, rest := Field(data); len(group) > 0 {
				name, _ := Field(rest)
				c.Uint(string(group[:len(group)-1]), string(name))
			}
		}
	})
}

func FuzzParseSockstat(f *testing.F) {
	f.Add([]byte("sockets: used 1\nTCP: inuse 1 tw 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ParseSockstat(data); err == nil {
			c.Uint("TCP", "tw")
		}
	})
}
