package owner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sockcensus/sockcensus/pkg/kernfs"
)

func TestParseStarted(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12345 20 21\n"
	for _, stat := range []string{"7 (sshd)" + rest, "7 (a) b (c))" + rest, "7 (a\nb)" + rest} {
		if got, err := parseStarted([]byte(stat)); err != nil || got != 123450*time.Millisecond {
			t.Errorf("%q: %v, %v, want 2m3.45s", stat, got, err)
		}
	}
	for _, stat := range []string{"", "7 (sshd) S 1 2", "7 (x)" + strings.Replace(rest, "12345", "-1", 1), "7 (x)" + strings.Replace(rest, "12345", "99999999999999999999", 1)} {
		if got, err := parseStarted([]byte(stat)); !errors.Is(err, kernfs.ErrFormat) {
			t.Errorf("%q: %v, %v, want ErrFormat", stat, got, err)
		}
	}
}

func TestParseUID(t *testing.T) {
	if got, err := parseUID([]byte("Name:\tx\nUid:\t1000\t1001\t1002\t1003\nGid:\t5")); got != 1001 || err != nil {
		t.Errorf("%d, %v, want the effective one, 1001", got, err)
	}
	for _, status := range []string{"", "Name:\tUid:\t5\t5", "x\nUid:\t5", "x\nUid:\t1\t4294967296"} {
		if _, err := parseUID([]byte(status)); err == nil {
			t.Errorf("%q: no error", status)
		}
	}
}

func TestParseMount(t *testing.T) {
	for line, want := range map[string]mount{
		`36 35 98:0 / /mnt\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`: {"/", "/mnt 2", "ext3", "rw,errors=continue"},
		`25 30 0:22 / /proc rw - proc proc rw,hidepid=invisible`:                         {"/", "/proc", "proc", "rw,hidepid=invisible"},
		`29 23 0:26 /../.. /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw`:              {"/../..", "/sys/fs/cgroup", "cgroup2", "rw"},
	} {
		if got, ok := parseMount([]byte(line)); !ok || got != want {
			t.Errorf("%s: %+v, %v, want %+v", line, got, ok, want)
		}
	}
	for _, line := range []string{"", "36 35 98:0 / /mnt rw", " - ", "1 2 3 4 - ext3"} {
		if got, ok := parseMount([]byte(line)); ok {
			t.Errorf("%q: %+v, want none", line, got)
		}
	}
}

func TestHidesOthers(t *testing.T) {
	for options, want := range map[string]bool{"rw": false, "rw,hidepid=1": false, "rw,hidepid=noaccess": false, "rw,hidepid=2": true, "rw,gid=5,hidepid=invisible": true, "hidepid=ptraceable": true, "hidepid=4": true} {
		if got := hidesOthers(options); got != want {
			t.Errorf("%q: %v, want %v", options, got, want)
		}
	}
}

func TestUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	const text = "# comment\nroot:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\n+nis::5::::\nbroken:x\nwww data:x:33:33:::\n1000:x:44:44:::\nbig:x:4294967296:1:::\nlast:x:7:7:::"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	u := NewUsers(path)
	for uid, want := range map[uint32]string{0: "root", 33: "www data", 5: "5", 7: "last", 4294967295: "4294967295"} {
		if got := u.Name(uid); got != want {
			t.Errorf("Name(%d) = %q, want %q", uid, got, want)
		}
	}
	for name, want := range map[string]uint32{"root": 0, "toor": 0, "1000": 44, "1001": 1001, "last": 7} {
		if got, err := u.ID(name); got != want || err != nil {
			t.Errorf("ID(%q) = %d, %v, want %d", name, got, err, want)
		}
	}
	for _, name := range []string{"", "nobody here", "4294967296", "-1", "# comment", "+nis", "big", "broken"} {
		if got, err := u.ID(name); err == nil {
			t.Errorf("ID(%q) = %d, want an error", name, got)
		}
	}
	none := NewUsers(path + ".none")
	if got := none.Name(33); got != "33" || !errors.Is(none.Err(), fs.ErrNotExist) {
		t.Errorf("without a file: %q, %v", got, none.Err())
	}
	if _, err := none.ID("root"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v, want ErrNotExist", err)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"nginx", "nginx", true}, {"nginx", "nginx2", false}, {"*", "", true}, {"", "", true}, {"", "x", false},
		{"/system.slice/*", "/system.slice/a/b", true}, {"a*b*c", "aXbYbZc", true}, {"a*b*c", "aXbYbZ", false},
		{"?", "x", true}, {"?", "", false}, {"[a-c]x", "bx", true}, {"[!a-c]x", "bx", false}, {"[^a-c]x", "dx", true},
		{"[]]", "]", true}, {"[a-]", "-", true}, {"[a", "[a", true}, {"[a", "a", false}, {`\*`, "*", true}, {`\*`, "x", false}, {`a\`, `a\`, true},
		{"*x", "axbx", true}, {"**", "abc", true}, {"a,b", "a,b", true},
	} {
		if got := Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*[b-d]?", "axcx")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		matches := Match(pattern, name)
		if !IsGlob(pattern) && matches != (pattern == name) {
			t.Errorf("Match(%q, %q) is not equality", pattern, name)
		}
		if !Match("*"+name[len(name)/2:], name) && !IsGlob(name) {
			t.Errorf("* before the end of %q does not match it", name)
		}
	})
}

func FuzzMount(f *testing.F) {
	f.Add([]byte(`36 35 98:0 / /mnt\0402 rw,noatime master:1 - ext3 /dev/root rw`))
	f.Fuzz(func(_ *testing.T, line []byte) { parseMount(line) })
}

func FuzzProcess(f *testing.F) {
	f.Add([]byte("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12345 20"))
	f.Add([]byte("Name:\tx\nUid:\t1\t2\t3\t4\n"))
	f.Add([]byte("1:name=x:/\n0::/system.slice/a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := parseStarted(data); err == nil && d < 0 {
			t.Errorf("started at %v", d)
		}
		_, _ = parseUID(data)
		parseCgroup(data)
	})
}
