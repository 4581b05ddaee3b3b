package plugin

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal makes a terminal of so many columns.
func openTerminal(t *testing.T, columns uint16) *os.File {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	t.Cleanup(func() { terminal.Close() })
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return terminal
}

// A terminal that does not know its width breaks no lines, unless COLUMNS says
// where.
func TestWidthThatIsNotKnown(t *testing.T) {
	for _, tt := range []struct {
		columns  uint16
		variable string
		want     int
	}{
		{0, "", unbroken}, {0, "132", 132}, {0, "0", unbroken}, {0, "5", narrowest}, {0, "wide", unbroken}, {0, "-1", unbroken},
		{80, "132", 80}, {1, "", narrowest},
	} {
		t.Setenv("COLUMNS", tt.variable)
		if got := terminalWidth(openTerminal(t, tt.columns)); got != tt.want {
			t.Errorf("%d columns, COLUMNS=%s: %d, want %d", tt.columns, tt.variable, got, tt.want)
		}
	}
}

// A person at a terminal is asked for its width, a check in the same place is
// not: it would be two system calls for nothing.
func TestWidthIsAPersons(t *testing.T) {
	terminal := openTerminal(t, 123)
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
