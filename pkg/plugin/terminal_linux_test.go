package plugin

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A person at a terminal is asked for its width, a check in the same place is
// not: it would be two system calls for nothing.
func TestWidthIsAPersons(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	defer terminal.Close()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 123}); err != nil {
		t.Fatal(err)
	}
	stdout, args := os.Stdout, os.Args
	defer func() { os.Stdout, os.Args = stdout, args }()
	os.Stdout = terminal
	for _, tt := range []struct {
		args string
		want int
	}{{"fake", 123}, {"check_fake", 0}, {"fake_count", 0}} {
		os.Args = []string{tt.args}
		if got := fakePlugin().world().Width; got != tt.want {
			t.Errorf("%s: width %d, want %d", tt.args, got, tt.want)
		}
	}
}
