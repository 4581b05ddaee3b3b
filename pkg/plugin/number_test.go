package plugin

import "testing"

func TestParseNumbers(t *testing.T) {
	for _, tt := range []struct {
		text        string
		top, length int // -1 is an error
	}{
		{"", 7, 24}, {"1", 1, 1}, {"0", -1, 0}, {"32", 32, 32}, {"33", 33, -1}, {"/16", -1, 16}, {"//16", -1, -1},
		{"100000", 100000, -1}, {"100001", -1, -1}, {"-1", -1, -1}, {"many", -1, -1}, {"99999999999999999999", -1, -1},
	} {
		top, topErr := ParseTop(tt.text, 7)
		length, lengthErr := ParsePrefixLength("--prefix4", tt.text, 24, 32)
		if topErr != nil {
			top = -1
		}
		if lengthErr != nil {
			length = -1
		}
		if top != tt.top || length != tt.length {
			t.Errorf("%q is %d (%v) and %d (%v), want %d and %d", tt.text, top, topErr, length, lengthErr, tt.top, tt.length)
		}
	}
	_, err := ParseTop("a|b", 0)
	if want := `--top "a\x7cb": use a number from 1 to 100000`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
