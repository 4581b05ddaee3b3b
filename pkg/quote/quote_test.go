package quote

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", `""`},
		{"443", `"443"`},
		{"a b", `"a b"`},
		{"a\nb\tc\x00", `"a\x0ab\x09c\x00"`},
		{"caf\u00e9", `"caf\xc3\xa9"`},
		{"a|b`c", `"a\x7cb\x60c"`},
		{`say "x\y"`, `"say \x22x\x5cy\x22"`},
		{"\x7f\xff", `"\x7f\xff"`},
		{strings.Repeat("x", 199), `"` + strings.Repeat("x", 199) + `"`},
		{strings.Repeat("x", 300), `"` + strings.Repeat("x", 200) + `..."`},
	}
	for _, tt := range tests {
		if got := Text(tt.text); got != tt.want {
			t.Errorf("Text(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestLine(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{`plain "quoted" \ text`, `plain "quoted" \ text`},
		{"plain text; $HOME", "plain text; $HOME"},
		{"a|b`c\n\u00e9", `a\x7cb\x60c\x0a\xc3\xa9`},
		{"\t\x00\x7f", `\x09\x00\x7f`},
	}
	for _, tt := range tests {
		if got := Line(tt.text); got != tt.want || Line(got) != got {
			t.Errorf("Line(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

// Whatever is quoted is printable ASCII on one line, bounded, and nothing in it
// ends the quotation or begins performance data.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "443", "a|b", "\"", "\\x0a", "\xff\n", "\u00e9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Text(text)
		inside := got[1 : len(got)-1]
		for i := range len(inside) {
			if c := inside[i]; c < ' ' || c > '~' || c == '|' || c == '`' || c == '"' {
				t.Fatalf("Text(%q) = %s holds %q", text, got, c)
			}
		}
		if len(got) > 210 {
			t.Fatalf("Text(%q) has %d bytes", text, len(got))
		}
		if other := Text(text + "x"); other == got && len(text) < 50 {
			t.Fatalf("two texts read %s", got)
		}
	})
}
