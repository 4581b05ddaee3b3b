package netns

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want Ref
	}{
		{"blue", Ref{name: "blue"}},
		{"a.b-c_1@x", Ref{name: "a.b-c_1@x"}},
		{"12ab", Ref{name: "12ab"}},
		{"...", Ref{name: "..."}},
		{"1", Ref{pid: 1}},
		{"4194304", Ref{pid: 4194304}},
		{"/proc/1/ns/net", Ref{path: "/proc/1/ns/net"}},
		{"./file", Ref{path: "./file"}},
	}
	for _, tt := range tests {
		got, err := Parse(tt.text)
		if err != nil || got != tt.want || got.String() != tt.text || !got.IsSet() || got.PID() != tt.want.pid {
			t.Errorf("Parse(%q) = %+v, %v", tt.text, got, err)
		}
	}
	if (Ref{}).IsSet() {
		t.Error("the zero value is another namespace")
	}
}

// A number is a process unless a namespace is called so.
func TestParseNumber(t *testing.T) {
	dir := t.TempDir()
	defer func(kept []string) { directories = kept }(directories)
	directories = []string{filepath.Join(dir, "gone"), dir}
	for _, name := range []string{"77777", "99999999999"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o444); err != nil {
			t.Fatal(err)
		}
		if got, err := Parse(name); err != nil || got != (Ref{name: name}) || got.PID() != 0 {
			t.Errorf("Parse(%q) = %+v, %v, want the name", name, got, err)
		}
	}
	if got, err := Parse("77778"); err != nil || got.PID() != 77778 {
		t.Errorf("Parse(77778) = %+v, %v, want the process", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", ".", "..", "0", "00", "4194305", "99999999999999999999", "a\x00b", "/a\x00b",
		strings.Repeat("n", 256), "/" + strings.Repeat("n", 4096),
	} {
		ref, err := Parse(text)
		var parseErr *ParseError
		if !errors.As(err, &parseErr) || ref != (Ref{}) || parseErr.Text != text {
			t.Errorf("Parse(%.20q) = %+v, %v", text, ref, err)
			continue
		}
		if !strings.Contains(err.Error(), "a process id, or a path") || len(err.Error()) > 400 {
			t.Errorf("Parse(%.20q): %v", text, err)
		}
	}
}

func TestErrorSentences(t *testing.T) {
	name, pid, path := Ref{name: "a|b\n"}, Ref{pid: 77}, Ref{path: "/x"}
	tests := []struct {
		err  *Error
		want string
	}{
		{&Error{"open", name, fs.ErrNotExist, 0}, `no network namespace named "a\x7cb\x0a": ip netns list shows the names`},
		{&Error{"open", pid, fs.ErrNotExist, 0}, "no process 77 whose network namespace could be found, and none of that name: ip netns list shows"},
		{&Error{"open", path, fs.ErrNotExist, 0}, `no file "/x"`},
		{&Error{"open", path, ErrNotNamespace, 0}, `"/x" is not a network namespace`},
		{&Error{"open", name, fs.ErrPermission, 0}, "run as root"},
		{&Error{"enter", name, fs.ErrPermission, 0}, "CAP_SYS_ADMIN"},
		{&Error{"open", name, fs.ErrPermission, 0}, "or give --netns the id of a process in it"},
		{&Error{"enter", name, fs.ErrPermission, 0}, "give --netns the id of a process in it"},
		{&Error{"enter", name, fs.ErrPermission, 77}, "without it, --netns 77 reads the tables"},
		{&Error{"enter", pid, fs.ErrPermission, 0}, "/proc/77/net can be read"},
		{&Error{"enter", path, fs.ErrClosed, 0}, `cannot enter network namespace "/x": `},
		{&Error{"open", Ref{}, fs.ErrClosed, 0}, "our own network namespace"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); !strings.Contains(got, tt.want) || strings.ContainsAny(got, "|`\n") {
			t.Errorf("error is %q, want %q", got, tt.want)
		}
		if !errors.Is(tt.err, tt.err.Err) {
			t.Errorf("%v does not wrap its cause", tt.err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"blue", "1", "/proc/1/ns/net", "..", "\x00", "a|b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := Parse(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "|`\n\x00") {
				t.Fatalf("error breaks a line: %q", err)
			}
			return
		}
		if again, err := Parse(ref.String()); err != nil || again != ref {
			t.Fatalf("%q is printed as %q", text, ref)
		}
		if ref.name != "" {
			for _, path := range ref.candidates("/proc") {
				if rest, ok := strings.CutPrefix(path, "/run/netns/"); ok && rest != text {
					t.Fatalf("%q leads to %q", text, path)
				}
			}
		}
	})
}
