package state

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestDirOrder(t *testing.T) {
	parent := t.TempDir()
	own := filepath.Join(parent, strconv.Itoa(os.Geteuid()))
	all := []string{"MUNIN_PLUGSTATE", "/m", "NAGIOS_PLUGIN_STATE_DIRECTORY", "/n", "MP_STATE_PATH", "/p"}
	check := func(option, want string, pairs ...string) {
		t.Helper()
		if got, err := dir(option, environ(pairs...), parent); err != nil || got != want {
			t.Errorf("%q, %v: %q, %v, want %q", option, pairs, got, err, want)
		}
	}
	check("/o", "/o", all...)
	check("", "/m", all...)
	check("", "/n", all[2:]...)
	check("", "/n", append([]string{"MUNIN_PLUGSTATE", ""}, all[2:]...)...)
	check("", "/p", all[4:]...)
	_, err := dir("", environ(), parent)
	var dirErr *DirError
	if !errors.As(err, &dirErr) || dirErr.Dir != "" || !strings.Contains(err.Error(), "--state-dir") {
		t.Errorf("without any: %v", err)
	}
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	check("", own)
}

func TestLocate(t *testing.T) {
	munin := []string{"MUNIN_STATEFILE", "/m/clients_443-10.0.0.1", "MUNIN_PLUGSTATE", "/m"}
	tests := []struct {
		option    string
		env       []string
		dir, file string
	}{
		{"", munin, "/m", "clients_443-10.0.0.1"},
		{"/o", munin, "/o", "clients_443-10.0.0.1"},
		{"", munin[2:], "/m", "clients"},
		{"", []string{"MUNIN_STATEFILE", "x", "MUNIN_PLUGSTATE", "/m"}, "/m", "x"},
		{"/o", nil, "/o", "clients"},
	}
	for _, tt := range tests {
		dir, file, err := Locate(tt.option, "clients", environ(tt.env...))
		if err != nil || dir != tt.dir || file != tt.file {
			t.Errorf("%q, %v: %q, %q, %v", tt.option, tt.env, dir, file, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", strings.Repeat("n", 300)} {
		if _, err := Open("/o", name, "a-1", environ()); err == nil {
			t.Errorf("file name %q is taken", name)
		}
	}
	for _, format := range []string{"", "A", "a b", strings.Repeat("a", 60)} {
		if _, err := Open("/o", "n", format, environ()); err == nil {
			t.Errorf("format %q is taken", format)
		}
	}
}
