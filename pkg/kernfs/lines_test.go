package kernfs

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func collect(l *Lines) (lines []string, err error) {
	for l.Next() {
		lines = append(lines, string(l.Bytes()))
	}
	return lines, l.Err()
}

func TestLines(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"", nil},
		{"\n", []string{""}},
		{"a", []string{"a"}},
		{"a\n", []string{"a"}},
		{"a\n\nb", []string{"a", "", "b"}},
		{"12345678\nabcdefg\n", []string{"12345678", "abcdefg"}},
		{"a\x00\r\nb\n", []string{"a\x00\r", "b"}},
	}
	for _, tt := range tests {
		readers := map[string]io.Reader{
			"whole": strings.NewReader(tt.text), "bytes": iotest.OneByteReader(strings.NewReader(tt.text)),
			"data with error": iotest.DataErrReader(strings.NewReader(tt.text)),
		}
		for name, r := range readers {
			l := newLines(r, 10)
			if got, err := collect(l); err != nil || !slices.Equal(got, tt.want) || l.Number() != len(tt.want) {
				t.Errorf("%q by %s: %q, %v, number %d", tt.text, name, got, err, l.Number())
			}
			if l.Next() || l.Bytes() != nil {
				t.Errorf("%q by %s: a line after the last", tt.text, name)
			}
		}
	}
}

func TestLinesErrors(t *testing.T) {
	l := newLines(strings.NewReader("short\n"+strings.Repeat("x", 11)+"\nnext\n"), 10)
	if got, err := collect(l); !errors.Is(err, ErrTooLarge) || !slices.Equal(got, []string{"short"}) {
		t.Errorf("long line: %q, %v", got, err)
	}
	failure := errors.New("disk")
	l.Reset(io.MultiReader(strings.NewReader("one\ntw"), iotest.ErrReader(failure)))
	if got, err := collect(l); !errors.Is(err, failure) || !slices.Equal(got, []string{"one"}) {
		t.Errorf("read error: %q, %v: half a line is not a line", got, err)
	}
	l.Reset(stuck{})
	if _, err := collect(l); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("stuck reader: %v", err)
	}
	l.Reset(strings.NewReader("again\n"))
	if got, err := collect(l); err != nil || !slices.Equal(got, []string{"again"}) {
		t.Errorf("after Reset: %q, %v", got, err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestLinesAllocateNothing(t *testing.T) {
	text := strings.Repeat("0: 0100007F:0277 00000000:0000 0A\n", 10000)
	r := strings.NewReader("")
	l := NewLines(r)
	allocs := testing.AllocsPerRun(3, func() {
		r.Reset(text)
		l.Reset(r)
		for l.Next() {
			field, rest := Field(l.Bytes())
			_, _ = ParseHex(field)
			_, _ = Field(rest)
		}
	})
	if allocs > 0 || l.Number() != 10000 {
		t.Errorf("%v allocations for %d lines", allocs, l.Number())
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\nb\n\nc", uint8(4))
	f.Add("aaaaaaaaaaaaaaaaa\n", uint8(2))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		got, err := collect(newLines(iotest.HalfReader(strings.NewReader(text)), int(size)+1))
		if err == nil && !slices.Equal(got, want) || err != nil && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("%q: %q, %v", text, got, err)
		}
		if err != nil && !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("%q: %q before the error", text, got)
		}
	})
}

func BenchmarkLines(b *testing.B) {
	text := strings.Repeat("   0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1\n", 100000)
	b.SetBytes(int64(len(text)))
	l := NewLines(nil)
	for b.Loop() {
		l.Reset(strings.NewReader(text))
		for l.Next() {
		}
	}
}
