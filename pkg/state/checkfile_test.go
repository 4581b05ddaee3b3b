package state

import "testing"

func TestCheckFile(t *testing.T) {
	seen := map[string][]string{}
	for _, args := range [][]string{
		nil, {"check", "-w", "1"}, {"check", "-w", "2"}, {"check", "-w1"}, {"check", "-w", "1", ""}, {"check", "-w 1"},
	} {
		name := CheckFile("conntrack.rates", args)
		if err := validFile(name); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q share %s", args, other, name)
		}
		seen[name] = args
	}
	if CheckFile("x", []string{"check_x", "-v"}) != CheckFile("x", []string{"/usr/lib/check_x", "-v"}) {
		t.Error("the name of the program matters")
	}
}
