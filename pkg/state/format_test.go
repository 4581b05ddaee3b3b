package state

import (
	"bytes"
	"strings"
	"testing"
)

const boot = "1d4a5a5e-6c4e-4a0c-9a1b-0f8f6a1f3c55"

func TestDecode(t *testing.T) {
	good := encode("rates-1", boot, []byte("content\n\x00\xff"))
	content, gotBoot, reason := decode("rates-1", good)
	if reason != "" || gotBoot != boot || string(content) != "content\n\x00\xff" {
		t.Fatalf("decode: %q, %q, %q", content, gotBoot, reason)
	}
	if line, _, _ := strings.Cut(string(good), "\n"); !strings.HasPrefix(line, "sockcensus-state 1 rates-1 "+boot+" 10 ") {
		t.Errorf("first line is %q", line)
	}
	tests := []struct {
		name, format string
		data         []byte
		want         string
	}{
		{"empty", "rates-1", nil, "empty"},
		{"zeros", "rates-1", make([]byte, 4096), "not written by this program"},
		{"text", "rates-1", []byte("# Munin state\n"), "not written by this program"},
		{"newer", "rates-1", []byte("sockcensus-state 2 rates-1 - 0 0\n"), "another version"},
		{"other format", "clients-1", good, `something else ("rates-1", not "clients-1")`},
		{"half", "rates-1", good[:len(good)-5], "cut short"},
		{"first line only", "rates-1", good[:30], "first line is damaged"},
		{"longer", "rates-1", append(bytes.Clone(good), 'x'), "checksum"},
		{"hostile format", "rates-1", []byte("sockcensus-state 1 a|b - 0 0\n"), "something else"},
		{"hostile boot", "rates-1", []byte("sockcensus-state 1 rates-1 a|b 0 0\n"), "damaged"},
		{"huge length", "rates-1", []byte("sockcensus-state 1 rates-1 - 99999999999999999999 0\n"), "checksum"},
		{"long line", "rates-1", append([]byte(magic), bytes.Repeat([]byte("a"), 1<<20)...), "damaged"},
	}
	for _, tt := range tests {
		content, _, reason := decode(tt.format, tt.data)
		if content != nil || !strings.Contains(reason, tt.want) {
			t.Errorf("%s: reason %q, want %q", tt.name, reason, tt.want)
		}
		if strings.Contains(reason, "|") {
			t.Errorf("%s: reason %q would end the words of a check", tt.name, reason)
		}
	}
}

// Whatever a disk does to one byte, or to the length, is noticed.
func TestDecodeEveryDamage(t *testing.T) {
	good := encode("rates-1", boot, []byte("the content, and not a short one"))
	for n := range good {
		if _, _, reason := decode("rates-1", good[:n]); reason == "" {
			t.Errorf("cut to %d bytes: not noticed", n)
		}
		for bit := range 8 {
			flipped := bytes.Clone(good)
			flipped[n] ^= 1 << bit
			if _, _, reason := decode("rates-1", flipped); reason == "" {
				t.Errorf("bit %d of byte %d flipped: not noticed", bit, n)
			}
		}
		zeroed := bytes.Clone(good)
		clear(zeroed[n:])
		if _, _, reason := decode("rates-1", zeroed); reason == "" {
			t.Errorf("zeros from byte %d on: not noticed", n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("rates-1", encode("rates-1", boot, []byte("x")))
	f.Add("clients-1", encode("clients-1", "", nil))
	f.Add("a", []byte(magic+"a - 0 0\n"))
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		content, boot, reason := decode(format, data)
		if reason == "" && !bytes.Equal(encode(format, boot, content), data) {
			t.Fatalf("%q was taken for a file that would be written as %q", data, encode(format, boot, content))
		}
	})
}
